"""Finding orders at the desk: search, filters, pages and the table of record, each bounded by an index.

A page never walks through a long table. One filter is borne by its index. Where several meet, the first one is walked
and the others are looked at for so many orders as :data:`LOOKED_THROUGH` says; the page then offers to look further.
A search first finds which few orders are meant, by exact codes and by the beginnings of names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, literal_column, select, tuple_, union_all
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub import members
from qunclub.kernel import ids
from qunclub.members.models import Member

from . import rules
from .models import Order, Payment, Refund
from .models_money import Dispute, TransferProof
from .models_selling import ClaimCode, Coupon, CouponUse, Subscription

PER_PAGE = 50
LOOKED_THROUGH = 500
"""So many orders of the first filter are held against the others for one page."""
MOST_FOUND = 500
MOST_PEOPLE = 200
SHOWS = ("proof", "refund_failed")
ORDERS_HEADER = (
    "order", "receipt", "kind", "state", "created_at", "paid_at", "expires_at", "number", "name", "email", "buyer_name",
    "buyer_phone", "buyer_address", "plan", "quantity", "discount", "coupons", "total", "refunded", "currency",
    "disputed", "pay_by", "provider", "method", "reference", "received_at", "received", "given_back", "attention",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What an admin looks for.

    Attributes:
        since, until: days in the club's time zone as moments: from *since*, before *until*.
        show: ``proof`` for transfers whose proof waits for a decision, ``refund_failed`` for orders that wait with a
            refund that failed.
        oldest: the oldest first instead of the newest.
    """

    q: str = ""
    state: str = ""
    plan_id: int | None = None
    method: str = ""
    kind: str = ""
    pay_by: str = ""
    disputed: bool = False
    coupon: str = ""
    show: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    oldest: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One page of orders.

    Attributes:
        after: the id of the order after which the next page begins; None when nothing follows.
        more_to_look: whether the page ended because enough orders were looked through, not because it is full.
    """

    items: Sequence[Order]
    after: int | None = None
    more_to_look: bool = False
    first: bool = True


def orders(session: Session, filters: Filters, *, after: int | None = None) -> Found:
    """One page of the orders that match, from behind the order *after*."""
    place = _place(session, after)
    walk = _walk(session, filters, place)
    query = select(Order).options(joinedload(Order.member), selectinload(Order.lines))
    more = False
    if walk.rest:
        fitting, last = _look_through(session, filters, walk)
        more = last is not None
        query = query.where(Order.id.in_(fitting))
    else:
        query, last = query.where(*walk.bearing), None
    query = query.order_by(*_sorted(filters, Order.created_at, Order.id)).limit(PER_PAGE + 1)
    items = session.scalars(query).all()
    if len(items) > PER_PAGE:
        last = items[PER_PAGE - 1].id
    return Found(items[:PER_PAGE], last, more_to_look=more, first=place is None)


def _look_through(session: Session, filters: Filters, walk: _Walk) -> tuple[list[int], int | None]:
    """The orders of one page among those looked through, and the last looked at when there may be more behind it.

    The database sends what fits and one row that tells how far it came: five hundred rows would cost more than the
    page itself.
    """
    looked = select(Order.id, Order.created_at, and_(*walk.rest).label("fits")).where(*walk.bearing)
    looked = looked.order_by(*_sorted(filters, Order.created_at, Order.id)).limit(LOOKED_THROUGH)
    here = looked.cte("looked").prefix_with("MATERIALIZED", dialect="postgresql")
    order = _sorted(filters, here.c.created_at, here.c.id)
    fits = select(here.c.id, literal(0).label("seen")).where(here.c.fits).order_by(*order).limit(PER_PAGE + 1)
    place = [column.desc() if filters.oldest else column for column in (here.c.created_at, here.c.id)]
    farthest = select(here.c.id).order_by(*place).limit(1).scalar_subquery()
    seen = select(farthest, select(func.count()).select_from(here).scalar_subquery())
    rows = session.execute(union_all(select(fits.subquery()), seen)).all()
    fitting = [row.id for row in rows if not row.seen]
    last, count = next(((row.id, row.seen) for row in rows if row.seen), (None, 0))
    return fitting, last if count == LOOKED_THROUGH and len(fitting) <= PER_PAGE else None


def _sorted(filters: Filters, *columns: Any) -> list[Any]:
    return [column if filters.oldest else column.desc() for column in columns]


def _place(session: Session, after: int | None) -> tuple[dt.datetime, int] | None:
    if after is None:
        return None
    row = session.execute(select(Order.created_at, Order.id).where(Order.id == after)).one_or_none()
    return None if row is None else (row.created_at, row.id)


def _beyond(place: tuple[dt.datetime, int], filters: Filters) -> ColumnElement[bool]:
    here = tuple_(Order.created_at, Order.id)
    there = tuple_(literal(place[0], Order.created_at.type), literal(place[1]))
    return here > there if filters.oldest else here < there


@dataclass(frozen=True, slots=True)
class _Walk:
    """What an index bears, and what is held against each order on the way."""

    bearing: list[ColumnElement[bool]]
    rest: list[ColumnElement[bool]]


def _walk(session: Session, filters: Filters, place: tuple[dt.datetime, int] | None) -> _Walk:
    dates: list[ColumnElement[bool]] = []
    if filters.since is not None:
        dates.append(Order.created_at >= filters.since)
    if filters.until is not None:
        dates.append(Order.created_at < filters.until)
    beyond = [] if place is None else [_beyond(place, filters)]
    indexed, usual = _rare(filters), _usual(filters)
    named = _named(session, filters)
    if named is not None:
        if filters.coupon:
            usual.append(Order.id.in_(_uses(filters).scalar_subquery()))
        return _Walk([Order.id.in_(named), *indexed, *usual, *dates, *beyond], [])
    if filters.coupon:
        rest = [*indexed, *usual, *dates]
        uses = _uses(filters)
        if place is not None:
            behind = CouponUse.order_id > place[1] if filters.oldest else CouponUse.order_id < place[1]
            uses = uses.where(behind)
        uses = uses.order_by(*_sorted(filters, CouponUse.order_id))
        uses = uses.limit(LOOKED_THROUGH if rest else PER_PAGE + 1)
        return _Walk([Order.id.in_(uses.scalar_subquery())], rest)
    return _Walk([*indexed[:1], *dates, *beyond], [*indexed[1:], *usual])


def _rare(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters that an index bears, the one that leaves the fewest orders first."""
    found: list[ColumnElement[bool]] = []
    if filters.disputed:
        found.append(_as_written("qunclub_order.disputed"))
    if filters.kind not in ("", "purchase"):
        found.append(and_(Order.kind == filters.kind, _as_written("qunclub_order.kind != 'purchase'")))
    if filters.pay_by not in ("", "gateway"):
        found.append(and_(Order.pay_by == filters.pay_by, _as_written("qunclub_order.pay_by != 'gateway'")))
    if filters.state:
        found.append(Order.state == filters.state)
    if filters.plan_id is not None:
        found.append(Order.plan_id == filters.plan_id)
    if filters.method:
        found.append(Order.method == filters.method)
    return found


