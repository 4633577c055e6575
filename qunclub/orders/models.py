"""Orders, the money that came for them, the money given back, and what the gateway told us."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, BigInt, UTCDateTime, minor, pk
from qunclub.members.models import Member
from qunclub.passes.models import Plan

ORDER_KINDS = ("purchase", "gift", "renewal")
LINE_KINDS = ("new", "renewal", "upgrade", "gift")
PAY_BY = ("gateway", "transfer")
RARE_ORDERS = (
    ("kind", ("kind", "created_at"), "kind != 'purchase'"),
    ("pay_by", ("pay_by", "created_at"), "pay_by != 'gateway'"),
    ("disputed", ("created_at",), "disputed"),
)
ORDER_STATES = ("pending", "paid", "expired", "cancelled", "needs_attention", "refunded")


class Order(Base):
    """A purchase. ``holds_stock`` says whether its lines are counted in the plans' ``held``.

    ``total`` is what is to be paid: the lines' quantity times price, less their ``reduction``, less ``discount``.
    ``plan_id``, ``method`` and ``refunded`` repeat what lines, payments and refunds say, for the desk's filters.
    """

    __tablename__ = "qunclub_order"
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(20), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(20), default="pending")
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[minor]
    discount: Mapped[minor] = mapped_column(default=0)
    refunded: Mapped[minor] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(String(20), default="purchase")
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_plan.id"))
    # How the buyer means to pay; what was really used is ``method``.
    pay_by: Mapped[str] = mapped_column(String(20), default="gateway")
    method: Mapped[str] = mapped_column(String(30), default="")
    # The subscription this order began or renewed, and the gateway's invoice that a renewal paid.
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_subscription.id"))
    invoice_ref: Mapped[str | None] = mapped_column(String(120), unique=True)
    # Gapless, given with the passes of an order that cost something; never given twice.
    receipt_no: Mapped[int | None] = mapped_column(unique=True)
    # Whether a dispute about one of its payments is open.
    disputed: Mapped[bool] = mapped_column(default=False)
    buyer_name: Mapped[str] = mapped_column(String(120), default="")
    buyer_phone: Mapped[str] = mapped_column(String(40), default="")
    buyer_address: Mapped[str] = mapped_column(Text, default="")
    reminded_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
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
        Index(None, "state", "created_at"),
        Index(None, "plan_id", "created_at"),
        Index(None, "method", "created_at"),
        Index(None, "subscription_id"),
        Index(None, "email"),
        # Of what is rare only the rare ones: the desk finds the others by their date.
        *(
            Index(f"ix_qunclub_order_{name}", *columns, sqlite_where=text(rare), postgresql_where=text(rare))
            for name, columns, rare in RARE_ORDERS
        ),
    )


class OrderLine(Base):
    """So many passes of one plan at the price of the moment of ordering.

    ``new``: a pass for the buyer. ``gift``: claim codes to give away. ``renewal``: more time for ``pass_id``.
    ``upgrade``: a pass for the difference to ``pass_id``, whose worth is ``reduction``.
    """

    __tablename__ = "qunclub_order_line"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    title: Mapped[str] = mapped_column(String(160))
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price: Mapped[minor]
    # The plan's price without early-bird steps when it was ordered; None where that is not known.
    list_price: Mapped[int | None] = mapped_column(BigInt)
    kind: Mapped[str] = mapped_column(String(20), default="new")
    pass_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_pass.id"))
    reduction: Mapped[minor] = mapped_column(default=0)
    # What the plan promised at the moment of ordering: see its columns of these names. It stays promised.
    refund_days: Mapped[int | None]
    refund_progress: Mapped[int] = mapped_column(default=100)

    plan: Mapped[Plan] = relationship(lazy="raise")
    __table_args__ = (Index(None, "order_id"), Index(None, "plan_id"), Index(None, "pass_id"))


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
    # Whether the takings have still to learn of it.
    to_book: Mapped[bool] = mapped_column(default=True)
    __table_args__ = (
        UniqueConstraint("provider", "ref"),
        Index(None, "order_id"),
        Index(None, "received_at"),
        Index(
            "ix_qunclub_payment_to_book", "id", sqlite_where=text("to_book"), postgresql_where=text("to_book")
        ),
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
    # Whether the takings have still to learn of its present state, and how much of it they know, on which day.
    to_book: Mapped[bool] = mapped_column(default=True)
    booked: Mapped[int] = mapped_column(default=0)
    booked_on: Mapped[dt.date | None]
    __table_args__ = (
        Index(None, "payment_id"),
        UniqueConstraint("payment_id", "provider_ref"),
        Index(None, "created_at"),
        Index(
            "ix_qunclub_refund_to_book", "id", sqlite_where=text("to_book"), postgresql_where=text("to_book")
        ),
        Index(None, "provider_ref"),
        # Those that were not simply carried out.
        Index(
            "ix_qunclub_refund_open",
            "state",
            "id",
            sqlite_where=text("state != 'settled'"),
            postgresql_where=text("state != 'settled'"),
        ),
    )


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
    # The order it names or its payment is of; empty when it is about none of ours.
    order_code: Mapped[str] = mapped_column(String(20), default="")
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index(None, "received_at"),
        Index(None, "order_code"),
        Index(None, "outcome", "received_at"),
        Index(
            "ix_qunclub_gateway_event_open",
            "id",
            sqlite_where=text("handled_at IS NULL"),
            postgresql_where=text("handled_at IS NULL"),
        ),
    )
