"""When a group may be written in, who is muted, what was reported, and what came of it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Base, BigInt, UTCDateTime, pk
from qunclub.members.models import Member

REPORT_STATES = ("open", "dismissed", "sanctioned", "gone")
APPEAL_STATES = ("open", "upheld", "declined", "lapsed")
EXCEPTION_STATES = ("open", "granted", "declined", "lapsed")
OVERTURNED = "overturned"
STILL_OPEN = literal_column("'open'", String)
"""Written into the statement: a partial index is of no use to a state that comes as a parameter."""


class Schedule(Base):
    """When a line's groups are open for its members, and how slowly they write; a group's own one goes before it.

    ``windows`` holds ``[weekday, opens, closes]``: Monday is 0, minutes since midnight by the club's clock; one that
    closes no later than it opens ends on the next day. ``slow_seconds``: the least between two posts of a member.
    """

    __tablename__ = "qunclub_house_schedule"
    id: Mapped[pk]
    line_id: Mapped[int] = mapped_column(ForeignKey(GroupLine.id))
    group_id: Mapped[int | None] = mapped_column(ForeignKey(Group.id), unique=True)
    windows: Mapped[list[list[int]]] = mapped_column(JSON, default=list)
    slow_seconds: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        Index(None, "line_id", "group_id"),
        Index(
            "uq_qunclub_house_schedule_line",
            "line_id",
            unique=True,
            sqlite_where=text("group_id IS NULL"),
            postgresql_where=text("group_id IS NULL"),
        ),
    )


class Violation(Base):
    """That a member broke a rule of the house, never changed. Whether it still counts, its sanction says."""

    __tablename__ = "qunclub_violation"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    group_id: Mapped[int] = mapped_column(ForeignKey(Group.id))
    category: Mapped[str] = mapped_column(String(20))
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int] = mapped_column(BigInt)
    found_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id", "at"), {"info": {"append_only": True}})


class Sanction(Base):
    """What followed a violation, never changed: one line each, and a second one when it is overturned.

    ``proposed`` is what the club's ladder asked for at its ``step``; ``until`` ends a mute, empty for one without end;
    ``appeal_until`` ends the time for an appeal. ``overturns_id`` names the line that this one takes back.
    """

    __tablename__ = "qunclub_sanction"
    id: Mapped[pk]
    violation_id: Mapped[int] = mapped_column(ForeignKey(Violation.id))
    member_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    group_id: Mapped[int] = mapped_column(ForeignKey(Group.id))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey(Seat.id))
    kind: Mapped[str] = mapped_column(String(12))
    until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    proposed: Mapped[str] = mapped_column(String(12), default="")
    step: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text)
    departure: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    appeal_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    overturns_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_sanction.id"), unique=True)
    __table_args__ = (
        Index(None, "member_id", "id"),
        Index(None, "group_id", "id"),
        # One violation, one sanction.
        Index(
            "uq_qunclub_sanction_violation",
            "violation_id",
            unique=True,
            sqlite_where=text("overturns_id IS NULL"),
            postgresql_where=text("overturns_id IS NULL"),
        ),
        {"info": {"append_only": True}},
    )


class Mute(Base):
    """Who does not write in a group for a while: one member, a role (``role``), or everybody but its hosts.

    ``until`` empty: until a host lifts it. A mute that came of a sanction names it. ``set_office`` is the office in
    which ``set_by`` acted: ``host`` or ``admin``; empty when it was not written down.
    """

    __tablename__ = "qunclub_mute"
    id: Mapped[pk]
    group_id: Mapped[int] = mapped_column(ForeignKey(Group.id))
    member_id: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    role: Mapped[str] = mapped_column(String(20), default="")
    reason: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    set_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    set_office: Mapped[str] = mapped_column(String(10), default="", server_default="")
    lifted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    sanction_id: Mapped[int | None] = mapped_column(ForeignKey(Sanction.id), unique=True)
    __table_args__ = (
        # What may still be in force: lifted ones are not in the way.
        Index(
            "ix_qunclub_mute_live",
            "group_id",
            "member_id",
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index(None, "group_id", "id"),
        Index(None, "member_id"),
    )


class MuteException(Base):
    """A member asks to write although a mute of their role or of all keeps them from it; an admin answers, once.

    ``granted`` holds for this member as long as this mute lasts; ``lapsed``: the mute ended, or their seat, before an
    answer.
    """

    __tablename__ = "qunclub_mute_exception"
    id: Mapped[pk]
    mute_id: Mapped[int] = mapped_column(ForeignKey(Mute.id))
    member_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open")
    answer: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("mute_id", "member_id"),
        Index(None, "state", "opened_at"),
        Index(None, "member_id", "id"),
    )


class Report(Base):
    """A member tells the hosts of something in a group; one of them at a time holds it and decides.

    ``subject_kind`` and ``subject_id`` name what is meant; ``excerpt`` is what it said when it was reported, because
    its author may change it. Reports of one subject are decided together.
    """

    __tablename__ = "qunclub_report"
    id: Mapped[pk]
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int] = mapped_column(BigInt)
    group_id: Mapped[int] = mapped_column(ForeignKey(Group.id))
    author_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    reporter_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    category: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text, default="")
    excerpt: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(12), default="open")
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    violation_id: Mapped[int | None] = mapped_column(ForeignKey(Violation.id))
    __table_args__ = (
        Index(
            "uq_qunclub_report_open",
            "subject_kind",
            "subject_id",
            "group_id",
            "reporter_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "state", "id"),
        Index(None, "author_id", "state"),
        Index(None, "reporter_id"),
    )


class SanctionAppeal(Base):
    """A member asks for another look at a sanction, once; an admin who has not set it answers."""

    __tablename__ = "qunclub_sanction_appeal"
    id: Mapped[pk]
    sanction_id: Mapped[int] = mapped_column(ForeignKey(Sanction.id), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open")
    answer: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(Member.id))
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "state", "opened_at"), Index(None, "member_id"))
