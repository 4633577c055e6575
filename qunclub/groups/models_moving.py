"""Where seats were moved from and to, and who asks to be moved."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk

HOW = ("hand", "asked", "free", "merge", "split")
ASKED = ("open", "granted", "declined", "withdrawn", "over")


class SeatMove(Base):
    """One move of a seat from a group to another of its line; a line is never changed.

    Attributes:
        how: by an admin's or host's hand, because the member asked, by themselves, by a merge, by a split.
        by_id: who did it; empty for the club itself and for those who left it.
    """

    __tablename__ = "qunclub_seat_move"
    id: Mapped[pk]
    seat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_seat.id"))
    from_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    how: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "seat_id", "id"), Index(None, "by_id"))


class MoveRequest(Base):
    """A member's wish to move; one at a time of a seat. ``over``: the seat ended or was moved otherwise."""

    __tablename__ = "qunclub_move_request"
    id: Mapped[pk]
    seat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_seat.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    from_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    words: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12), default="open")
    asked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (
        Index(
            "uq_qunclub_move_request_open",
            "seat_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_qunclub_move_request_waiting",
            "id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "seat_id", "id"),
        Index(None, "member_id"),
        Index(None, "answered_by"),
    )
