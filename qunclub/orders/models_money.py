"""What else is written down about money: disputes, transfer proofs, and the takings of each day."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, minor, pk

DISPUTE_STATES = ("inquiry", "open", "won", "lost")
PROOF_STATES = ("submitted", "confirmed", "rejected")


class Dispute(Base):
    """A payer asked their bank for the money back. While it is open, what the payment bought is suspended."""

    __tablename__ = "qunclub_dispute"
    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_payment.id"))
    provider: Mapped[str] = mapped_column(String(20))
    ref: Mapped[str] = mapped_column(String(120))
    amount: Mapped[minor]
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(60), default="")
    state: Mapped[str] = mapped_column(String(10), default="open")
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("provider", "ref"),
        Index(None, "payment_id"),
        Index(None, "opened_at"),
        Index(None, "state", "opened_at"),
    )


class TransferProof(Base):
    """A picture or PDF by which a buyer shows that the transfer was sent; an admin confirms or rejects it."""

    __tablename__ = "qunclub_transfer_proof"
    id: Mapped[pk]
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"))
    file_key: Mapped[str] = mapped_column(String(200))
    content_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(10), default="submitted")
    reason: Mapped[str] = mapped_column(Text, default="")
    submitted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[str] = mapped_column(String(120), default="")
    __table_args__ = (Index(None, "order_id"), Index(None, "state", "submitted_at"), Index(None, "sha256"))


class _Sums:
    """What a span of days brought and gave back, by plan, provider, method and currency; ``day`` is its first one."""

    id: Mapped[pk]
    day: Mapped[dt.date]
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    provider: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(30))
    currency: Mapped[str] = mapped_column(String(3))
    received: Mapped[minor] = mapped_column(default=0)
    payments: Mapped[int] = mapped_column(default=0)
    refunded: Mapped[minor] = mapped_column(default=0)
    refunds: Mapped[int] = mapped_column(default=0)


class Taking(_Sums, Base):
    """The takings of one day in the club's time zone: kept, so that no page adds up. The sweeper books into it."""

    __tablename__ = "qunclub_taking"
    __table_args__ = (UniqueConstraint("day", "currency", "plan_id", "provider", "method"),)


class MonthTaking(_Sums, Base):
    """The same for one month: kept beside the days, so that a year costs twelve rows a kind."""

    __tablename__ = "qunclub_month_taking"
    __table_args__ = (UniqueConstraint("day", "currency", "plan_id", "provider", "method"),)
