"""Boards, their posts and what hangs on them. Every number here is kept with the rows, not counted."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk

KINDS = ("post", "announcement")
WHATS = ("edit", "delete", "hide", "show")


class Board(Base):
    """The board of one group: the row whose lock numbers its posts.

    ``last_n`` is the newest number given, ``changed`` grows with everything that readers see differently.
    """

    __tablename__ = "qunclub_board"
    group_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_group.id"), primary_key=True, autoincrement=False
    )
    last_n: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)


class BoardPost(Base):
    """A post, an announcement, or an answer (with ``parent_id``) to one; ``n`` counts them all in their group."""

    __tablename__ = "qunclub_board_post"
    id: Mapped[pk]
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    n: Mapped[int]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_board_post.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    kind: Mapped[str] = mapped_column(String(20), default="post")
    title: Mapped[str] = mapped_column(String(120), default="")
    body_md: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    mentions: Mapped[list[int]] = mapped_column(JSON, default=list)
    by_staff: Mapped[bool] = mapped_column(default=False)
    open_answers: Mapped[bool] = mapped_column(default=True)
    replies: Mapped[int] = mapped_column(default=0)
    reads: Mapped[int] = mapped_column(default=0)
    pinned_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    edited_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    deleted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    hidden_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    hidden_reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("group_id", "n"),
        Index(
            "ix_qunclub_board_post_top",
            "group_id",
            "n",
            sqlite_where=text("parent_id IS NULL"),
            postgresql_where=text("parent_id IS NULL"),
        ),
        Index(
            "ix_qunclub_board_post_announced",
            "group_id",
            "n",
            sqlite_where=text("kind = 'announcement'"),
            postgresql_where=text("kind = 'announcement'"),
        ),
        Index(
            "ix_qunclub_board_post_pinned",
            "group_id",
            "pinned_at",
            sqlite_where=text("pinned_at IS NOT NULL"),
            postgresql_where=text("pinned_at IS NOT NULL"),
        ),
        Index(None, "parent_id", "n"),
        Index(None, "member_id", "group_id", "n"),
    )


class BoardReader(Base):
    """Up to which number a member has read a group's board."""

    __tablename__ = "qunclub_board_reader"
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"), primary_key=True)
    read_n: Mapped[int] = mapped_column(default=0)


class BoardReceipt(Base):
    """That a member has taken note of an announcement."""

    __tablename__ = "qunclub_board_receipt"
    id: Mapped[pk]
    post_id: Mapped[int] = mapped_column(ForeignKey("qunclub_board_post.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    read_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("post_id", "member_id"),
        Index(None, "post_id", "id"),
        Index(None, "member_id"),
    )


class BoardPicture(Base):
    """A picture of a post, written anew by the club and given out to whoever may read the post."""

    __tablename__ = "qunclub_board_picture"
    id: Mapped[pk]
    post_id: Mapped[int] = mapped_column(ForeignKey("qunclub_board_post.id"))
    name: Mapped[str] = mapped_column(String(120))
    content_type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(200))
    __table_args__ = (Index(None, "post_id"),)


class BoardVersion(Base):
    """How a post read before somebody changed it, and who did what to it: for the hosts of the group."""

    __tablename__ = "qunclub_board_version"
    id: Mapped[pk]
    post_id: Mapped[int] = mapped_column(ForeignKey("qunclub_board_post.id"))
    version: Mapped[int]
    what: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(120), default="")
    body_md: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("post_id", "version"),)
