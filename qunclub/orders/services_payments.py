"""Money arrives. ``record_payment`` is the one place where an order is fulfilled, in one transaction with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, notices
from qunclub.groups.models import GroupLine
from qunclub.kernel import N_, Actor, Conflict, locks
from qunclub.kernel.payments import CheckoutSession
from qunclub.passes.models import Pass, Plan

from . import rules, services, services_subscriptions
from .models import Order, OrderLine, Payment
from .rules_selling import GIFT, RENEWAL
from .services_fulfil import fulfil
from .services_fulfil import obstacle as obstacle_to

OFFLINE, FREE = "offline", "free"
PAID_NOTE = N_("Paid; the passes are issued.")
PAID_LATE_NOTE = N_("Paid after its time; stock and seat allowed it, the passes are issued.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a payment came to.

    Attributes:
        kind: ``fulfilled``, ``already`` (this very payment was known) or ``attention``.
        reason: why it needs attention.
        passes: those issued now.
    """

    kind: Literal["fulfilled", "already", "attention"]
    order: Order
    reason: str = ""
    passes: list[Pass] = field(default_factory=list)


def record_payment(
    session: Session,
    *,
    order_code: str,
    provider: str,
    ref: str,
    method: str,
    amount: int,
    currency: str,
    now: dt.datetime,
    actor: Actor,
    period_ends_at: dt.datetime | None = None,
) -> Outcome:
    """Record money for an order and, when it is the right money, give what was bought, once.

    The same *provider* and *ref* again change nothing. Locks are taken in this order: order, plan, coupon, pass, group
    line, member, counters.

    Args:
        period_ends_at: until when it pays, for a recurring membership.

    Raises:
        NotFound: when there is no such order.
    """
    order = services.locked(session, order_code)
    known = session.scalars(
        select(Payment).where(Payment.provider == provider, Payment.ref == ref)
    ).one_or_none()
    if known is not None:
        if known.order_id != order.id:
            raise Conflict(N_("This payment is recorded for another order already."))
        if method and not known.method:
            known.method = method
            if order.method == provider:
                order.method = method
            session.flush()
        return Outcome("already", order)
    return receive(
        session,
        order,
        services.lines_of(session, order),
        payment_row(
            order,
            provider=provider,
            ref=ref,
            method=method,
            amount=amount,
            currency=currency,
            now=now,
            actor=actor,
        ),
        now=now,
        actor=actor,
        period_ends_at=period_ends_at,
    )


def payment_row(
    order: Order,
    *,
    provider: str,
    ref: str,
    method: str,
    amount: int,
    currency: str,
    now: dt.datetime,
    actor: Actor,
) -> Payment:
    return Payment(
        order_id=order.id,
        provider=provider,
        ref=ref,
        method=method,
        amount=amount,
        refunded=0,
        currency=currency.upper(),
        fulfils=False,
        received_at=now,
        recorded_by=actor.key[:120],
    )


def receive(
    session: Session,
    order: Order,
    lines: list[OrderLine],
    payment: Payment,
    *,
    now: dt.datetime,
    actor: Actor,
    period_ends_at: dt.datetime | None = None,
) -> Outcome:
    """Judge money for a locked order: fulfil it, or put it before an admin."""
    due = rules.Due(order.state, order.total, order.currency, order.holds_stock)
    late = order.state == rules.EXPIRED
    obstacle = obstacle_to(session, order, lines, now=now) if late or order.state == rules.PENDING else ""
    supply = _supply(session, lines) if late else ()
    verdict = rules.judge_payment(
        due, amount=payment.amount, currency=payment.currency, supply=supply, obstacle=obstacle
    )
    session.add(payment)
    if not verdict.fulfil:
        order.method = order.method or payment.method or payment.provider
        session.flush()
        _put_before_admin(session, order, payment, verdict.reason, actor=actor, now=now)
        return Outcome("attention", order, verdict.reason)
    payment.fulfils = True
    if payment.provider in (OFFLINE, FREE):
        # Paid another way: the open pay page must not take the money a second time.
        services.close_checkout(session, order, now=now)
    text = PAID_LATE_NOTE if late else PAID_NOTE
    issued = fulfil(
        session,
        order,
        lines,
        text=text,
        now=now,
        actor=actor,
        period_ends_at=period_ends_at,
        method=payment.method or payment.provider,
    )
    return Outcome("fulfilled", order, passes=issued)


def _supply(session: Session, lines: list[OrderLine]) -> list[rules.Supply]:
    """What is left for a late payment, under the locks of the plans and then of their group lines."""
    # More time for a pass takes neither stock nor seat; whether the pass is still there is looked at apart.
    lines = [line for line in lines if line.kind != RENEWAL]
    plans = {line.plan_id: locks.lock(session, Plan, line.plan_id) for line in lines}
    line_ids = sorted({plan.group_line_id for plan in plans.values() if plan.group_line_id is not None})
    for line_id in line_ids:
        locks.lock(session, GroupLine, line_id)
    seats = groups.seats_left(session, line_ids) if line_ids else {}
    found = []
    for line in lines:
        plan = plans[line.plan_id]
        stock = None if plan.stock is None else plan.stock - plan.held - plan.sold
        # A gift takes its seats when it is claimed.
        seatless = plan.group_line_id is None or line.kind == GIFT
        room = None if seatless or plan.group_line_id is None else seats[plan.group_line_id]
        # Nobody is seated before those who wait.
        free = None if room is None else 0 if room.waiting else room.free
        found.append(rules.Supply(line.quantity, stock, free))
    return found


def _put_before_admin(
    session: Session, order: Order, payment: Payment, reason: str, *, actor: Actor, now: dt.datetime
) -> None:
    if order.state == rules.ATTENTION:
        services.note(session, order, actor=actor, now=now, text=reason)
        session.flush()
        return
    services.move(session, order, rules.ATTENTION, actor=actor, now=now, text=reason)
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="order_attention",
        context={"code": order.code, "reason": reason},
        locale=order.locale,
        key=f"order_attention:{payment.id}",
        now=now,
    )


def settle_checkout(
    session: Session, *, provider: str, checkout: CheckoutSession, now: dt.datetime, actor: Actor
) -> Outcome:
    """Record the payment of a settled checkout, whoever told of it: webhook, return page or sweeper."""
    if not checkout.settled:
        raise Conflict(N_("The payment service has not received this payment yet."))
    if checkout.subscription_ref:
        services_subscriptions.linked(
            session,
            services.locked(session, checkout.order_code),
            ref=checkout.subscription_ref,
            customer_ref=checkout.customer_ref or "",
            period_ends_at=checkout.period_ends_at,
            now=now,
        )
    return record_payment(
        session,
        order_code=checkout.order_code,
        provider=provider,
        ref=checkout.payment_ref or checkout.id,
        method=checkout.method or "",
        amount=checkout.amount_total,
        currency=checkout.currency,
        now=now,
        actor=actor,
        period_ends_at=checkout.period_ends_at,
    )
