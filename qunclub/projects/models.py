"""A project of many hands: its pieces, who holds which, what was delivered, and all that happened."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, UTCDateTime, pk
from qunclub.members.models import Member

PROJECT_STATES = ("draft", "open", "done", "cancelled")
PIECE_STATES = ("open", "claimed", "delivered", "accepted", "cancelled")
VERDICTS = ("", "accepted", "returned", "reversed", "withdrawn")


class Project(Base):
    """Work that is split into pieces, such as a book of a dozen authors.

    ``claims_per_member`` is how many pieces one may hold at the same time; ``claim_days`` is how long whoever claims
    a piece without a day, or after it, has. ``public`` lets everybody read the page, not only the core.
    """

    __tablename__ = "qunclub_project"
    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(160))
    summary: Mapped[str] = mapped_column(Text, default="")
    description_md: Mapped[str] = mapped_column(Text, default="")
    description_html: Mapped[str] = mapped_column(Text, default="")
    skills: Mapped[list[str]] = mapped_column(JSON, default=list)
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(20), default="draft")
    public: Mapped[bool] = mapped_column(default=False)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    pay_note: Mapped[str] = mapped_column(Text, default="")
    claims_per_member: Mapped[int] = mapped_column(default=1)
    claim_days: Mapped[int] = mapped_column(default=14)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    lead: Mapped[Member | None] = relationship(lazy="raise")
    __table_args__ = (Index(None, "state", "created_at"), Index(None, "lead_id"))


class Piece(Base):
    """A part of a project that one person does. ``pay`` (minor units) and ``points`` hold once somebody holds it."""

    __tablename__ = "qunclub_piece"
    id: Mapped[pk]
    project_id: Mapped[int] = mapped_column(ForeignKey("qunclub_project.id"))
    position: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(160))
    brief_md: Mapped[str] = mapped_column(Text, default="")
    brief_html: Mapped[str] = mapped_column(Text, default="")
    skill: Mapped[str] = mapped_column(String(20), default="")
    points: Mapped[int] = mapped_column(default=0)
    pay: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(20), default="open")
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    held_since: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    accepted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # How often it was taken up: names the one notice of each time.
    turn: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)

    holder: Mapped[Member | None] = relationship(lazy="raise")
    __table_args__ = (
        Index(None, "project_id", "position"),
        Index(None, "holder_id"),
        Index(None, "state", "due_at"),
        CheckConstraint("(holder_id IS NULL) = (state IN ('open', 'cancelled'))", name="held"),
    )


class Delivery(Base):
    """What a holder delivered, and what was said of it. ``earned`` are the points it brought, by ``entry_id``."""

    __tablename__ = "qunclub_piece_delivery"
    id: Mapped[pk]
    piece_id: Mapped[int] = mapped_column(ForeignKey("qunclub_piece.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    n: Mapped[int]
    body_md: Mapped[str] = mapped_column(Text, default="")
    body_html: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(String(500), default="")
    delivered_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    verdict: Mapped[str] = mapped_column(String(12), default="")
    words: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    earned: Mapped[int] = mapped_column(default=0)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_ledger_entry.id"))
    __table_args__ = (UniqueConstraint("piece_id", "n"), Index(None, "member_id"))


class DeliveryFile(Base):
    """A file of a delivery; the bytes lie in the file store."""

    __tablename__ = "qunclub_piece_file"
    id: Mapped[pk]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("qunclub_piece_delivery.id"))
    name: Mapped[str] = mapped_column(String(160))
    content_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(120), unique=True)
    __table_args__ = (Index(None, "delivery_id"),)


class PieceEvent(Base):
    """One line of a piece's history: what happened to it, to whom, by whom, and why."""

    __tablename__ = "qunclub_piece_event"
    id: Mapped[pk]
    piece_id: Mapped[int] = mapped_column(ForeignKey("qunclub_piece.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    kind: Mapped[str] = mapped_column(String(20))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    words: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index(None, "piece_id", "at"), Index(None, "member_id"))
