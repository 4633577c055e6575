"""Money arrives. ``record_payment`` is the one place where an order is fulfilled, in one transaction with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, passes
from qunclub.groups.models import GroupLine
from qunclub.kernel import N_, Actor, Conflict, locks, mail, signals
from qunclub.kernel.payments import CheckoutSession
from qunclub.passes.models import Pass, Plan

from . import rules, services
from .models import Order, OrderLine, Payment

OFFLINE, FREE = "offline", "free"
MOST_TIMES = 5
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
) -> Outcome:
    """Record money for an order and, when it is the right money, give what was bought, once.

    The same *provider* and *ref* again change nothing. Locks are taken in this order: order, plan, group line,
    member, number counter.

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
) -> Outcome:
    due = rules.Due(order.state, order.total, order.currency, order.holds_stock)
    late = order.state == rules.EXPIRED
    supply = _supply(session, lines) if late else ()
    verdict = rules.judge_payment(due, amount=payment.amount, currency=payment.currency, supply=supply)
    session.add(payment)
    if not verdict.fulfil:
        session.flush()
        _put_before_admin(session, order, payment, verdict.reason, actor=actor, now=now)
        return Outcome("attention", order, verdict.reason)
    payment.fulfils = True
    if payment.provider in (OFFLINE, FREE):
        # Paid another way: the open pay page must not take the money a second time.
        services.close_checkout(session, order, now=now)
    text = PAID_LATE_NOTE if late else PAID_NOTE
    issued = fulfil(session, order, lines, text=text, now=now, actor=actor)
    return Outcome("fulfilled", order, passes=issued)


def _supply(session: Session, lines: list[OrderLine]) -> list[rules.Supply]:
    """What is left for a late payment, under the locks of the plans and then of their group lines."""
    plans = {line.plan_id: locks.lock(session, Plan, line.plan_id) for line in lines}
    line_ids = sorted({plan.group_line_id for plan in plans.values() if plan.group_line_id is not None})
    for line_id in line_ids:
        locks.lock(session, GroupLine, line_id)
    seats = groups.seats_left(session, line_ids) if line_ids else {}
    found = []
    for line in lines:
        plan = plans[line.plan_id]
        stock = None if plan.stock is None else plan.stock - plan.held - plan.sold
        room = None if plan.group_line_id is None else seats[plan.group_line_id]
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
    if order.email:
        mail.send(
            session,
            to=order.email,
            template="order_attention",
            context={"code": order.code, "reason": reason},
            locale=order.locale,
            key=f"order_attention:{payment.id}",
            now=now,
        )


def fulfil(
    session: Session, order: Order, lines: list[OrderLine], *, text: str, now: dt.datetime, actor: Actor
) -> list[Pass]:
    """Give what the order bought: stock, passes (number, seat, ticket, tier), points, receipt."""
    # Only an admin's decision after a refund that ended the passes and then failed comes here a second time.
    again = 1 if order.paid_at is None else _times_fulfilled(session, lines) + 1
    if again > MOST_TIMES:
        raise Conflict(N_("This order was fulfilled too often; give the money back."))
    # Kept in hand: the session then finds them again without asking the database.
    sold = [
        passes.sell(session, plan_id=line.plan_id, quantity=line.quantity, held=order.holds_stock, now=now)
        for line in lines
    ]
    order.holds_stock = False
    order.paid_at = order.paid_at or now
    services.move(session, order, rules.PAID, actor=actor, now=now, text=text)
    session.flush()
    issued = [
        _issue(session, order, line, unit, again, now=now, actor=actor)
        for line in lines
        for unit in range(1, line.quantity + 1)
    ]
    del sold
    if order.email:
        mail.send(
            session,
            to=order.email,
            template="receipt",
            context={
                "code": order.code,
                "lines": [{"title": line.title, "quantity": line.quantity} for line in lines],
                "total": order.total,
                "currency": order.currency,
            },
            locale=order.locale,
            key=f"receipt:{order.code}",
            now=now,
        )
    signals.after_commit(
        session,
        signals.order_paid,
        order_code=order.code,
        member_id=order.member_id,
        total=order.total,
        currency=order.currency,
    )
    return issued


def pass_source(line_id: int, unit: int, again: int = 1) -> str:
    """The unique source of the pass that one unit of an order line bought.

    *again* is 2 and more when an admin fulfils an order whose refund had ended the first pass and then failed.
    """
    return f"order:{line_id}:{unit}" + (f":{again}" if again > 1 else "")


def pass_sources(line_id: int, quantity: int) -> list[str]:
    """Every source the passes of an order line can have."""
    units = range(1, quantity + 1)
    return [pass_source(line_id, unit, again) for unit in units for again in range(1, MOST_TIMES + 1)]


def _issue(
    session: Session, order: Order, line: OrderLine, unit: int, again: int, *, now: dt.datetime, actor: Actor
) -> Pass:
    return passes.issue(
        session,
        member_id=order.member_id,
        plan_id=line.plan_id,
        source=pass_source(line.id, unit, again),
        now=now,
        actor=actor,
    )


def _times_fulfilled(session: Session, lines: list[OrderLine]) -> int:
    first = lines[0]
    sources = [pass_source(first.id, 1, again) for again in range(1, MOST_TIMES + 1)]
    return len(session.execute(select(Pass.id).where(Pass.source.in_(sources))).all())


def settle_checkout(
    session: Session, *, provider: str, checkout: CheckoutSession, now: dt.datetime, actor: Actor
) -> Outcome:
    """Record the payment of a settled checkout, whoever told of it: webhook, return page or sweeper."""
    if not checkout.settled:
        raise Conflict(N_("The payment service has not received this payment yet."))
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
    )
