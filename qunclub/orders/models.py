"""Orders, the money that came for them, the money given back, and what the gateway told us."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, UTCDateTime, minor, pk
from qunclub.members.models import Member
from qunclub.passes.models import Plan

ORDER_STATES = ("pending", "paid", "expired", "cancelled", "needs_attention", "refunded")


class Order(Base):
    """A purchase. ``holds_stock`` says whether its lines are counted in the plans' ``held``."""

    __tablename__ = "qunclub_order"
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(20), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(20), default="pending")
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[minor]
    email: Mapped[str] = mapped_column(String(254), default="")
    locale: Mapped[str] = mapped_column(String(8), default="")
    holds_stock: Mapped[bool] = mapped_column(default=True)
    checkout_ref: Mapped[str | None] = mapped_column(String(120), unique=True)
    checkout_url: Mapped[str] = mapped_column(Text, default="")
    attention: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    paid_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    member: Mapped[Member] = relationship(lazy="raise")
    lines: Mapped[list[OrderLine]] = relationship(lazy="raise", order_by="OrderLine.id")
    payments: Mapped[list[Payment]] = relationship(lazy="raise", order_by="Payment.id")
    __table_args__ = (
        Index(None, "member_id", "created_at"),
        Index(None, "state", "expires_at"),
        Index(None, "created_at"),
    )


class OrderLine(Base):
    """So many passes of one plan at the price of the moment of ordering."""

    __tablename__ = "qunclub_order_line"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    title: Mapped[str] = mapped_column(String(160))
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price: Mapped[minor]

    plan: Mapped[Plan] = relationship(lazy="raise")
    __table_args__ = (Index(None, "order_id"), Index(None, "plan_id"))


class Payment(Base):
    """Money that arrived. ``provider`` + ``ref`` is unique; the database refuses to give back more than came."""

    __tablename__ = "qunclub_payment"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    provider: Mapped[str] = mapped_column(String(20))
    ref: Mapped[str] = mapped_column(String(120))
    method: Mapped[str] = mapped_column(String(30), default="")
    amount: Mapped[minor]
    refunded: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    fulfils: Mapped[bool] = mapped_column(default=False)
    received_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    recorded_by: Mapped[str] = mapped_column(String(120))
    __table_args__ = (
        UniqueConstraint("provider", "ref"),
        Index(None, "order_id"),
        CheckConstraint("refunded >= 0 AND refunded <= amount", name="refund"),
    )


class Refund(Base):
    """Money given back of one payment: requested here, carried out by the gateway, settled or failed."""

    __tablename__ = "qunclub_refund"
    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_payment.id"))
    key: Mapped[str] = mapped_column(String(80), unique=True)
    amount: Mapped[minor]
    state: Mapped[str] = mapped_column(String(20), default="requested")
    reason: Mapped[str] = mapped_column(Text, default="")
    provider_ref: Mapped[str | None] = mapped_column(String(120))
    error: Mapped[str] = mapped_column(Text, default="")
    requested_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    settled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "payment_id"), UniqueConstraint("payment_id", "provider_ref"))


class OrderEvent(Base):
    """One line of an order's story: who moved it from which state to which, and why."""

    __tablename__ = "qunclub_order_event"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    from_state: Mapped[str] = mapped_column(String(20), default="")
    to_state: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index(None, "order_id"),)


class GatewayEvent(Base):
    """The webhook inbox: each event once, its payload kept, handled in one transaction with its effect."""

    __tablename__ = "qunclub_gateway_event"
    id: Mapped[pk]
    provider: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(80))
    payload: Mapped[str] = mapped_column(Text)
    received_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    handled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    outcome: Mapped[str] = mapped_column(String(40), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    __table_args__ = (UniqueConstraint("provider", "event_id"), Index(None, "received_at"))
