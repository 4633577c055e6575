"""Letters about where one stands in a season, and who wants none."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk
from qunclub.members.models import Member

from .models import Season


class SeasonNotice(Base):
    """One letter to a member: ``risk`` (core, below the line) or ``near`` (outside, within reach); one a week at most.

    ``week`` is the day the week's letters were due, ``gap`` the points that were missing then.
    """

    __tablename__ = "qunclub_season_notice"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey(Season.id))
    member_id: Mapped[int] = mapped_column(ForeignKey(Member.id))
    week: Mapped[dt.date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(String(8))
    gap: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("season_id", "member_id", "week"), Index(None, "member_id"))


class SeasonQuiet(Base):
    """A member who wants no letters about where they stand."""

    __tablename__ = "qunclub_season_quiet"
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey(Member.id), primary_key=True, autoincrement=False
    )
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
