"""Group lines, the groups they open, the seats in them, and the covenant."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, UTCDateTime, pk

SEAT_STATES = ("waiting", "offered", "admitted", "left", "removed")
"""``offered``: a seat of the group is kept until ``offered_until``; the member takes it or lets it go."""

LIVE_SEAT = text("state IN ('waiting', 'offered', 'admitted')")


class GroupLine(Base):
    """A line of like groups that opens the next one when the last is full."""

    __tablename__ = "qunclub_group_line"
    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20), default="learner")
    capacities: Mapped[list[int]] = mapped_column(JSON)
    repeat_last: Mapped[bool] = mapped_column(default=False)
    name_pattern: Mapped[str] = mapped_column(String(120), default="")
    posting: Mapped[str] = mapped_column(String(20), default="staff")
    posting_note: Mapped[str] = mapped_column(Text, default="")
    nickname_rule: Mapped[str] = mapped_column(String(120), default="")
    # How members come into its groups: rules_allocation.POLICIES.
    allocation: Mapped[str] = mapped_column(String(20), default="first", server_default="first")
    # How many groups open together.
    open_at_once: Mapped[int] = mapped_column(default=1, server_default="1")
    # What each group is for, in order, when members come in by city or course; beyond: for everybody.
    labels: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    # How long a freed seat is kept for whoever waited; 0: they are seated at once.
    offer_hours: Mapped[int] = mapped_column(default=0, server_default="0")
    # Whether members may go from one of its groups to another: rules_moving.MOVING.
    moving: Mapped[str] = mapped_column(String(10), default="no", server_default="no")
    waiting_count: Mapped[int] = mapped_column(default=0)
    next_position: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class Covenant(Base):
    """One version of a line's rules; a new version asks again."""

    __tablename__ = "qunclub_covenant"
    id: Mapped[pk]
    line_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group_line.id"))
    version: Mapped[int]
    body_md: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    published_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("line_id", "version"),)


class CovenantAcceptance(Base):
    """That a member accepted one version."""

    __tablename__ = "qunclub_covenant_acceptance"
    id: Mapped[pk]
    covenant_id: Mapped[int] = mapped_column(ForeignKey("qunclub_covenant.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    accepted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("covenant_id", "member_id"),)


class Group(Base):
    """One group of a line.

    ``seated`` (with seats on offer) is kept, not counted; the database itself refuses more than ``capacity``.
    A group that was merged into another is closed: it has no seats, and ``into_id`` says where everybody went.
    """

    __tablename__ = "qunclub_group"
    id: Mapped[pk]
    line_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group_line.id"))
    index: Mapped[int] = mapped_column("idx")
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(160))
    capacity: Mapped[int]
    seated: Mapped[int] = mapped_column(default=0)
    label: Mapped[str] = mapped_column(String(80), default="", server_default="")
    entry_url: Mapped[str] = mapped_column(String(500), default="")
    entry_note: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    into_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))

    line: Mapped[GroupLine] = relationship(lazy="raise")
    __table_args__ = (
        UniqueConstraint("line_id", "idx"),
        CheckConstraint("seated >= 0 AND seated <= capacity", name="seats"),
        Index(
            "ix_qunclub_group_into_id",
            "into_id",
            sqlite_where=text("into_id IS NOT NULL"),
            postgresql_where=text("into_id IS NOT NULL"),
        ),
    )


class Seat(Base):
    """Member × line: a seat in a group, or an ordered place on the waiting list (``group_id`` empty)."""

    __tablename__ = "qunclub_seat"
    id: Mapped[pk]
    line_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group_line.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(20))
    # The waiting list: the smaller turn first (it is minus the priority), then the position.
    turn: Mapped[int] = mapped_column(default=0, server_default="0")
    position: Mapped[int | None]
    # The city, or what the pass is for, when it was asked for.
    allot_key: Mapped[str] = mapped_column(String(80), default="", server_default="")
    offered_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    asked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    admitted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")
    # Given or taken at this moment, and what hangs on the seat (its ticket) has not followed yet.
    stirred_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    group: Mapped[Group | None] = relationship(lazy="raise")
    line: Mapped[GroupLine] = relationship(lazy="raise")
    __table_args__ = (
        # One live seat a member and line: two passes of the same line share it.
        Index(
            "uq_qunclub_seat_live",
            "line_id",
            "member_id",
            unique=True,
            sqlite_where=LIVE_SEAT,
            postgresql_where=LIVE_SEAT,
        ),
        Index(None, "line_id", "state", "turn", "position"),
        Index(
            "ix_qunclub_seat_offered_until",
            "offered_until",
            "id",
            sqlite_where=text("offered_until IS NOT NULL"),
            postgresql_where=text("offered_until IS NOT NULL"),
        ),
        Index(None, "group_id", "state"),
        Index(None, "member_id"),
        # Who came into a group, by their coming.
        Index(
            "ix_qunclub_seat_admitted",
            "group_id",
            "admitted_at",
            "id",
            sqlite_where=text("state = 'admitted'"),
            postgresql_where=text("state = 'admitted'"),
        ),
        # The admin's lists, newest first; those whose covenant is new, in order.
        Index(None, "line_id", "id"),
        Index(None, "line_id", "state", "id"),
        Index(None, "group_id", "id"),
        Index(
            "ix_qunclub_seat_stirred",
            "stirred_at",
            "id",
            sqlite_where=text("stirred_at IS NOT NULL"),
            postgresql_where=text("stirred_at IS NOT NULL"),
        ),
    )
