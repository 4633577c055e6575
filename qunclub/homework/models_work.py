"""What authors have beside their submissions: more time, teams, drafts."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Extension(Base):
    """More time for one member, or for everybody of one group."""

    __tablename__ = "qunclub_extension"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    due_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    cut_off_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    granted_by: Mapped[str] = mapped_column(String(200), default="")
    granted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("assignment_id", "member_id"),
        UniqueConstraint("assignment_id", "group_id"),
    )


class Team(Base):
    """Members who hand in one work together; the one who founded it hands it in."""

    __tablename__ = "qunclub_team"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    founder_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    name: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("assignment_id", "founder_id"),)


class TeamMember(Base):
    """Somebody in a team; each in one team of an assignment. ``confirmed_at``: they said yes."""

    __tablename__ = "qunclub_team_member"
    id: Mapped[pk]
    team_id: Mapped[int] = mapped_column(ForeignKey("qunclub_team.id"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("assignment_id", "member_id"), Index(None, "team_id"))


class WorkDraft(Base):
    """What an author has typed and not yet handed in, merged from the browsers they type in."""

    __tablename__ = "qunclub_work_draft"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    body_md: Mapped[str] = mapped_column(Text, default="")
    link_url: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("assignment_id", "member_id"), Index(None, "member_id"))
