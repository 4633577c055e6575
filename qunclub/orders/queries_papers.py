"""Reads for receipts and fapiao, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub.kernel import NotFound, Page, ids, paginate, to_decimal
from qunclub.members.models import Member

from . import rules_papers as papers
from .models import Order, OrderLine, Payment, Refund
from .models_selling import CouponUse, Fapiao

RED = "red"
HEADER = (
    "order", "paid_at", "kind", "title", "tax_no", "email", "item", "amount", "currency", "state", "number",
    "issued_for", "needs_red", "requested_at", "decided_at", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    """All that a receipt says about an order."""

    order: Order
    lines: Sequence[OrderLine]
    uses: Sequence[CouponUse]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]

    @property
    def member(self) -> Member:
        """Whose order it is."""
        return self.order.member

    @property
    def sums(self) -> papers.Sums:
        """Its arithmetic."""
        return papers.sums(self.lines, discount=sum(use.amount for use in self.uses))

    @property
    def given_back(self) -> int:
        """What went back or is on its way."""
        return sum(refund.amount for refund in self.refunds)


def receipt(session: Session, code: str) -> Receipt:
    """The facts of an order's receipt.

    Raises:
        NotFound: when there is no such order.
    """
    order = _order(session, code)
    uses = session.scalars(
        select(CouponUse)
        .where(CouponUse.order_id == order.id, CouponUse.state.in_(("used", "overshot")))
        .options(joinedload(CouponUse.coupon))
        .order_by(CouponUse.id)
    ).all()
    refunds = session.scalars(
        select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.order_id == order.id, Refund.state != "failed")
        .order_by(Refund.id)
        .execution_options(populate_existing=True)
    ).all()
    return Receipt(order, order.lines, uses, order.payments, refunds)


def _order(session: Session, code: str) -> Order:
    order = session.scalars(
        select(Order)
        .where(Order.code == code)
        .options(joinedload(Order.member), selectinload(Order.lines), selectinload(Order.payments))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise NotFound()
    return order


def own_order(session: Session, *, code: str, member_id: int) -> tuple[Order, Fapiao | None]:
    """One's own order, with payments, and its fapiao.

    Raises:
        NotFound: when there is none, or it is somebody else's.
    """
    order = _order(session, code)
    if order.member_id != member_id:
        raise NotFound()
    query = select(Fapiao).where(Fapiao.order_id == order.id).execution_options(populate_existing=True)
    return order, session.scalars(query).one_or_none()


@dataclass(frozen=True, slots=True)
class Row:
    """A fapiao in the admins' list."""

    fapiao: Fapiao
    order: Order
    net: int

    @property
    def red(self) -> bool:
        """Whether it needs a red-letter one."""
        return papers.needs_red(self.fapiao.state, self.fapiao.amount, self.net)


def _net() -> Any:
    return (
        select(func.coalesce(func.sum(Payment.amount - Payment.refunded), 0))
        .where(Payment.order_id == Fapiao.order_id)
        .correlate(Fapiao)
        .scalar_subquery()
    )


def fapiao_query(*, state: str, q: str) -> Select[Fapiao, Order, int]:
    """Those that match: what waits the oldest first, everything else the newest first."""
    net = _net()
    query = (
        select(Fapiao, Order, net)
        .join(Order, Order.id == Fapiao.order_id)
        .options(selectinload(Order.lines), joinedload(Order.member))
    )
    if state == RED:
        query = query.where(Fapiao.state == papers.ISSUED, net < Fapiao.amount)
    elif state:
        query = query.where(Fapiao.state == state)
    q = q.strip()
    if q:
        same = "".join(q.split()).upper()
        query = query.where(
            or_(
                Order.code == ids.normalise_code(q),
                Fapiao.title.contains(q, autoescape=True),
                Fapiao.tax_no == same,
                Fapiao.number == "".join(q.split()),
            )
        )
    if state == papers.REQUESTED:
        return query.order_by(Fapiao.requested_at, Fapiao.id)
    return query.order_by(Fapiao.requested_at.desc(), Fapiao.id.desc())


def fapiao_list(session: Session, *, state: str, q: str, page: int) -> Page[Row]:
    """One page of them."""
    found = paginate(session, fapiao_query(state=state, q=q), page=page)
    return Page(
        items=[Row(*row) for row in found.items],
        page=found.page,
        per_page=found.per_page,
        has_next=found.has_next,
    )


def fapiao_rows(session: Session, *, state: str, q: str) -> Iterator[tuple[Any, ...]]:
    """All of them as the accountant's tool reads it: amounts in yuan with two digits."""
    query = fapiao_query(state=state, q=q).execution_options(yield_per=500)
    for found, order, net in session.execute(query):
        row = Row(found, order, net)
        issued = "" if found.amount is None else to_decimal(found.amount, order.currency)
        yield (
            order.code, order.paid_at, found.kind, found.title, found.tax_no, found.email,
            ", ".join(line.title for line in order.lines), to_decimal(net, order.currency), order.currency, found.state,
            found.number, issued, "yes" if row.red else "", found.requested_at, found.decided_at, found.note,
        )  # fmt: skip


def fapiao_row(session: Session, fapiao_id: int) -> Row:
    """One of them.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        fapiao_query(state="", q="").where(Fapiao.id == fapiao_id).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return Row(*row)
