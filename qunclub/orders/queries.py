"""Reads of orders for their buyers, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark
from qunclub.passes.models import Pass, PassTerm, Plan

from . import rules
from .models import Order, OrderLine, Payment, Refund
from .services_fulfil import pass_sources


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as its buyer sees it."""

    order: Order
    lines: Sequence[OrderLine]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    passes: Sequence[Pass]

    @property
    def plan(self) -> Plan:
        """What was ordered."""
        return self.lines[0].plan

    @property
    def title(self) -> str:
        """The order in a few words."""
        return ", ".join(line.title for line in self.lines)

    @property
    def newest_pass(self) -> Pass | None:
        """The pass that still holds, the newest when there are several."""
        return next((held for held in reversed(self.passes) if held.state == "active"), None)

    def minutes_left(self, now: dt.datetime) -> int:
        """How long it can still be paid."""
        return rules.minutes_left(self.order.expires_at, now)


def order_of(session: Session, *, code: str, member_id: int) -> OrderView:
    """One's own order.

    Raises:
        NotFound: when there is none, or it is somebody else's: the two look the same from outside.
    """
    order = session.scalars(
        select(Order)
        .where(Order.code == code, Order.member_id == member_id)
        .options(selectinload(Order.lines).joinedload(OrderLine.plan), selectinload(Order.payments))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise NotFound()
    return view(session, order)


def view(session: Session, order: Order) -> OrderView:
    """*order* (its lines, plans and payments loaded) with its refunds and passes."""
    paid = [payment.id for payment in order.payments]
    refunds = (
        session.scalars(select(Refund).where(Refund.payment_id.in_(paid)).order_by(Refund.id)).all()
        if paid
        else []
    )
    return OrderView(
        order, order.lines, order.payments, refunds, passes_of(session, order.lines) if paid else []
    )


def passes_of(session: Session, lines: Sequence[OrderLine]) -> Sequence[Pass]:
    """Every pass these lines ever bought or extended, with its plan."""
    sources = [source for line in lines for source in pass_sources(line.id, line.quantity)]
    # Through their terms: a renewal gave more time to a pass that something else had bought.
    bought = select(PassTerm.pass_id).where(PassTerm.source.in_(sources))
    query = select(Pass).where(Pass.id.in_(bought)).options(joinedload(Pass.plan)).order_by(Pass.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def my_orders(session: Session, *, member_id: int, after: str = "") -> Page[Order]:
    """A member's orders, the newest first, with their lines."""
    query = select(Order).where(Order.member_id == member_id).options(selectinload(Order.lines))
    marked = Marked(Order.created_at, Order.id, True, lambda row: (row[0].created_at, row[0].id))
    found = paginate_by_mark(session, query, marked, after=after, per_page=20)
    return replace(found, items=[row[0] for row in found.items])


def state_of(session: Session, *, code: str, member_id: int) -> str:
    """Only the state of one's own order: the page asks every few seconds."""
    state = session.execute(
        select(Order.state).where(Order.code == code, Order.member_id == member_id)
    ).scalar_one_or_none()
    if state is None:
        raise NotFound()
    return state
