"""Earning tuition back (让学员赚回学费): what a plan promises, and what was granted for it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, minor, pk

KINDS = ("refund", "credit")


class TuitionPromise(Base):
    """What a plan's buyers get back for ``works`` accepted works within ``days`` of their purchase.

    ``percent`` of what was paid, never more; as a refund of the payment, or as a coupon of that worth.
    A change holds for purchases from then on: each promise keeps the span in which its buyers bought.
    """

    __tablename__ = "qunclub_tuition_promise"
    id: Mapped[pk]
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    works: Mapped[int]
    days: Mapped[int]
    percent: Mapped[int] = mapped_column(default=100)
    kind: Mapped[str] = mapped_column(String(10), default="refund")
    from_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    until_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "plan_id", "from_at"),)


class TuitionGrant(Base):
    """That an order's buyer earned it; once an order."""

    __tablename__ = "qunclub_tuition_grant"
    id: Mapped[pk]
    promise_id: Mapped[int] = mapped_column(ForeignKey("qunclub_tuition_promise.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    kind: Mapped[str] = mapped_column(String(10))
    amount: Mapped[minor]
    currency: Mapped[str] = mapped_column(String(3))
    # The refund's key, or the coupon's code.
    ref: Mapped[str] = mapped_column(String(80), default="")
    granted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id"),)
