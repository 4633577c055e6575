"""Reads for admins that have no room of their own: a payment by its id."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound

from .models import Order, Payment
from .queries_orders import plan_names
from .queries_story import Story, story

__all__ = [
    "Story",
    "payment_with_order",
    "plan_names",
    "story",
]


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
