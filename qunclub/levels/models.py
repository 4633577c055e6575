"""The path's rules in every form they had, each member's level, and how it came about."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk


class LadderVersion(Base):
    """One form the rules of the path had, from ``valid_from`` until the next; never changed."""

    __tablename__ = "qunclub_ladder_version"
    id: Mapped[pk]
    version: Mapped[int] = mapped_column(unique=True)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)
    valid_from: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(String(120))
    actor_name: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = ({"info": {"append_only": True}},)


class LadderDraft(Base):
    """The rules an admin is writing, and what they would change, counted by the sweep; there is one row at most.

    ``cursor`` is the last member that was counted, ``moves`` how many would rise to or lose which level.
    """

    __tablename__ = "qunclub_ladder_draft"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(default=1)
    actor_name: Mapped[str] = mapped_column(String(200), default="")
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    looked: Mapped[int] = mapped_column(default=0)
    moves: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    counted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class MemberLevel(Base):
    """A member's level.

    ``due_at`` is when they are looked at again; ``looked_at`` is empty until the first time. ``lose_at`` is when the
    level will be lost, ``warnings`` how many letters said so. ``hand_until`` is until when an admin's hand holds it.
    ``changes`` counts the lines of the history.
    """

    __tablename__ = "qunclub_member_level"
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_member.id"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(unique=True)
    level: Mapped[str] = mapped_column(String(20), default="participant")
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ladder_version: Mapped[int] = mapped_column(default=0)
    looked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    lose_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    warnings: Mapped[int] = mapped_column(default=0)
    hand_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    changes: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        Index(None, "due_at", "member_id"),
        Index(None, "ladder_version", "member_id"),
        Index(None, "level", "number"),
        Index(
            "ix_qunclub_member_level_losing",
            "lose_at",
            "member_id",
            sqlite_where=text("lose_at IS NOT NULL"),
            postgresql_where=text("lose_at IS NOT NULL"),
        ),
    )


class LevelChange(Base):
    """One step of a member on the path, never changed: who, when, from, to, why, by which version of the rules.

    ``why`` is ``reached``, ``lost``, ``core_seat``, ``core_left`` or ``by_hand``; ``facts`` is what was known then.
    """

    __tablename__ = "qunclub_level_change"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    n: Mapped[int]
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    from_level: Mapped[str] = mapped_column(String(20))
    to_level: Mapped[str] = mapped_column(String(20))
    why: Mapped[str] = mapped_column(String(20))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    ladder_version: Mapped[int]
    actor: Mapped[str] = mapped_column(String(120))
    actor_name: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("member_id", "n"), {"info": {"append_only": True}})


class LevelCount(Base):
    """How many members stand on a level: kept, so that a page does not count them."""

    __tablename__ = "qunclub_level_count"
    level: Mapped[str] = mapped_column(String(20), primary_key=True)
    members: Mapped[int] = mapped_column(default=0)
