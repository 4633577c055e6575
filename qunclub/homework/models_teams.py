"""Group work: teams and who is asked to join them, what they type together, and whose a work is."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk


class Team(Base):
    """Members who do one assignment together; its row is locked by whatever changes who they are."""

    __tablename__ = "qunclub_team"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "assignment_id"),)


class TeamMember(Base):
    """Somebody asked to join a team (``invited``), or in it (``joined``): only their own yes makes one the other."""

    __tablename__ = "qunclub_team_member"
    id: Mapped[pk]
    team_id: Mapped[int] = mapped_column(ForeignKey("qunclub_team.id"))
    # The team's, for the index below.
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(10))
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    # An admin asked: such an invitation holds after the team handed in, too.
    mending: Mapped[bool] = mapped_column(default=False, server_default=false())
    invited_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    joined_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("team_id", "member_id"),
        Index(None, "member_id", "state"),
        # One team an assignment and member, whatever happens at once.
        Index(
            "uq_qunclub_team_member_joined",
            "assignment_id",
            "member_id",
            unique=True,
            sqlite_where=text("state = 'joined'"),
            postgresql_where=text("state = 'joined'"),
        ),
    )


class TeamDraft(Base):
    """What a team has typed and not yet handed in; ``version`` tells two windows apart."""

    __tablename__ = "qunclub_team_draft"
    team_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_team.id"), primary_key=True, autoincrement=False
    )
    body_md: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class WorkShare(Base):
    """Whose a team's submission is, as the team was when it handed in; work done alone has its author and no share.

    ``consented_at`` is when this member let it be shown; it is shown when all have.
    """

    __tablename__ = "qunclub_work_share"
    submission_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_submission.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_member.id"), primary_key=True, autoincrement=False
    )
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    consented_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("assignment_id", "member_id"), Index(None, "member_id"))
