"""The append-only ledger, the windows points are counted in, and the standings kept as entries arrive."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, BigInt, UTCDateTime, pk
from qunclub.members.models import Member


class PointRule(Base):
    """What one kind of contribution earns now; every form it ever had is a :class:`PointRuleVersion`.

    ``amount`` is what an entry of this kind earns when its caller names no amount of its own; 0 switches the kind
    off. ``honours`` is what it adds to the tie-breaking count of featured works. ``version`` is the one in force.
    """

    __tablename__ = "qunclub_point_rule"
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    amount: Mapped[int]
    honours: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class PointRuleVersion(Base):
    """One form a rule had, from ``valid_from`` until the next; never changed.

    Version 1 is what the club came with. ``actor_name`` is how whoever set it was called then.
    """

    __tablename__ = "qunclub_point_rule_version"
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    amount: Mapped[int]
    honours: Mapped[int]
    active: Mapped[bool]
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    valid_from: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(String(120))
    actor_name: Mapped[str] = mapped_column(String(120), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (UniqueConstraint("kind", "version"), {"info": {"append_only": True}})


def _earned(context: Any) -> dt.datetime:
    moment: dt.datetime = context.get_current_parameters()["occurred_at"]
    return moment


class LedgerEntry(Base):
    """One line of the ledger, never changed; a correction is a new line that names the one it reverses.

    ``occurred_at`` is when it was earned, ``created_at`` when it was written. ``counts_at`` decides the windows it
    counts in: the former, or, when that lay in a window that was closed already, a moment after it.
    ``rule_version`` is the rule that gave it (0: written before rules had versions); a reversal has that of its line.
    ``from_member_id`` is who judged or gave. ``lost`` is what a limit took of it, ``lost_why`` which of
    ``rules_limits.WHY``. ``scope`` is where it was earned (``course:7``), None for what belongs to the whole club.
    """

    __tablename__ = "qunclub_ledger_entry"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    kind: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(120), unique=True)
    amount: Mapped[int]
    honours: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(120))
    occurred_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    counts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=_earned)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_ledger_entry.id"), unique=True)
    rule_version: Mapped[int] = mapped_column(default=0, server_default="0")
    from_member_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    lost: Mapped[int] = mapped_column(default=0, server_default="0")
    lost_why: Mapped[str] = mapped_column(String(10), default="", server_default="")
    scope: Mapped[str | None] = mapped_column(String(40))
    __table_args__ = (
        Index(None, "member_id", "occurred_at"),
        Index(None, "occurred_at"),
        Index(None, "counts_at"),
        Index(None, "from_member_id"),
        Index(
            "ix_qunclub_ledger_entry_scope",
            "scope",
            sqlite_where=text("scope IS NOT NULL"),
            postgresql_where=text("scope IS NOT NULL"),
        ),
        {"info": {"append_only": True}},
    )


class Window(Base):
    """A span of time points are counted in: all time (both ends open), or ``[starts_at, ends_at)``.

    ``kind`` is one of ``rules.WINDOW_KINDS``. Of a ``scope`` (``course:7``) it counts only what was earned there.
    ``planned_ends_at`` is the end it had until it was ended early. From ``closed_at`` on nothing counts in it any more.
    """

    __tablename__ = "qunclub_points_window"
    id: Mapped[pk]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    starts_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    planned_ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    kind: Mapped[str] = mapped_column(String(10), default="season", server_default="season")
    scope: Mapped[str] = mapped_column(String(40), default="", server_default="")
    __table_args__ = (Index(None, "scope", "ends_at"),)


class Standing(Base):
    """A member's points in a window: always the sum of the entries that fall into it.

    ``number`` is the member's, copied because it never changes and is the last tie-break of the ranking's index.
    ``last_day`` is the latest UTC day on which a line counts that stands. ``points`` is below zero only when more was
    taken back after its own window had closed than was earned since.
    """

    __tablename__ = "qunclub_standing"
    window_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_points_window.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_member.id"), primary_key=True)
    number: Mapped[int]
    points: Mapped[int]
    honours: Mapped[int] = mapped_column(default=0)
    last_day: Mapped[dt.date] = mapped_column(Date)

    member: Mapped[Member] = relationship(lazy="raise")


Index(
    "ix_qunclub_standing_rank",
    Standing.window_id,
    Standing.points.desc(),
    Standing.honours.desc(),
    Standing.last_day,
    Standing.number,
    # Decides nothing, and saves the look into the table for whose line it is.
    Standing.member_id,
)


class ScoreCount(Base):
    """How many members of a window have points in ``[points, points + span)``: my place without counting those above.

    Kept in blocks of three widths (1, 64, 4096), so that a place costs the same however far scores spread.
    """

    __tablename__ = "qunclub_score_count"
    window_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_points_window.id"), primary_key=True)
    span: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    points: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    members: Mapped[int]
