"""Appeals of members against what a season decided about them, and the corrections that carry upheld ones out."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, UTCDateTime, pk
from qunclub.members.models import Member

APPEAL_STATES = ("open", "upheld", "declined", "void")


class SeasonAppeal(Base):
    """A member asks to look again, once a result. ``void``: the result itself was taken back.

    ``first``: what they appeal against: ``eliminated``, or ``none`` when they did not rise.
    """

    __tablename__ = "qunclub_season_appeal"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    first: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12), default="open")
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    by_key: Mapped[str] = mapped_column(String(120), default="")
    by_name: Mapped[str] = mapped_column(String(200), default="")

    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (
        Index(
            "uq_qunclub_season_appeal_once",
            "season_id",
            "member_id",
            unique=True,
            sqlite_where=text("state <> 'void'"),
            postgresql_where=text("state <> 'void'"),
        ),
        Index(None, "season_id", "state"),
        Index(None, "member_id"),
    )


class SeasonCorrection(Base):
    """The decision that an upheld appeal brought: ``kept`` or ``promoted``, beside the first and never instead of it.

    ``seat_id``: the core seat it gave, None when they sat in the core again anyway. ``spare``: all seats were taken,
    and one more was given for ``spare_reason``, which everybody reads.
    """

    __tablename__ = "qunclub_season_correction"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    appeal_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season_appeal.id"), unique=True)
    outcome: Mapped[str] = mapped_column(String(20))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_core_seat.id"))
    spare: Mapped[bool] = mapped_column(default=False, server_default=false())
    spare_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    decided_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (
        UniqueConstraint("season_id", "member_id"),
        Index(None, "member_id"),
        Index(None, "seat_id"),
    )
