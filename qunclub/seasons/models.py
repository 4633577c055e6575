"""Seasons, the frozen snapshot they are decided from, the decisions, and the seats of the core group."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, BigInt, UTCDateTime, pk
from qunclub.members.models import Member

from .rules_formula import COLUMNS, Formula, from_json

SEASON_STATES = ("draft", "announced", "open", "frozen", "published", "closed")
OUTCOMES = ("promoted", "kept", "eliminated")


class Season(Base):
    """A span of work that ends with the best rising and the last places leaving.

    ``seats``, ``eliminate``, ``protection``, ``min_points`` and what ``terms`` adds to them are the published
    :attr:`formula`; it is locked once the season is open. ``end_note`` says why it ended before the day that was
    published.
    """

    __tablename__ = "qunclub_season"
    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(20), default="draft")
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    seats: Mapped[int]
    eliminate: Mapped[int]
    protection: Mapped[int] = mapped_column(default=1)
    min_points: Mapped[int] = mapped_column(default=1)
    # What of the formula has no column and is not the usual (rules_formula.terms_of).
    terms: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    window_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_points_window.id"))
    snapshot_hash: Mapped[str] = mapped_column(String(64), default="")
    frozen_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    published_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_note: Mapped[str] = mapped_column(Text, default="")
    # Since when everybody can read the formula; None where nobody wrote it down yet.
    announced_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # Of a draft that was announced before: when that was withdrawn, and why; everybody reads it.
    withdrawn_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    withdrawn_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    # When the admins were asked to freeze it.
    end_told_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "starts_at"), Index(None, "state"))

    @property
    def formula(self) -> Formula:
        """How the season is decided."""
        return from_json({**self.terms, **{name: getattr(self, name) for name in COLUMNS}})


HEAD = 25_000
"""Places of a snapshot that have rows, in order in an index: more than there are seats to give and to lose."""


class SnapshotRow(Base):
    """One member as they stood when the season was frozen: what the closing is decided from, whatever comes later.

    The first places and the core have rows, where the season ranks as the ranking does; everybody else stands on a
    :class:`SnapshotSheet`. Other seasons, and those from before there were sheets, have rows for everybody.

    No foreign keys: the rows are copied, by one statement, from tables that have them, neither seasons nor members
    are deleted, and PostgreSQL asking twice for each of a million rows took most of the freeze. The doctor looks.
    """

    __tablename__ = "qunclub_season_snapshot"
    season_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    number: Mapped[int]
    position: Mapped[int]
    points: Mapped[int]
    honours: Mapped[int]
    last_day: Mapped[dt.date | None] = mapped_column(Date)
    core: Mapped[bool]
    safe_closings: Mapped[int] = mapped_column(default=0)
    # Why they may not rise, whatever their points (rules_formula.BARS).
    bar: Mapped[str] = mapped_column(String(12), default="", server_default="")
    on_leave: Mapped[bool] = mapped_column(default=False, server_default=false())
    __table_args__ = (
        Index(
            "ix_qunclub_season_snapshot_head",
            "season_id",
            "position",
            sqlite_where=text(f"position <= {HEAD}"),
            postgresql_where=text(f"position <= {HEAD}"),
        ),
        Index(
            "ix_qunclub_season_snapshot_core",
            "season_id",
            "member_id",
            sqlite_where=text("core"),
            postgresql_where=text("core"),
        ),
    )


class SnapshotSheet(Base):
    """Members of a snapshot who have no row of their own, in the words that are hashed (``rules.snapshot_line``).

    Whose ``member_id // sheets.EACH`` is ``sheet`` stands on it, a line each, in order of place. Most of a big club is
    asked for only when it is hashed, or one by one: a million rows took PostgreSQL three times as long as this.
    """

    __tablename__ = "qunclub_season_snapshot_sheet"
    season_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    sheet: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    lines: Mapped[str] = mapped_column(Text)


class SeasonLeave(Base):
    """Leave (请假) of a core member for one season: they cannot leave the core at its end, whatever their points."""

    __tablename__ = "qunclub_season_leave"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    season: Mapped[Season] = relationship(lazy="raise")
    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (UniqueConstraint("season_id", "member_id"), Index(None, "member_id"))


class Decision(Base):
    """Why somebody was promoted, kept or eliminated; theirs to read."""

    __tablename__ = "qunclub_decision"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    outcome: Mapped[str] = mapped_column(String(20))
    place: Mapped[int]
    position: Mapped[int]
    points: Mapped[int]
    reason: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    decided_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    season: Mapped[Season] = relationship(lazy="raise")
    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (
        Index("uq_qunclub_decision_once", "season_id", "member_id", unique=True),
        Index(None, "member_id"),
    )


class CoreSeat(Base):
    """A member's time in the core group, with the protection a newcomer has left."""

    __tablename__ = "qunclub_core_seat"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    number: Mapped[int]
    since_season_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_season.id"))
    joined_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    safe_closings: Mapped[int] = mapped_column(default=0)
    left_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    left_season_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_season.id"))
    left_reason: Mapped[str] = mapped_column(Text, default="")

    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (
        Index(
            "uq_qunclub_core_seat_live",
            "member_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
        Index(None, "since_season_id"),
    )
