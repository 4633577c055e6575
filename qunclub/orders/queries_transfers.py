"""Reads of transfers: the buyer's page, and the admins' queue. Each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub.kernel import NotFound, Page, ids, paginate
from qunclub.members.models import Member

from . import rules
from . import rules_transfers as transfers
from .models import Order
from .models_money import TransferProof

HEADER = (
    "order", "state", "ordered_at", "until", "number", "name", "email", "plan", "total", "currency", "proofs",
    "first_proof_at",
)  # fmt: skip
MOST_PEOPLE = 200
CHECK, WAIT = "check", "wait"


@dataclass(frozen=True, slots=True)
class Filters:
    """What an admin looks for; *show* is ``check`` (a proof waits), ``wait`` (none yet) or empty for both."""

    q: str = ""
    show: str = ""
    plan_id: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order in the queue."""

    order: Order
    proofs: int
    first: dt.datetime | None


def _of_order(what: Any) -> Any:
    """*what* of the proofs of an order that wait, asked for each order of the queue: there are few of those."""
    return (
        select(what)
        .where(TransferProof.order_id == Order.id, TransferProof.state == transfers.SUBMITTED)
        .correlate(Order)
        .scalar_subquery()
    )


def queue_query(filters: Filters) -> Select[Order, int | None, dt.datetime | None]:
    """Orders with proofs first, then those that wait for one, the oldest first."""
    first = _of_order(func.min(TransferProof.submitted_at)).label("first")
    proofs = _of_order(func.count()).label("proofs")
    pending = select(Order.id).where(Order.state == rules.PENDING, Order.pay_by == transfers.TRANSFER)
    shown = select(TransferProof.order_id).where(TransferProof.state == transfers.SUBMITTED)
    # Both are found by an index; the long table of orders is never read as a whole.
    either = pending.union(shown)
    wanted = shown if filters.show == CHECK else pending if filters.show == WAIT else either
    query = (
        select(Order, proofs, first)
        .where(Order.id.in_(wanted))
        .options(joinedload(Order.member), selectinload(Order.lines))
        .order_by(first.is_(None), first, Order.created_at, Order.id)
    )
    if filters.show == WAIT:
        query = query.where(first.is_(None))
    if filters.plan_id is not None:
        query = query.where(Order.plan_id == filters.plan_id)
    q = filters.q.strip()
    return query.where(or_(*_meant(q))) if q else query


def _meant(q: str) -> list[Any]:
    """What *q* may mean: an order's code, a person, a member's number, an amount."""
    people = [
        Member.email.startswith(q.lower(), autoescape=True),
        Member.name.startswith(q, autoescape=True),
        Member.nickname.startswith(q, autoescape=True),
    ]
    if q.isdecimal():
        people.append(Member.number == int(q[:9]))
    found = select(Member.id).where(or_(*people)).order_by(Member.id).limit(MOST_PEOPLE)
    means = [
        Order.code == ids.normalise_code(q),
        Order.member_id.in_(found.scalar_subquery()),
        Order.buyer_name.startswith(q, autoescape=True),
    ]
    amounts = _amounts(q)
    return [*means, Order.total.in_(amounts)] if amounts else means


def _amounts(q: str) -> list[int]:
    """*q* as minor units, in a currency with two digits and in one without."""
    try:
        value = Decimal(q.strip("¥$€£ ").replace(",", ""))
    except InvalidOperation:
        return []
    if not value.is_finite() or not 0 < value < 10**12:
        return []
    return sorted({int(value * step) for step in (1, 100) if value * step == int(value * step)})


def queue(session: Session, filters: Filters, *, page: int = 1) -> Page[Waiting]:
    """One page of it."""
    found = paginate(session, queue_query(filters), page=page)
    items = [Waiting(order, proofs or 0, first) for order, proofs, first in found.items]
    return Page(items=items, page=found.page, per_page=found.per_page, has_next=found.has_next)


def queue_rows(session: Session, filters: Filters) -> Iterator[tuple[Any, ...]]:
    """The whole queue as a table."""
    query = queue_query(filters).execution_options(yield_per=500)
    for order, proofs, first in session.execute(query):
        member = order.member
        yield (
            order.code, order.state, order.created_at, order.expires_at, member.number, order.buyer_name or member.name,
            order.email or member.email, ", ".join(line.title for line in order.lines), order.total, order.currency,
            proofs or 0, first,
        )  # fmt: skip


def counts(session: Session) -> dict[str, int]:
    """How many orders wait for an admin, and how many for their buyer."""
    shown = select(func.count(TransferProof.order_id.distinct())).where(
        TransferProof.state == transfers.SUBMITTED
    )
    has_one = select(TransferProof.id).where(
        TransferProof.order_id == Order.id, TransferProof.state == transfers.SUBMITTED
    )
    rest = (
        select(func.count())
        .select_from(Order)
        .where(Order.state == rules.PENDING, Order.pay_by == transfers.TRANSFER, ~has_one.exists())
    )
    check, wait = session.execute(select(shown.scalar_subquery(), rest.scalar_subquery())).one()
    return {CHECK: check, WAIT: wait}


def proofs(session: Session, order_id: int) -> Sequence[TransferProof]:
    """What was sent for an order, the oldest first."""
    query = select(TransferProof).where(TransferProof.order_id == order_id).order_by(TransferProof.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def proof(session: Session, proof_id: int) -> tuple[TransferProof, Order]:
    """A proof and its order.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(TransferProof, Order)
        .join(Order, Order.id == TransferProof.order_id)
        .where(TransferProof.id == proof_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    found, order = row
    return found, order
