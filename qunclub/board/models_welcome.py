"""Who was welcomed on the board of a group, and on which day."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk


class BoardWelcome(Base):
    """A newcomer of a group, once for ever; *nth* of the day. The name is looked up when it is shown."""

    __tablename__ = "qunclub_board_welcome"
    id: Mapped[pk]
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    day: Mapped[dt.date]
    nth: Mapped[int]
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("group_id", "member_id"),
        Index(None, "group_id", "day", "nth"),
        Index(None, "group_id", "at"),
        Index(None, "member_id"),
    )


class BoardWelcomeDay(Base):
    """A day on which somebody came into a group: how many were welcomed, and when the first of them was."""

    __tablename__ = "qunclub_board_welcome_day"
    group_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_group.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    came: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "group_id", "first_at"),)
