"""Reads of coupons for admins, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from qunclub.kernel import NotFound, Page, paginate
from qunclub.members.models import Member
from qunclub.passes.models import Plan

from . import rules_selling
from .models import Order
from .models_selling import COUPON_USE_STATES, Coupon, CouponUse

STATES = ("live", "early", "over", "used_up", "off", "overshot")
HEADER = (
    "code", "title", "kind", "percent", "amount", "currency", "starts_at", "ends_at", "max_uses", "per_member",
    "stackable", "active", "held", "used", "overshot", "plans", "created_at",
)  # fmt: skip
USES_HEADER = (
    "coupon", "order", "order_state", "number", "name", "email", "amount", "total", "currency", "state", "created_at",
)  # fmt: skip
MOST_PLANS = 200


def _in_state(state: str, now: dt.datetime) -> ColumnElement[bool]:
    early = Coupon.starts_at > now
    over = Coupon.ends_at <= now
    gone = Coupon.held + Coupon.used >= Coupon.max_uses
    on = Coupon.active.is_(True)
    begun = or_(Coupon.starts_at.is_(None), ~early)
    going = or_(Coupon.ends_at.is_(None), ~over)
    left = or_(Coupon.max_uses.is_(None), ~gone)
    conditions: dict[str, ColumnElement[bool]] = {
        "live": and_(on, begun, going, left),
        "early": and_(on, early),
        "over": and_(on, begun, over),
        "used_up": and_(on, begun, going, gone),
        "off": Coupon.active.is_(False),
        "overshot": Coupon.overshot > 0,
    }
    return conditions[state]


def query(*, q: str, state: str, now: dt.datetime) -> Select[Coupon]:
    """The coupons that match, the newest first, with their plans."""
    found = select(Coupon).options(selectinload(Coupon.plans)).order_by(Coupon.id.desc())
    if q.strip():
        code = rules_selling.coupon_code(q)
        found = found.where(
            or_(
                Coupon.code.startswith(code, autoescape=True),
                Coupon.title.icontains(q.strip(), autoescape=True),
            )
        )
    if state in STATES:
        found = found.where(_in_state(state, now))
    return found


def coupons(session: Session, *, q: str, state: str, now: dt.datetime, page: int = 1) -> Page[Coupon]:
    """One page of them."""
    return paginate(session, query(q=q, state=state, now=now), page=page)


def rows(session: Session, *, q: str, state: str, now: dt.datetime) -> Iterator[tuple[Any, ...]]:
    """All that match as a table of record."""
    for coupon in session.scalars(query(q=q, state=state, now=now).execution_options(yield_per=500)):
        yield (
            coupon.code, coupon.title, coupon.kind, coupon.percent, coupon.amount, coupon.currency, coupon.starts_at,
            coupon.ends_at, coupon.max_uses, coupon.per_member, coupon.stackable, coupon.active, coupon.held,
            coupon.used, coupon.overshot, ", ".join(plan.slug for plan in coupon.plans), coupon.created_at,
        )  # fmt: skip


def coupon(session: Session, coupon_id: int) -> Coupon:
    """One coupon with its plans.

    Raises:
        NotFound: when there is none.
    """
    found = session.scalars(
        select(Coupon)
        .where(Coupon.id == coupon_id)
        .options(selectinload(Coupon.plans))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound()
    return found


def _uses(coupon_id: int, state: str) -> Select[CouponUse, Order, Member]:
    found = (
        select(CouponUse, Order, Member)
        .join(Order, Order.id == CouponUse.order_id)
        .join(Member, Member.id == CouponUse.member_id)
        .where(CouponUse.coupon_id == coupon_id)
        .order_by(CouponUse.id.desc())
    )
    return found.where(CouponUse.state == state) if state in COUPON_USE_STATES else found


def uses(session: Session, coupon_id: int, *, state: str = "", page: int = 1) -> Page[Any]:
    """One page of a coupon's uses, the newest first: use, order, member."""
    return paginate(session, _uses(coupon_id, state), page=page)


def uses_rows(session: Session, found: Coupon, *, state: str = "") -> Iterator[tuple[Any, ...]]:
    """All of them as a table of record."""
    code = found.code
    for use, order, member in session.execute(_uses(found.id, state).execution_options(yield_per=500)):
        yield (
            code, order.code, order.state, member.number, member.name, order.email or member.email, use.amount,
            order.total, order.currency, use.state, use.created_at,
        )  # fmt: skip


def plans(session: Session) -> Sequence[tuple[int, str]]:
    """Plans to choose from."""
    found = select(Plan.id, Plan.title).order_by(Plan.position, Plan.id).limit(MOST_PLANS)
    return [(ident, title) for ident, title in session.execute(found)]


def overshot(session: Session, limit: int = 5) -> Sequence[Coupon]:
    """Coupons in use that were paid for more often than they allow, the newest first; switching one off settles it."""
    found = select(Coupon).where(Coupon.overshot > 0, Coupon.active.is_(True)).order_by(Coupon.id.desc())
    return session.scalars(found.limit(limit)).all()
