"""Reads of the order form and of an order's arithmetic, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from qunclub import passes
from qunclub.kernel import NotFound
from qunclub.passes.models import Pass, Plan

from .models import Order, OrderLine
from .models_selling import ClaimCode, Coupon, CouponUse
from .rules_selling import Discount


def plan_to_order(
    session: Session, slug: str, *, key: str = "", member_id: int | None = None, admin: bool = False
) -> Plan:
    """The plan behind an address, when this visitor may see it: with its key, when it is hidden.

    Raises:
        NotFound: when there is none, or none for them.
    """
    plan = session.scalars(select(Plan).where(Plan.slug == slug)).one_or_none()
    if plan is None or not passes.may_see(session, plan, key=key, member_id=member_id, admin=admin):
        raise NotFound()
    return plan


def pass_with_plan(session: Session, pass_id: int) -> Pass:
    """A pass and its plan."""
    return session.scalars(select(Pass).where(Pass.id == pass_id).options(joinedload(Pass.plan))).one()


def discounts_of(session: Session, order: Order) -> list[Discount]:
    """What each coupon took off an order."""
    if not order.discount:
        return []
    rows = session.execute(
        select(CouponUse.coupon_id, Coupon.code, CouponUse.amount)
        .join(Coupon, Coupon.id == CouponUse.coupon_id)
        .where(CouponUse.order_id == order.id)
        .order_by(CouponUse.id)
    )
    return [Discount(*row) for row in rows]


def base_of(session: Session, lines: Sequence[OrderLine]) -> Pass | None:
    """The pass that an order extends or upgrades, with its plan."""
    about = next((line.pass_id for line in lines if line.pass_id is not None), None)
    return pass_with_plan(session, about) if about is not None else None


def content_of(session: Session, *, code: str, member_id: int) -> dict[str, Any]:
    """What one's own order was about, in the words of the order form; nothing when it is not one's own."""
    found = session.execute(
        select(Order, OrderLine)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.code == code, Order.member_id == member_id)
        .order_by(OrderLine.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        return {}
    order, line = found
    people = session.scalars(
        select(ClaimCode).where(ClaimCode.order_id == order.id).order_by(ClaimCode.unit)
    ).all()
    lines = [(one.recipient_name, one.recipient_email, " ".join(one.message.split())) for one in people]
    return {
        "gift": "1" if people else "",
        "quantity": line.quantity,
        "recipients": "\n".join(", ".join(said).rstrip(", ") for said in lines if any(said[:2])),
        "coupon": " ".join(one.code for one in discounts_of(session, order)),
        "name": order.buyer_name,
        "phone": order.buyer_phone,
        "address": order.buyer_address,
        "pay_by": order.pay_by,
    }
