"""What a line asks of whoever comes in: to introduce themselves and a first task; and which steps are kept as done."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class LineRitual(Base):
    """What a line asks, as an admin set it. ``asked_since``: whoever had a seat before is not asked to introduce
    themselves after the fact; the way in stays open to them."""

    __tablename__ = "qunclub_line_ritual"
    line_id: Mapped[int] = mapped_column(
        ForeignKey("qunclub_group_line.id"), primary_key=True, autoincrement=False
    )
    questions: Mapped[list[str]] = mapped_column(JSON)
    task_title: Mapped[str] = mapped_column(String(120), default="")
    task_md: Mapped[str] = mapped_column(Text, default="")
    task_html: Mapped[str] = mapped_column(Text, default="")
    asked_since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)


class Introduction(Base):
    """What a member said of themselves to the groups of a line: each answer beside what was asked."""

    __tablename__ = "qunclub_introduction"
    id: Mapped[pk]
    line_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group_line.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    answers: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    given_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("line_id", "member_id"), Index(None, "member_id"))


class RitualMark(Base):
    """A step that no other row tells of: the first task done, the name changed in the chat outside."""

    __tablename__ = "qunclub_ritual_mark"
    id: Mapped[pk]
    seat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_seat.id"))
    step: Mapped[str] = mapped_column(String(12))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (UniqueConstraint("seat_id", "step"), Index(None, "by_id"))
