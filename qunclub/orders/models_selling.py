"""Coupons, claim codes, recurring memberships, and the buyer's papers."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, BigInt, UTCDateTime, minor, pk
from qunclub.members.models import Member
from qunclub.passes.models import Plan

COUPON_KINDS = ("percent", "fixed")
COUPON_USE_STATES = ("held", "used", "overshot", "released")
CLAIM_STATES = ("unpaid", "open", "claimed", "revoked")
SUBSCRIPTION_STATES = ("pending", "active", "past_due", "ended")
FAPIAO_STATES = ("requested", "issued", "rejected")


class Coupon(Base):
    """A code that lowers a price. ``held``, ``used`` and ``overshot`` count its uses and are kept under its lock.

    ``held + used`` never exceeds ``max_uses``. ``overshot`` are discounts that were paid for after their order had
    expired and the last use had gone to somebody else: honoured, recorded, shown.
    """

    __tablename__ = "qunclub_coupon"
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str] = mapped_column(String(160), default="")
    kind: Mapped[str] = mapped_column(String(10))
    percent: Mapped[int | None]
    amount: Mapped[int | None]
    currency: Mapped[str] = mapped_column(String(3), default="")
    starts_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    max_uses: Mapped[int | None]
    per_member: Mapped[int | None]
    stackable: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    held: Mapped[int] = mapped_column(default=0)
    used: Mapped[int] = mapped_column(default=0)
    overshot: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    plans: Mapped[list[Plan]] = relationship(secondary="qunclub_coupon_plan", lazy="raise", order_by=Plan.id)
    __table_args__ = (CheckConstraint("held >= 0 AND used >= 0 AND overshot >= 0", name="kept"),)


class CouponPlan(Base):
    """The plans a coupon is for; a coupon without any is for all."""

    __tablename__ = "qunclub_coupon_plan"
    coupon_id: Mapped[int] = mapped_column(ForeignKey("qunclub_coupon.id"), primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"), primary_key=True)
    __table_args__ = (Index(None, "plan_id"),)


class CouponUse(Base):
    """One coupon on one order, and what it took off."""

    __tablename__ = "qunclub_coupon_use"
    id: Mapped[pk]
    coupon_id: Mapped[int] = mapped_column(ForeignKey("qunclub_coupon.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    amount: Mapped[minor]
    state: Mapped[str] = mapped_column(String(10), default="held")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    coupon: Mapped[Coupon] = relationship(lazy="raise")
    __table_args__ = (
        UniqueConstraint("coupon_id", "order_id"),
        Index(None, "order_id"),
        Index(None, "coupon_id", "member_id"),
    )


class ClaimCode(Base):
    """One pass bought to give away. Whoever claims it gets the pass; it can be claimed once.

    It is written down with the order (``unpaid``), opens when the order is paid, and is ``claimed`` or ``revoked``.
    """

    __tablename__ = "qunclub_claim_code"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    line_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order_line.id"))
    unit: Mapped[int]
    code: Mapped[str] = mapped_column(String(24), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="unpaid")
    recipient_name: Mapped[str] = mapped_column(String(120), default="")
    recipient_email: Mapped[str] = mapped_column(String(254), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    pass_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_pass.id"))
    claimed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("line_id", "unit"), Index(None, "order_id"), Index(None, "claimed_by"))


class Subscription(Base):
    """A recurring membership at the gateway, as the club knows it; the gateway is asked when in doubt.

    It is written down with the order that begins it; that order and one for each renewal name it.

    ``past_due``: a renewal failed, the pass is open until ``grace_until``. ``cancel_at_end``: it will not renew.
    """

    __tablename__ = "qunclub_subscription"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    pass_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_pass.id"))
    provider: Mapped[str] = mapped_column(String(20))
    ref: Mapped[str | None] = mapped_column(String(120), unique=True)
    customer_ref: Mapped[str] = mapped_column(String(120), default="")
    state: Mapped[str] = mapped_column(String(10), default="pending")
    amount: Mapped[minor]
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str] = mapped_column(String(10))
    period_ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    cancel_at_end: Mapped[bool] = mapped_column(default=False)
    cancelled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    past_due_since: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    grace_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # Where the buyer can pay a failed renewal at the gateway.
    pay_url: Mapped[str] = mapped_column(Text, default="")
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")
    # When the sweeper last asked the gateway about it.
    checked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    member: Mapped[Member] = relationship(lazy="raise")
    plan: Mapped[Plan] = relationship(lazy="raise")
    __table_args__ = (
        Index(None, "member_id"),
        Index(None, "pass_id"),
        Index(None, "state", "period_ends_at"),
    )


class Fapiao(Base):
    """A buyer's wish for a fapiao (发票) of one order, and what became of it; the club issues it elsewhere."""

    __tablename__ = "qunclub_fapiao"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(10), default="personal")
    title: Mapped[str] = mapped_column(String(160))
    tax_no: Mapped[str] = mapped_column(String(40), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    state: Mapped[str] = mapped_column(String(10), default="requested")
    # What it was issued for; when less than that is left of the money, it needs a red-letter one (冲红).
    amount: Mapped[int | None] = mapped_column(BigInt)
    number: Mapped[str] = mapped_column(String(60), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    requested_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[str] = mapped_column(String(120), default="")
    __table_args__ = (Index(None, "state", "requested_at"),)
