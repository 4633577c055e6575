"""What must hold of tuition earned back on a live database: once an order, never more than was paid."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.orders.models import Payment, Refund
from qunclub.orders.models_selling import Coupon

from .models import TuitionCase, TuitionPromise

SHOWN = 20


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Two statements, however many promises there are."""
    findings = []
    for what, query in (
        ("rewards of more than was paid for the order", _too_much()),
        ("granted rewards without their one refund or coupon of that worth", _ungranted()),
    ):
        found = list(session.scalars(query.limit(SHOWN)))
        if found:
            many = f"{SHOWN} or more" if len(found) == SHOWN else str(len(found))
            findings.append(Finding(5, f"{many} {what}: {found}.", {"ids": found}))
    return findings


def _too_much() -> Select[Any]:
    paid = (
        select(func.coalesce(func.sum(Payment.amount), 0))
        .where(Payment.order_id == TuitionCase.order_id)
        .scalar_subquery()
    )
    return select(TuitionCase.id).where(TuitionCase.amount > paid).order_by(TuitionCase.id)


def _ungranted() -> Select[Any]:
    refund = exists().where(Refund.key == TuitionCase.ref, Refund.amount == TuitionCase.amount)
    coupon = exists().where(Coupon.code == TuitionCase.ref, Coupon.amount == TuitionCase.amount)
    return (
        select(TuitionCase.id)
        .join(TuitionPromise, TuitionPromise.id == TuitionCase.promise_id)
        .where(
            TuitionCase.state == "granted",
            or_(
                TuitionCase.amount <= 0,
                (TuitionPromise.kind == "refund") & ~refund,
                (TuitionPromise.kind == "credit") & ~coupon,
            ),
        )
        .order_by(TuitionCase.id)
    )