def _usual(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters that most orders pass: they are met on the way."""
    found: list[ColumnElement[bool]] = []
    if filters.kind == "purchase":
        found.append(Order.kind == "purchase")
    if filters.pay_by == "gateway":
        found.append(Order.pay_by == "gateway")
    return found


def _as_written(condition: str) -> ColumnElement[bool]:
    """A condition in the very words of a partial index: only then may it serve."""
    found: ColumnElement[bool] = literal_column(f"({condition})")
    return found


def _uses(filters: Filters) -> Select[int]:
    coupon = select(Coupon.id).where(Coupon.code == filters.coupon.strip().upper()).scalar_subquery()
    return select(CouponUse.order_id).where(CouponUse.coupon_id == coupon)


def _named(session: Session, filters: Filters) -> list[int] | None:
    """The few orders that a search or a queue means; None when neither is asked for."""
    queue = None
    if filters.show == "proof":
        queue = select(TransferProof.order_id).where(TransferProof.state == "submitted")
        queue = queue.order_by(TransferProof.submitted_at).limit(MOST_FOUND)
    elif filters.show == "refund_failed":
        queue = (
            select(Payment.order_id)
            .join(Refund, Refund.payment_id == Payment.id)
            .join(Order, Order.id == Payment.order_id)
            .where(
                Refund.state == "failed",
                _as_written("qunclub_refund.state != 'settled'"),
                Order.state == rules.ATTENTION,
            )
            .order_by(Refund.id.desc())
            .limit(MOST_FOUND)
        )
    listed = None if queue is None else set(session.scalars(queue))
    q = filters.q.strip()
    if not q:
        return None if listed is None else sorted(listed)
    meant = set(session.scalars(_meant(session, q)))
    return sorted(meant if listed is None else meant & listed)


def _meant(session: Session, q: str) -> Any:
    """The orders that *q* may mean, by indexed columns only."""
    code = ids.normalise_code(q)
    parts: list[Select[int]] = [
        select(Order.id).where(Order.code == code),
        select(Order.id).where(Order.email == q.lower()),
        select(Order.id).where(Order.checkout_ref == q),
        select(Order.id).where(Order.invoice_ref == q),
        select(Order.id)
        .join(Subscription, Subscription.id == Order.subscription_id)
        .where(Subscription.ref == q),
        select(Payment.order_id).where(Payment.provider.in_(("stripe", "offline", "free")), Payment.ref == q),
        select(Payment.order_id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.provider_ref == q),
        select(Payment.order_id)
        .join(Dispute, Dispute.payment_id == Payment.id)
        .where(Dispute.provider == "stripe", Dispute.ref == q),
        select(ClaimCode.order_id).where(ClaimCode.code == code),
        _uses(Filters(coupon=q)).order_by(CouponUse.order_id.desc()),
    ]
    people = session.scalars(_people(session, q)).all()
    if people:
        parts.append(select(Order.id).where(Order.member_id.in_(people)))
    if q.isdecimal():
        parts.append(select(Order.id).where(Order.receipt_no == int(q[:9])))
    return union_all(*(select(one.limit(MOST_FOUND).subquery()) for one in parts))


def _people(session: Session, q: str) -> Select[int]:
    """Members that *q* may mean."""
    if q.isdecimal():
        return select(Member.id).where(Member.number == int(q[:9]))
    return members.beginning(session, q, most=MOST_PEOPLE)


def orders_rows(session: Session, filters: Filters) -> Iterator[tuple[Any, ...]]:
    """All that match as a table of record: a line for each payment, one for an order without; read while it is sent."""
    walk = _walk(session, replace(filters, coupon=""), None)
    every = [*walk.bearing, *walk.rest]
    if filters.coupon:
        every.append(Order.id.in_(_uses(filters).scalar_subquery()))
    query = (
        select(Order)
        .options(joinedload(Order.member), selectinload(Order.lines), selectinload(Order.payments))
        .where(*every)
        .order_by(*_sorted(filters, Order.created_at, Order.id))
        .execution_options(yield_per=500)
    )
    for chunk in session.scalars(query).partitions():
        coupons = _coupons_of(session, [order.id for order in chunk])
        for order in chunk:
            yield from _rows_of(order, coupons.get(order.id, []))


def _coupons_of(session: Session, order_ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(CouponUse.order_id, Coupon.code)
        .join(Coupon, Coupon.id == CouponUse.coupon_id)
        .where(CouponUse.order_id.in_(order_ids))
        .order_by(CouponUse.id)
    )
    found: dict[int, list[str]] = {}
    for order_id, code in session.execute(query):
        found.setdefault(order_id, []).append(code)
    return found


def _rows_of(order: Order, coupons: list[str]) -> Iterator[tuple[Any, ...]]:
    member = order.member
    head = (
        order.code, order.receipt_no, order.kind, order.state, order.created_at, order.paid_at, order.expires_at,
        member.number, member.name, order.email or member.email, order.buyer_name, order.buyer_phone,
        order.buyer_address, ", ".join(line.title for line in order.lines),
        sum(line.quantity for line in order.lines), order.discount, " ".join(coupons), order.total, order.refunded,
        order.currency, "yes" if order.disputed else "", order.pay_by,
    )  # fmt: skip
    for paid in order.payments:
        yield (
            *head, paid.provider, paid.method, paid.ref, paid.received_at, paid.amount, paid.refunded, order.attention,
        )  # fmt: skip
    if not order.payments:
        yield (*head, "", "", "", None, 0, 0, order.attention)


def waiting(session: Session) -> dict[str, int]:
    """How many orders wait in each queue of the desk, counted no further than a hundred."""
    most = 100
    attention = select(Order.id).where(Order.state == rules.ATTENTION).limit(most)
    proof = select(TransferProof.order_id).where(TransferProof.state == "submitted").limit(most)
    disputed = select(Order.id).where(_as_written("qunclub_order.disputed")).limit(most)
    failed = (
        select(Refund.id)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(
            Refund.state == "failed",
            _as_written("qunclub_refund.state != 'settled'"),
            Order.state == rules.ATTENTION,
        )
        .limit(most)
    )
    parts = {"attention": attention, "proof": proof, "disputed": disputed, "refund_failed": failed}
    rows = union_all(*(select(literal(name), query.subquery().c[0]) for name, query in parts.items()))
    found = dict.fromkeys(parts, 0)
    for name, _ident in session.execute(rows):
        found[name] += 1
    return found


__all__ = ["ORDERS_HEADER", "SHOWS", "Filters", "Found", "orders", "orders_rows", "waiting"]
