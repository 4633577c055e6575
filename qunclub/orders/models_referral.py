"""Who brought whom along: a code for each who asks for one, and the first paid order of the new person."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk

REFERRAL_STATES = ("pending", "earned", "void", "taken_back")


class ReferralCode(Base):
    """The code in a member's link."""

    __tablename__ = "qunclub_referral_code"
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_member.id"), primary_key=True, autoincrement=False
    )
    code: Mapped[str] = mapped_column(String(20), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class Referral(Base):
    """Somebody (``member_id``, once in their life) who ordered for the first time by the link of ``by_member_id``.

    ``due_at`` is when it is looked at (again), empty once it is decided. ``why`` says why nothing was earned.
    """

    __tablename__ = "qunclub_referral"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"), unique=True)
    by_member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"), unique=True)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    why: Mapped[str] = mapped_column(String(20), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_ledger_entry.id"), unique=True)
    __table_args__ = (
        Index(None, "by_member_id", "id"),
        Index(
            "ix_qunclub_referral_due",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
