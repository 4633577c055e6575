"""What authors have beside their submissions: more time, and what they have typed and not yet handed in."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Extension(Base):
    """More time for one member, or for everybody of one group; never both in one row."""

    __tablename__ = "qunclub_extension"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    # Groups stand above homework: the table is named, its model is not known here.
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    due_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    cut_off_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    granted_by: Mapped[str] = mapped_column(String(200), default="")
    granted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        CheckConstraint("(member_id IS NULL) <> (group_id IS NULL)", name="one"),
        UniqueConstraint("assignment_id", "member_id"),
        UniqueConstraint("assignment_id", "group_id"),
        Index(None, "member_id"),
    )


class WorkDraft(Base):
    """What an author has typed and not yet handed in; ``version`` tells two windows apart."""

    __tablename__ = "qunclub_work_draft"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    body_md: Mapped[str] = mapped_column(Text, default="")
    # As typed: it is looked at when it is handed in.
    link: Mapped[str] = mapped_column(Text, default="", server_default="")
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("assignment_id", "member_id"), Index(None, "member_id"))
