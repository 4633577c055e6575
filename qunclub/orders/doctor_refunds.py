"""Promise 5 on the live database, where it is about more than a payment and its refunds.

What is held to be true:

- What an order bought is taken back when its money is: no term of a pass and no open claim code is left of an order
  that was fulfilled and whose money all went back, and its membership is not charged again.
- ``Order.refunded`` is what its payments say.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.passes.models import PassTerm

from . import rules
from .models import Order, OrderLine, Payment
from .models_selling import ClaimCode, Subscription
from .services_fulfil import MOST_TIMES

SHOWN = 20


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """What is broken, in a constant number of statements."""
    return [*_terms(session), *_codes(session), *_renewing(session), *_sums(session)]


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


def _given_back() -> tuple[ColumnElement[bool], ...]:
    # By state first: orders that were paid and stay so are many, and an index leads past them.
    return (
        Order.state.in_((rules.REFUNDED, rules.ATTENTION)),
        Order.paid_at.is_not(None),
        ~_entitled(),
    )


def _numbers(most: int, name: str) -> Any:
    first = select(literal(1).label("n")).cte(name, recursive=True)
    return first.union_all(select(first.c.n + 1).where(first.c.n < most))


def _terms(session: Session) -> list[Finding]:
    most = session.execute(select(func.max(OrderLine.quantity))).scalar() or 1
    units, times = _numbers(most, "refund_units"), _numbers(MOST_TIMES, "refund_times")
    again = case((times.c.n == 1, ""), else_=literal(":") + cast(times.c.n, String))
    source = literal("order:") + cast(OrderLine.id, String) + ":" + cast(units.c.n, String) + again
    query = (
        select(Order.code, PassTerm.pass_id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(units, units.c.n <= OrderLine.quantity)
        .join(times, literal(True))
        .join(PassTerm, PassTerm.source == source)
        .where(*_given_back(), PassTerm.revoked_at.is_(None))
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"The money of order {code} was given back, but the time it bought for pass {pass_id} was not taken off.",
            {"order": code, "pass_id": pass_id},
        )
        for code, pass_id in session.execute(query)
    ]


def _codes(session: Session) -> list[Finding]:
    query = (
        select(Order.code, func.count())
        .join(ClaimCode, ClaimCode.order_id == Order.id)
        .where(*_given_back(), ClaimCode.state == "open")
        .group_by(Order.code)
        .order_by(Order.code)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"The money of order {code} was given back, but {n} of its claim codes can still be used.",
            {"order": code, "codes": n},
        )
        for code, n in session.execute(query)
    ]


def _renewing(session: Session) -> list[Finding]:
    query = (
        select(Order.code, Subscription.id)
        .join(Subscription, Subscription.id == Order.subscription_id)
        .where(*_given_back(), Order.state == rules.REFUNDED, Subscription.state.in_(("active", "past_due")))
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"The money of order {code} was given back, but its membership {ident} is still charged.",
            {"order": code, "subscription_id": ident},
        )
        for code, ident in session.execute(query)
    ]


def _sums(session: Session) -> list[Finding]:
    total = (
        select(func.coalesce(func.sum(Payment.refunded), 0))
        .where(Payment.order_id == Order.id)
        .scalar_subquery()
    )
    query = (
        select(Order.code, Order.refunded, total)
        .where(Order.refunded != total)
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"Order {code} says {kept} was given back of it; its payments add up to {summed}.",
            {"order": code, "refunded": kept, "payments": summed},
        )
        for code, kept, summed in session.execute(query)
    ]
