"""Promises 3 and 5 on the live database, and the counters that orders keep.

What is held to be true:

- An order with ``paid_at`` was fulfilled: every unit of its lines has its pass (source ``order:<line>:<unit>``),
  one and no more. An order without it has none.
- A fulfilled order is entitled while money that fulfilled it is left (or it cost nothing). When it is not entitled, no
  pass of it is active.
- ``paid`` orders are entitled; ``refunded`` ones have no money left; open money lies only in ``needs_attention``.
- A payment's ``refunded`` is the sum of its refunds that did not fail, and never more than its amount.
- ``Plan.held`` is the sum of the lines of orders that hold stock, which only pending orders and those that need
  attention do. (``Plan.sold`` equals the bought passes that are not revoked; the passes' own doctor holds that.)
- Nothing waits for ever: notifications are handled, refunds answered, expired orders swept, outside work done.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.kernel.outbox import OutboxMessage
from qunclub.passes.models import Pass, Plan

from . import rules
from .models import GatewayEvent, Order, OrderLine, Payment, Refund
from .services_payments import MOST_TIMES

SHOWN = 20
STUCK = dt.timedelta(days=1)


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """What is broken, in a constant number of statements."""
    found: list[Finding] = []
    for look in (
        _passes_missing,
        _passes_too_many,
        _access_without_money,
        _money_and_states,
        _refunds,
        _held,
    ):
        found += look(session)
    return found + _stuck(session, now)


def _source(unit: Any, again: Any = None) -> ColumnElement[str]:
    text = literal("order:") + cast(OrderLine.id, String) + ":" + cast(unit, String)
    return text if again is None else text + again


def _units(most: int, name: str) -> Any:
    """The numbers 1 to *most* as a table."""
    first = select(literal(1).label("n")).cte(name, recursive=True)
    return first.union_all(select(first.c.n + 1).where(first.c.n < most))


def _most(session: Session) -> int:
    return session.execute(select(func.max(OrderLine.quantity))).scalar() or 1


def _passes_missing(session: Session) -> list[Finding]:
    units = _units(_most(session), "units")
    query = (
        select(Order.code, OrderLine.id, units.c.n)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(units, units.c.n <= OrderLine.quantity)
        .join(Pass, Pass.source == _source(units.c.n), isouter=True)
        .where(
            Order.paid_at.is_not(None),
            or_(Pass.id.is_(None), Pass.plan_id != OrderLine.plan_id, Pass.member_id != Order.member_id),
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            3,
            f"Order {code} was paid, but unit {unit} of its line {line_id} has no pass of its plan and buyer.",
            {"order": code, "line_id": line_id, "unit": unit},
        )
        for code, line_id, unit in session.execute(query)
    ]


def _passes_too_many(session: Session) -> list[Finding]:
    # Every unit has its pass (above) and sources are unique, so any surplus shows in the totals.
    bought = (
        select(func.count())
        .select_from(Pass)
        .where(Pass.source.like("order:%:%"), Pass.source.not_like("order:%:%:%"))
    )
    due = (
        select(func.coalesce(func.sum(OrderLine.quantity), 0))
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.paid_at.is_not(None))
    )
    have, owed = session.execute(select(bought.scalar_subquery(), due.scalar_subquery())).one()
    if have <= owed:
        return []
    message = f"{have} passes were issued from orders, but paid orders are owed {owed}."
    return [Finding(3, message, {"passes": have, "owed": owed})]


def _entitled() -> ColumnElement[bool]:
    return (
        select(Payment.id)
        .where(
            Payment.order_id == Order.id,
            Payment.fulfils.is_(True),
            or_(Payment.refunded < Payment.amount, Payment.amount == 0),
        )
        .exists()
    )


def _access_without_money(session: Session) -> list[Finding]:
    units, times = _units(_most(session), "units"), _units(MOST_TIMES, "times")
    suffix = case((times.c.n == 1, ""), else_=literal(":") + cast(times.c.n, String))
    query = (
        select(Order.code, Pass.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(units, units.c.n <= OrderLine.quantity)
        .join(times, literal(True))
        .join(Pass, Pass.source == _source(units.c.n, suffix))
        .where(Order.paid_at.is_not(None), Order.state != rules.PAID, Pass.state == "active", ~_entitled())
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"The money for order {code} was given back, but its pass {pass_id} is still active.",
            {"order": code, "pass_id": pass_id},
        )
        for code, pass_id in session.execute(query)
    ]


def _money_and_states(session: Session) -> list[Finding]:
    extra = (
        select(Payment.id)
        .where(Payment.order_id == Order.id, Payment.fulfils.is_(False), Payment.refunded < Payment.amount)
        .exists()
    )
    wrong = case(
        (and_(Order.state == rules.PAID, ~_entitled()), "is paid, but no money is left of what paid for it"),
        (
            and_(Order.state != rules.PAID, Order.state != rules.ATTENTION, _entitled()),
            "has its money, but is not paid",
        ),
        (and_(Order.paid_at.is_(None), _entitled()), "has its money, but was never fulfilled"),
        (
            and_(Order.state.in_((rules.PENDING, rules.EXPIRED, rules.CANCELLED, rules.REFUNDED)), extra),
            "has money that nothing was given for, but does not ask for attention",
        ),
        else_=None,
    )
    query = select(Order.code, Order.state, wrong).where(wrong.is_not(None)).order_by(Order.id).limit(SHOWN)
    return [
        Finding(3, f"Order {code} {sentence}.", {"order": code, "state": state})
        for code, state, sentence in session.execute(query)
    ]


def _refunds(session: Session) -> list[Finding]:
    given = (
        select(func.coalesce(func.sum(Refund.amount), 0))
        .where(Refund.payment_id == Payment.id, Refund.state != "failed")
        .scalar_subquery()
    )
    query = (
        select(Payment.id, Payment.amount, Payment.refunded, given)
        .where(or_(Payment.refunded != given, Payment.refunded > Payment.amount))
        .order_by(Payment.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"Payment {ident} of {amount} says {kept} is given back; its refunds add up to {total}.",
            {"payment_id": ident, "amount": amount, "refunded": kept, "refunds": total},
        )
        for ident, amount, kept, total in session.execute(query)
    ]


def _held(session: Session) -> list[Finding]:
    summed = (
        select(OrderLine.plan_id, func.sum(OrderLine.quantity).label("held"))
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.holds_stock.is_(True))
        .group_by(OrderLine.plan_id)
        .subquery()
    )
    holding = func.coalesce(summed.c.held, 0)
    query = (
        select(Plan.slug, Plan.held, holding)
        .join(summed, summed.c.plan_id == Plan.id, isouter=True)
        .where(Plan.held != holding)
        .order_by(Plan.id)
        .limit(SHOWN)
    )
    found = [
        Finding(
            3,
            f"Plan {slug} holds {kept} of its stock back; the orders that hold it add up to {total}.",
            {"plan": slug, "held": kept, "orders": total},
        )
        for slug, kept, total in session.execute(query)
    ]
    ended = (
        select(Order.code, Order.state)
        .where(
            or_(
                and_(Order.holds_stock.is_(True), Order.state.not_in((rules.PENDING, rules.ATTENTION))),
                and_(Order.holds_stock.is_(False), Order.state == rules.PENDING),
            )
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return found + [
        Finding(
            3,
            f"Order {code} is {state}, which does not fit the stock it holds.",
            {"order": code, "state": state},
        )
        for code, state in session.execute(ended)
    ]


def _stuck(session: Session, now: dt.datetime) -> list[Finding]:
    before = now - STUCK
    events = select(func.count()).where(
        GatewayEvent.handled_at.is_(None),
        GatewayEvent.outcome != "waiting",
        GatewayEvent.received_at < before,
    )
    refunds = select(func.count()).where(
        Refund.state == "requested", Refund.provider_ref.is_(None), Refund.created_at < before
    )
    orders = select(func.count()).where(Order.state == rules.PENDING, Order.expires_at < before)
    given_up = select(func.count()).where(OutboxMessage.due_at.is_(None), OutboxMessage.done_at.is_(None))
    counts = (events, refunds, orders, given_up)
    row = session.execute(select(*(count.scalar_subquery() for count in counts))).one()
    sentences = (
        "{n} notification(s) of the gateway could not be handled for more than a day.",
        "{n} refund(s) have waited for the gateway's answer for more than a day.",
        "{n} order(s) expired more than a day ago and still hold stock: is the job worker running?",
        "{n} piece(s) of outside work (mail, refunds, pay pages) were given up after many tries.",
    )
    return [
        Finding(promise, sentence.format(n=n), {"count": n})
        for promise, sentence, n in zip((3, 5, 3, 3), sentences, row, strict=True)
        if n
    ]
