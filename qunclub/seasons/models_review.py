"""The review of a frozen season: dry runs that are kept, nominations, and exceptions with their reasons."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class DryRun(Base):
    """What closing would have done when somebody looked: every outcome with its reason (``rules_review``).

    ``proposed``: the admin stands by it; where the formula asks for two, another one publishes exactly this.
    """

    __tablename__ = "qunclub_season_dry_run"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    by_key: Mapped[str] = mapped_column(String(120))
    by_name: Mapped[str] = mapped_column(String(200))
    proposed: Mapped[bool] = mapped_column(default=False, server_default=false())
    plan_hash: Mapped[str] = mapped_column(String(64))
    outcomes: Mapped[list[Any]] = mapped_column(JSON, default=list)
    __table_args__ = (Index(None, "season_id", "id"),)


class Nomination(Base):
    """An instructor speaks for a member; it moves nothing by itself, admins read it in the review."""

    __tablename__ = "qunclub_season_nomination"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    by_member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    by_name: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("season_id", "member_id", "by_member_id"), Index(None, "member_id"))


class SeasonException(Base):
    """What was ruled about one member beside the formula (``rules.Ruling``), readable with the result.

    ``gone`` is no exception but a fact that publishing writes down: who lost the seat between freeze and result.
    """

    __tablename__ = "qunclub_season_exception"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    kind: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(Text, default="")
    by_key: Mapped[str] = mapped_column(String(120))
    by_name: Mapped[str] = mapped_column(String(200))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("season_id", "member_id"), Index(None, "member_id"))
