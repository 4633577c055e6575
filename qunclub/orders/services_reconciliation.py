"""Holding Stripe's list against the books: nothing is changed by it, only the result is kept until the next one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, store

from .models import Order, Payment, Refund
from .models_money import DISPUTE_STATES, Dispute
from .reconciliation import Difference, Here, compare
from .reconciliation_file import Listed, Sum

KEPT = "reconciliation.last"
MOST_KEPT = 2_000
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Result:
    """The last reconciliation.

    Attributes:
        count: how many differences there were; *differences* holds the first :data:`MOST_KEPT` of them.
        matched: how many payments, refunds and disputes the file names.
    """

    file: str
    by: str
    at: dt.datetime
    first: dt.datetime
    last: dt.datetime
    lines: int
    others: int
    matched: int
    sums: dict[str, Sum]
    count: int
    differences: list[Difference]


def reconcile(
    session: Session, *, listed: Listed, file: str, provider: str, actor: Actor, now: dt.datetime
) -> Result:
    """Compare *listed* with the payments, refunds and disputes of *provider*, and keep what came of it."""
    found = compare(
        listed,
        payments=_payments(session, listed, provider),
        refunds=_refunds(session, listed, provider),
        disputes=_disputes(session, listed, provider),
    )
    assert listed.first is not None and listed.last is not None  # a list without lines was refused
    result = Result(
        file=file[:200],
        by=actor.name,
        at=now,
        first=listed.first,
        last=listed.last,
        lines=listed.lines,
        others=listed.others,
        matched=len(listed.payments) + len(listed.refunds) + len(listed.disputes),
        sums=listed.sums,
        count=len(found),
        differences=found[:MOST_KEPT],
    )
    store.set_value(session, KEPT, _written(asdict(result)))
    store.record(
        session,
        actor=actor,
        action="reconciliation.run",
        target="reconciliation",
        now=now,
        summary=result.file,
        details={"lines": listed.lines, "differences": len(found)},
    )
    session.flush()
    return result


def last_result(session: Session) -> Result | None:
    """What came of it the last time."""
    kept = store.get_value(session, KEPT)
    if kept is None:
        return None
    times = {name: dt.datetime.fromisoformat(kept[name]) for name in ("at", "first", "last")}
    sums = {currency: Sum(**values) for currency, values in kept["sums"].items()}
    differences = [
        Difference(**{**one, "at": dt.datetime.fromisoformat(one["at"])}) for one in kept["differences"]
    ]
    return Result(**{**kept, **times, "sums": sums, "differences": differences})


def _written(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _written(one) for key, one in value.items()}
    return [_written(one) for one in value] if isinstance(value, list) else value


def _chunks(refs: Collection[str]) -> Iterator[list[str]]:
    rest = iter(refs)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _gather(
    session: Session, query: Select[Any], column: Any, refs: Collection[str], when: Any
) -> dict[str, Here]:
    """Rows that the list names, and those of its time."""
    found: dict[str, Here] = {}
    for chunk in _chunks(refs):
        for row in session.execute(query.where(column.in_(chunk))):
            found[row[0]] = Here(*row)
    for row in session.execute(query.where(when).execution_options(yield_per=1_000)):
        found.setdefault(row[0], Here(*row))
    return found


def _payments(session: Session, listed: Listed, provider: str) -> dict[str, Here]:
    query: Any = (
        select(Payment.ref, Payment.amount, Payment.currency, Order.code, Payment.received_at)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.provider == provider)
    )
    intents = {there.intent for side in (listed.refunds, listed.disputes) for there in side.values()}
    refs = {*listed.payments, *intents} - {""}
    return _gather(session, query, Payment.ref, refs, Payment.received_at.between(listed.first, listed.last))


def _refunds(session: Session, listed: Listed, provider: str) -> dict[str, Here]:
    query: Any = (
        select(
            Refund.provider_ref, Refund.amount, Payment.currency, Order.code, Refund.created_at, Refund.state
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.provider == provider, Refund.provider_ref.is_not(None))
    )
    when = Refund.created_at.between(listed.first, listed.last)
    return _gather(session, query, Refund.provider_ref, listed.refunds, when)


def _disputes(session: Session, listed: Listed, provider: str) -> dict[str, Here]:
    query: Any = (
        select(Dispute.ref, Dispute.amount, Dispute.currency, Order.code, Dispute.opened_at, Dispute.state)
        .join(Payment, Payment.id == Dispute.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Dispute.provider == provider)
    )
    when = Dispute.state.in_(DISPUTE_STATES) & Dispute.opened_at.between(listed.first, listed.last)
    return _gather(session, query, Dispute.ref, listed.disputes, when)
