"""Notices and the members' choices about them. How many a member has not read is kept on the member."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Notice(Base):
    """One thing one member was told. *said* is a msgid, empty for the kind's own; *facts* fill it when it is shown.

    ``by_id`` is who caused it: the name is looked up when it is shown, so that nobody stays named who left.
    """

    __tablename__ = "qunclub_notice"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    kind: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(120))
    said: Mapped[str] = mapped_column(String(300), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    endpoint: Mapped[str] = mapped_column(String(80), default="")
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    read_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        # Never twice.
        UniqueConstraint("member_id", "kind", "source"),
        Index(None, "member_id", "id"),
        Index(
            "ix_qunclub_notice_unread",
            "member_id",
            "id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
    )


class NoticeChoice(Base):
    """How a member wants to be told of one kind: by mail too, in the club only, not at all."""

    __tablename__ = "qunclub_notice_choice"
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    way: Mapped[str] = mapped_column(String(10))
