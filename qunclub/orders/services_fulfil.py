"""Giving what an order bought, line by line, exactly once: passes, more time, claim codes; coupons and the receipt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from qunclub import notices, passes
from qunclub.kernel import N_, Actor, Conflict, locks, signals, store
from qunclub.passes.models import Pass, Plan

from . import rules, services, services_claims, services_coupons, services_quote, services_subscriptions
from .models import Order, OrderLine
from .models_selling import Subscription
from .rules_selling import GIFT, RENEWAL, UPGRADE

MOST_TIMES = 5
RECEIPTS = "receipt_number"
BASE_GONE = N_("The pass that was to be upgraded has ended meanwhile.")
BASE_TAKEN = N_("The pass that was to be upgraded is part of another upgrade already.")
NOT_CHARGED = N_("It was not paid through the payment service, so it is not renewed by itself.")
BASE_REFUNDED = N_("Money for the pass that was to be upgraded was given back meanwhile.")


def pass_source(line_id: int, unit: int, again: int = 1) -> str:
    """The unique source of what one unit of an order line bought.

    *again* is 2 and more when an admin fulfils an order whose refund had ended the first pass and then failed.
    """
    return f"order:{line_id}:{unit}" + (f":{again}" if again > 1 else "")


def source_of(line: OrderLine, unit: int, again: int = 1) -> str:
    """The same, of a line at hand."""
    return pass_source(line.id, unit, again)


def pass_sources(line_id: int, quantity: int) -> list[str]:
    """Every source that what an order line bought can have."""
    units = range(1, quantity + 1)
    return [pass_source(line_id, unit, again) for unit in units for again in range(1, MOST_TIMES + 1)]


def obstacle(session: Session, order: Order, lines: Sequence[OrderLine], *, now: dt.datetime) -> str:
    """Why money for this order cannot simply be taken, seen from the passes it is about; empty when it can.

    An upgrade needs its base: active, worth what it was taken for, and in no other upgrade. A renewal whose pass has
    ended meanwhile becomes a new pass, which needs stock.

    Locks, in order: the plans, the coupons, those passes.
    """
    about = [line for line in lines if line.pass_id is not None]
    if not about:
        return ""
    plans = {line.plan_id: locks.lock(session, Plan, line.plan_id) for line in lines}
    services_coupons.lock_all(session, order)
    for line in sorted(about, key=lambda one: one.pass_id or 0):
        held = locks.lock(session, Pass, line.pass_id or 0)
        if line.kind == UPGRADE:
            if held.state != "active" or passes.is_over(held, now):
                return BASE_GONE
            if services_quote.upgraded(session, [held.id], but=order.id, waiting=False):
                return BASE_TAKEN
            paid = sum(term.paid for term in services_quote.paid_terms(session, [held])[held.id])
            if paid < line.reduction:
                return BASE_REFUNDED
        elif line.kind == RENEWAL and not _extendable(held):
            left = passes.stock_left(plans[line.plan_id])
            if left is not None and left < line.quantity:
                return rules.LATE_NO_STOCK
    return ""


def _check_bases(session: Session, order: Order, lines: Sequence[OrderLine]) -> None:
    """Whoever decides: a pass carries one upgrade."""
    bases = sorted(line.pass_id for line in lines if line.kind == UPGRADE and line.pass_id is not None)
    for ident in bases:
        locks.lock(session, Pass, ident)
    if bases and services_quote.upgraded(session, bases, but=order.id, waiting=False):
        raise Conflict(BASE_TAKEN)


def _extendable(held: Pass) -> bool:
    return held.state in ("active", "suspended") and held.ends_at is not None


def fulfil(
    session: Session,
    order: Order,
    lines: Sequence[OrderLine],
    *,
    text: str,
    now: dt.datetime,
    actor: Actor,
    period_ends_at: dt.datetime | None = None,
    method: str = "",
) -> list[Pass]:
    """Give what the order bought: stock, coupons, passes (number, seat, ticket, tier), points, receipt.

    Args:
        method: how it was paid, for the desk's filter.
        period_ends_at: until when a recurring membership is paid for; as its plan says when None.

    Returns:
        The passes issued or extended; claim codes give none until they are claimed.
    """
    # Only an admin's decision after a refund that ended the passes and then failed comes here a second time.
    again = 1 if order.paid_at is None else _times_fulfilled(session, lines) + 1
    if again > MOST_TIMES:
        raise Conflict(N_("This order was fulfilled too often; give the money back."))
    # Kept in hand: the session then finds the plans again without asking the database.
    plans = [_sell(session, order, line, now=now, actor=actor) for line in lines]
    services_coupons.use(session, order, now=now, actor=actor)
    _check_bases(session, order, lines)
    order.holds_stock = False
    order.paid_at = order.paid_at or now
    order.plan_id = order.plan_id or lines[0].plan_id
    order.method = method or order.method
    services.move(session, order, rules.PAID, actor=actor, now=now, text=text)
    session.flush()
    given = []
    for line, plan in zip(lines, plans, strict=True):
        given += _give(session, order, line, plan, again, now=now, actor=actor, period_ends_at=period_ends_at)
    if order.receipt_no is None and order.total > 0:
        # The last lock there is: the counter, until the commit. A rollback gives the number back.
        order.receipt_no = store.next_value(session, RECEIPTS)
    _tell(session, order, lines, now=now)
    session.flush()
    return given


def _sell(session: Session, order: Order, line: OrderLine, *, now: dt.datetime, actor: Actor) -> Plan:
    """Count what a line takes out of the stock; a renewal takes nothing while its pass can be extended."""
    quantity, held = line.quantity, order.holds_stock
    if line.kind in (RENEWAL, GIFT):
        plan = locks.lock(session, Plan, line.plan_id)
        if line.kind == GIFT:
            quantity = len(services_claims.open_codes(session, order, line, now, actor))
        else:
            quantity, held = 0 if _renewed(session, line) else line.quantity, False
        if not quantity:
            return plan
    return passes.sell(session, plan_id=line.plan_id, quantity=quantity, held=held, now=now)


def _renewed(session: Session, line: OrderLine) -> Pass | None:
    """The pass that a renewal extends; None when it has ended, so that a new one takes its place."""
    held = session.get(Pass, line.pass_id, populate_existing=True) if line.pass_id else None
    return held if held is not None and _extendable(held) else None


def _give(
    session: Session,
    order: Order,
    line: OrderLine,
    plan: Plan,
    again: int,
    *,
    now: dt.datetime,
    actor: Actor,
    period_ends_at: dt.datetime | None,
) -> list[Pass]:
    if line.kind == GIFT:
        return []
    renewed = _renewed(session, line) if line.kind == RENEWAL else None
    if renewed is not None:
        until = period_ends_at if plan.interval else plan.valid_until
        return [
            passes.extend(
                session,
                pass_id=renewed.id,
                source=source_of(line, unit, again),
                now=now,
                actor=actor,
                ends_at=until,
            )
            for unit in range(1, line.quantity + 1)
        ]
    issued = [
        passes.issue(
            session,
            member_id=order.member_id,
            plan_id=plan.id,
            source=source_of(line, unit, again),
            now=now,
            actor=actor,
            ends_at=period_ends_at if plan.interval else None,
        )
        for unit in range(1, line.quantity + 1)
    ]
    if plan.interval and issued:
        _begin_membership(session, order, issued[-1], now=now, actor=actor)
    return issued


def _begin_membership(session: Session, order: Order, held: Pass, *, now: dt.datetime, actor: Actor) -> None:
    services_subscriptions.started(session, order, held, now)
    begun = session.get(Subscription, order.subscription_id) if order.subscription_id else None
    if begun is not None and begun.ref is None:
        # Paid past the payment service, such as by a transfer: there is nothing that could charge it again.
        services_subscriptions.end(session, begun, reason=NOT_CHARGED, now=now, actor=actor, at_gateway=False)


def _times_fulfilled(session: Session, lines: Sequence[OrderLine]) -> int:
    """How often the order gave its passes; claim codes are opened again instead."""
    first = next((line for line in lines if line.kind != GIFT), None)
    if first is None:
        return 0
    sources = [source_of(first, 1, again) for again in range(1, MOST_TIMES + 1)]
    return len(passes.with_sources(session, sources))


def _tell(session: Session, order: Order, lines: Sequence[OrderLine], *, now: dt.datetime) -> None:
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="receipt",
        context={
            "code": order.code,
            "kind": lines[0].kind,
            "receipt_no": order.receipt_no,
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
