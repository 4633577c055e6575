"""Who may take no seat for a time, and how far the members of a line are told of its new covenant."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk


class Bar(Base):
    """Somebody taken out for cause takes no new seat: in one line, or (``line_id`` empty) in the whole club.

    It ends at ``until``, or when an admin lifts it. It closes no course that was paid for.
    """

    __tablename__ = "qunclub_group_bar"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group_line.id"))
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    lifted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    lift_reason: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index(None, "member_id"),)


class CovenantNotice(Base):
    """How far the letters about a new version have come: by the id of the last seat that was looked at."""

    __tablename__ = "qunclub_covenant_notice"
    covenant_id: Mapped[int] = mapped_column(ForeignKey("qunclub_covenant.id"), primary_key=True)
    after_id: Mapped[int] = mapped_column(BigInt, default=0)
    done_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        Index(
            "ix_qunclub_covenant_notice_due",
            "covenant_id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )
