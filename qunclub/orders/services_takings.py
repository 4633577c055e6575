"""The takings are kept, not added up: each payment and each settled refund is booked once, on its day.

A payment is booked when it has come. A refund is booked on the day it is settled; one that fails after that is taken
out of that day again. One sweeper books at a time, under the lock of a counter's row; rows that somebody is changing
at the moment wait for the next sweep.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Row, delete, func, literal_column, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import insert_for, locks
from qunclub.kernel.store import Counter, get_value, set_value

from .models import Order, OrderLine, Payment, Refund
from .models_money import MonthTaking, Taking

LOCK = "takings"
AS_OF = "takings.as_of"
BATCH = 500


@dataclass(frozen=True, slots=True, order=True)
class _Slot:
    """One row of the takings."""

    day: dt.date
    currency: str
    plan_id: int
    provider: str
    method: str


@dataclass(slots=True)
class _Sum:
    received: int = 0
    payments: int = 0
    refunded: int = 0
    refunds: int = 0


def book(session: Session, *, zone: dt.tzinfo, now: dt.datetime, limit: int = BATCH) -> int:
    """Book up to *limit* payments and as many refunds that the takings do not know yet; gives how many there were.

    Exactly once, however many sweepers run: the lock, the flags and the sums are one transaction.
    """
    _lock(session)
    sums: dict[_Slot, _Sum] = defaultdict(_Sum)
    count = _payments(session, sums, zone, limit) + _refunds(session, sums, zone, limit)
    _add(session, sums)
    if count < limit:
        set_value(session, AS_OF, now.isoformat())
    session.flush()
    return count


def as_of(session: Session) -> dt.datetime | None:
    """When everything had been booked last."""
    value = get_value(session, AS_OF)
    return None if value is None else dt.datetime.fromisoformat(value)


def forget(session: Session) -> None:
    """Empty the takings and have every payment and refund booked anew, by as many :func:`book` as it takes."""
    _lock(session)
    session.execute(update(Payment).values(to_book=True))
    session.execute(update(Refund).values(to_book=True, booked=0, booked_on=None))
    session.execute(delete(Taking))
    session.execute(delete(MonthTaking))


def _lock(session: Session) -> None:
    if locks.enabled():
        insert = insert_for(session, Counter)
        session.execute(insert.values(name=LOCK, value=0).on_conflict_do_nothing())
        session.execute(select(Counter.name).where(Counter.name == LOCK).with_for_update())


def _plan_of() -> Any:
    # An order's plan stands on the order; those from before it did are asked by their line.
    line = select(func.min(OrderLine.plan_id)).where(OrderLine.order_id == Order.id).scalar_subquery()
    return func.coalesce(Order.plan_id, line).label("plan_id")


def _slot(row: Row[*tuple[Any, ...]], at: dt.datetime, zone: dt.tzinfo) -> _Slot:
    return _Slot(at.astimezone(zone).date(), row.currency, row.plan_id, row.provider, row.method)


def _payments(session: Session, sums: dict[_Slot, _Sum], zone: dt.tzinfo, limit: int) -> int:
    query = (
        select(
            Payment.id, Payment.received_at, Payment.amount, Payment.currency, Payment.provider, Payment.method,
            _plan_of(),
        )
        .join(Order, Order.id == Payment.order_id)
        .where(literal_column("qunclub_payment.to_book"))
        .order_by(Payment.id)
        .limit(limit)
    )  # fmt: skip
    if locks.enabled():
        query = query.with_for_update(of=Payment, skip_locked=True)
    rows = session.execute(query).all()
    for row in rows:
        # What was free brought nothing.
        if row.amount:
            found = sums[_slot(row, row.received_at, zone)]
            found.received += row.amount
            found.payments += 1
    if rows:
        done = update(Payment).where(Payment.id.in_([row.id for row in rows])).values(to_book=False)
        session.execute(done, execution_options={"synchronize_session": False})
    return len(rows)


def _refunds(session: Session, sums: dict[_Slot, _Sum], zone: dt.tzinfo, limit: int) -> int:
    query = (
        select(
            Refund.id, Refund.state, Refund.amount, Refund.settled_at, Refund.created_at, Refund.booked,
            Refund.booked_on, Payment.currency, Payment.provider, Payment.method, _plan_of(),
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(literal_column("qunclub_refund.to_book"))
        .order_by(Refund.id)
        .limit(limit)
    )  # fmt: skip
    if locks.enabled():
        # With its payment: that is what everybody locks who changes a refund.
        query = query.with_for_update(of=[Refund, Payment], skip_locked=True)
    rows = session.execute(query).all()
    booked: list[dict[str, Any]] = []
    for row in rows:
        due = row.amount if row.state == "settled" else 0
        day = row.booked_on
        if row.booked and not due and day is not None:
            # Given back, and yet it came back: out of the day on which it stood.
            found = sums[_Slot(day, row.currency, row.plan_id, row.provider, row.method)]
            found.refunded -= row.booked
            found.refunds -= 1
            day = None
        elif due and not row.booked:
            slot = _slot(row, row.settled_at or row.created_at, zone)
            sums[slot].refunded += due
            sums[slot].refunds += 1
            day = slot.day
        booked.append({"id": row.id, "to_book": False, "booked": due, "booked_on": day})
    if booked:
        session.execute(update(Refund), booked)
    return len(rows)


def _add(session: Session, sums: dict[_Slot, _Sum]) -> None:
    months: dict[_Slot, _Sum] = defaultdict(_Sum)
    for slot, found in sums.items():
        month = months[replace(slot, day=slot.day.replace(day=1))]
        month.received += found.received
        month.payments += found.payments
        month.refunded += found.refunded
        month.refunds += found.refunds
    _add_to(session, Taking, sums)
    _add_to(session, MonthTaking, months)


def _add_to(session: Session, table: type[Taking | MonthTaking], sums: dict[_Slot, _Sum]) -> None:
    if not sums:
        return
    insert = insert_for(session, table).values(
        [{**asdict(slot), **asdict(found)} for slot, found in sorted(sums.items())]
    )
    new = insert.excluded
    numbers = ("received", "payments", "refunded", "refunds")
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[table.day, table.currency, table.plan_id, table.provider, table.method],
            set_={name: getattr(table, name) + new[name] for name in numbers},
        )
    )
