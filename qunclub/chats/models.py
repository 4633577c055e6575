"""The chats in which groups live outside the club, what hosts and the bot have to do there, and who is who."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk

KINDS = ("telegram", "wechat", "qq", "wecom", "discord", "other")
TASKS = ("let_in", "rename", "put_out", "mute", "unmute")
TASK_STATES = ("open", "done", "dropped")
JOIN_STATES = ("asked", "approving", "approved", "declined", "gone")
POST_STATES = ("queued", "sending", "sent", "refused", "unsure")


class Chat(Base):
    """What is known of a group's chat beside the link and the note, which the group itself carries.

    ``expires_at`` is until when the link and the QR picture are good; ``reminded_at`` says that hosts were reminded of
    this very date. ``names_after`` is set while names are looked at by a new rule: the task after which to go on.
    ``ref`` is the chat as its service names it, when the bot works there; ``trouble`` what keeps it
    from working, in the service's words. ``open_tasks`` is kept with the tasks.
    """

    __tablename__ = "qunclub_chat"
    id: Mapped[pk]
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    ref: Mapped[str] = mapped_column(String(60), default="")
    trouble: Mapped[str] = mapped_column(Text, default="")
    picture_key: Mapped[str] = mapped_column(String(200), default="")
    expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reminded_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    open_tasks: Mapped[int] = mapped_column(default=0)
    names_after: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    @property
    def last_good(self) -> dt.datetime | None:
        """The last minute in which link and picture are good: the end of a day is told as that day."""
        return self.expires_at - dt.timedelta(minutes=1) if self.expires_at else None

    __table_args__ = (
        CheckConstraint("open_tasks >= 0", name="kept"),
        # One chat belongs to one group: a request to join must lead to one seat.
        Index(
            "uq_qunclub_chat_ref",
            "kind",
            "ref",
            unique=True,
            sqlite_where=text("ref <> ''"),
            postgresql_where=text("ref <> ''"),
        ),
        # Where there is something to do, for the hosts' list.
        Index(
            "ix_qunclub_chat_todo",
            "group_id",
            sqlite_where=text("open_tasks > 0"),
            postgresql_where=text("open_tasks > 0"),
        ),
        Index(
            "ix_qunclub_chat_naming",
            "names_after",
            sqlite_where=text("names_after IS NOT NULL"),
            postgresql_where=text("names_after IS NOT NULL"),
        ),
        Index(
            "ix_qunclub_chat_expiring",
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL AND reminded_at IS NULL"),
            postgresql_where=text("expires_at IS NOT NULL AND reminded_at IS NULL"),
        ),
    )


class ChatTask(Base):
    """Something to be done in a chat because of a seat: by its host, or by the bot where there is one.

    ``name`` is what the member is to be called there. ``account`` is whom the bot puts out; it is emptied when that is
    done. ``until`` is when a mute ends. ``tries`` counts how often the bot was set to it again by hand.
    """

    __tablename__ = "qunclub_chat_task"
    id: Mapped[pk]
    chat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_chat.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_seat.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    what: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="open")
    name: Mapped[str] = mapped_column(String(160), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    account: Mapped[str] = mapped_column(String(40), default="")
    until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    trouble: Mapped[str] = mapped_column(Text, default="")
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    done_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    done_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (
        Index(
            "uq_qunclub_chat_task_open",
            "chat_id",
            "seat_id",
            "what",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "chat_id", "state", "id"),
        Index(None, "seat_id"),
        Index(None, "member_id"),
    )


class ChatHush(Base):
    """What a mute of a role or of all asks of the hosts of a chat without a bot: one line for all whom it means.

    One for its beginning (``mute``) and one for its end (``unmute``), the latter only where the former was done.
    """

    __tablename__ = "qunclub_chat_hush"
    id: Mapped[pk]
    chat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_chat.id"))
    mute_id: Mapped[int] = mapped_column(ForeignKey("qunclub_mute.id"))
    what: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="open")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    done_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    done_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (
        UniqueConstraint("chat_id", "mute_id", "what"),
        Index(None, "chat_id", "state", "id"),
        Index(None, "mute_id"),
    )


class ChatAccount(Base):
    """Who a member is in a chat service; linked by the member, gone when they take the link back."""

    __tablename__ = "qunclub_chat_account"
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(String(40))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    name: Mapped[str] = mapped_column(String(120), default="")
    dm: Mapped[str] = mapped_column(String(40), default="")
    linked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("kind", "account"), UniqueConstraint("kind", "member_id"))


class ChatLink(Base):
    """A link that ties a chat account to a member, once, for a short while; only the hash of its token is kept."""

    __tablename__ = "qunclub_chat_link"
    id: Mapped[pk]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id"),)


class ChatJoin(Base):
    """The newest request of an account to join a chat, and what became of it.

    ``approving`` is written in the transaction that uses the ticket: what comes after it is only telling the service.
    """

    __tablename__ = "qunclub_chat_join"
    id: Mapped[pk]
    chat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_chat.id"))
    account: Mapped[str] = mapped_column(String(40))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_seat.id"))
    dm: Mapped[str] = mapped_column(String(40), default="")
    locale: Mapped[str] = mapped_column(String(8), default="")
    update_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20), default="asked")
    why: Mapped[str] = mapped_column(String(40), default="")
    asked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("chat_id", "account"),
        Index(None, "chat_id", "id"),
        Index(None, "member_id"),
        Index(None, "seat_id"),
    )


class ChatUpdate(Base):
    """That something the service told was taken in: told again, it changes nothing. What it said is not kept."""

    __tablename__ = "qunclub_chat_update"
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(20))
    update_id: Mapped[int] = mapped_column(BigInteger)
    what: Mapped[str] = mapped_column(String(20))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("kind", "update_id"), Index(None, "at"))


class ChatPost(Base):
    """Something a host has the bot say in a chat. ``key`` comes with the form, so that sending it twice is once.

    A message cannot be said twice by the same key at the service: it is ``sending`` before the call, and whoever finds
    it so afterwards calls it ``unsure`` and leaves it to the host.
    """

    __tablename__ = "qunclub_chat_post"
    id: Mapped[pk]
    chat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_chat.id"))
    key: Mapped[str] = mapped_column(String(60), unique=True)
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20), default="queued")
    trouble: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "chat_id", "id"), Index(None, "by_id"))
