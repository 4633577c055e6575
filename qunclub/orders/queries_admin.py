"""Reads of orders for admins: find them, tell one's whole story, look into the inbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub.kernel import NotFound, Page, ids, paginate
from qunclub.members.models import Member
from qunclub.passes.models import Plan

from . import queries
from .models import GatewayEvent, Order, OrderEvent, OrderLine, Payment, Refund
from .queries import OrderView

ORDERS_HEADER = (
    "order", "state", "created_at", "paid_at", "number", "name", "email", "plan", "total", "currency", "provider",
    "method", "reference", "received", "given_back",
)  # fmt: skip
MOST_PLANS = 200
MOST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What an admin looks for.

    Attributes:
        since, until: days in the club's time zone as moments: from *since*, before *until*.
    """

    q: str = ""
    state: str = ""
    plan_id: int | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one order."""

    view: OrderView
    member: Member
    events: Sequence[OrderEvent]

    @property
    def order(self) -> Order:
        """The order."""
        return self.view.order

    def refunds_of(self, payment: Payment) -> list[Refund]:
        """The refunds of one payment."""
        return [refund for refund in self.view.refunds if refund.payment_id == payment.id]


def _people(q: str) -> Select[int]:
    """Members that *q* may mean, by indexed columns only."""
    if q.isdecimal():
        return select(Member.id).where(Member.number == int(q[:9]))
    means = [Member.email == q, Member.email.startswith(q.lower(), autoescape=True)]
    means += [Member.name.startswith(q, autoescape=True), Member.nickname.startswith(q, autoescape=True)]
    return select(Member.id).where(or_(*means)).order_by(Member.id).limit(MOST_PEOPLE)


def orders_query(filters: Filters) -> Select[Order]:
    """The orders that match, the newest first, with member and lines."""
    query = (
        select(Order)
        .options(joinedload(Order.member), selectinload(Order.lines))
        .order_by(Order.created_at.desc(), Order.id.desc())
    )
    q = filters.q.strip()
    if q:
        code = ids.normalise_code(q)
        people = Order.member_id.in_(_people(q).scalar_subquery())
        ref = Order.id.in_(select(Payment.order_id).where(Payment.ref == q).scalar_subquery())
        query = query.where(or_(Order.code == code, people, ref))
    if filters.state:
        query = query.where(Order.state == filters.state)
    if filters.plan_id is not None:
        line = select(OrderLine.id).where(
            OrderLine.order_id == Order.id, OrderLine.plan_id == filters.plan_id
        )
        query = query.where(line.exists())
    if filters.since is not None:
        query = query.where(Order.created_at >= filters.since)
    if filters.until is not None:
        query = query.where(Order.created_at < filters.until)
    return query


def orders(session: Session, filters: Filters, *, page: int = 1) -> Page[Order]:
    """One page of them."""
    return paginate(session, orders_query(filters), page=page)


def orders_rows(session: Session, filters: Filters) -> Iterator[tuple[Any, ...]]:
    """All that match as a table of record: a line for each payment, one for an order without."""
    query = orders_query(filters).options(selectinload(Order.payments)).execution_options(yield_per=500)
    for order in session.scalars(query):
        member = order.member
        head = (
            order.code, order.state, order.created_at, order.paid_at, member.number, member.name,
            order.email or member.email, ", ".join(line.title for line in order.lines), order.total, order.currency,
        )  # fmt: skip
        for paid in order.payments:
            yield (*head, paid.provider, paid.method, paid.ref, paid.amount, paid.refunded)
        if not order.payments:
            yield (*head, "", "", "", 0, 0)


def plan_names(session: Session) -> list[tuple[int, str]]:
    """Plans to filter by."""
    query = select(Plan.id, Plan.title).order_by(Plan.position, Plan.id).limit(MOST_PLANS)
    return [(ident, title) for ident, title in session.execute(query)]


def story(session: Session, code: str) -> Story:
    """One order with everything that happened to it.

    Raises:
        NotFound: when there is none.
    """
    order = session.scalars(
        select(Order)
        .where(Order.code == code)
        .options(
            joinedload(Order.member),
            selectinload(Order.lines).joinedload(OrderLine.plan),
            selectinload(Order.payments),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise NotFound()
    events = session.scalars(
        select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)
    ).all()
    return Story(queries.view(session, order), order.member, events)


def payment_with_order(session: Session, payment_id: int) -> tuple[Payment, Order]:
    """A payment and what it was for.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(Payment, Order).join(Order, Order.id == Payment.order_id).where(Payment.id == payment_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    payment, order = row
    return payment, order


def gateway_events(session: Session, *, show: str = "", page: int = 1) -> Page[GatewayEvent]:
    """The inbox, the newest first; *show* ``open`` for what is not handled, ``failed`` for what went wrong."""
    query = select(GatewayEvent).order_by(GatewayEvent.received_at.desc(), GatewayEvent.id.desc())
    if show == "open":
        query = query.where(GatewayEvent.handled_at.is_(None))
    elif show == "failed":
        query = query.where(GatewayEvent.handled_at.is_(None), GatewayEvent.outcome == "failed")
    elif show == "unknown":
        query = query.where(GatewayEvent.outcome == "unknown_order")
    return paginate(session, query, page=page)


def gateway_event(session: Session, event_id: int) -> GatewayEvent:
    """One notification as it came.

    Raises:
        NotFound: when there is none.
    """
    event = session.get(GatewayEvent, event_id)
    if event is None:
        raise NotFound()
    return event
