"""Reads of chats: each gives what one page needs in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.house.models import Mute
from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark, store
from qunclub.members.models import Member

from . import rules, services_join, services_work
from .models import Chat, ChatAccount, ChatHush, ChatJoin, ChatPost, ChatTask

SHOWN = 20


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Something to be done in a chat, with whom it is about and what they are called there.

    Attributes:
        name: what they are to be called, or were let in as.
        was: of a renaming, the name they have there now.
        by_bot: whether the bot does it.
    """

    task: ChatTask
    member: Member
    name: str
    was: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class ChatView:
    """A group's chat with everything its hosts see of it."""

    group: Group
    line: GroupLine
    chat: Chat
    by_bot: bool
    tasks: Page[TaskRow]
    joins: list[tuple[ChatJoin, Member | None, ChatTask | None]]
    posts: list[ChatPost]
    hushes: list[tuple[ChatHush, Mute]]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of the bot, as it was last asked; every text may be empty."""

    at: dt.datetime | None
    username: str
    name: str
    url: str
    pending: int
    last_error: str
    error: str


def listed(
    session: Session, *, only: str, after: str, groups_of: Collection[int] | None = None
) -> Page[Row[Any]]:
    """(group, line name, chat or None): every group, or those with something open; a closed one only with that.

    Args:
        groups_of: the ids of the groups that the reader hosts; None: all.
    """
    query = (
        select(Group, GroupLine.name, Chat)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .join(Chat, Chat.group_id == Group.id, isouter=only == "")
    )
    # Nobody comes into a closed group any more, but who is in its chat may have to be put out.
    query = query.where(
        Chat.open_tasks > 0 if only == "open" else or_(Group.closed_at.is_(None), Chat.open_tasks > 0)
    )
    if groups_of is not None:
        query = query.where(Group.id.in_(groups_of))
    return paginate_by_mark(
        session,
        query,
        Marked(Group.id, Group.id, True, lambda row: (row[0].id, row[0].id), number=True),
        after=after,
        per_page=SHOWN,
    )


def group_of(session: Session, group_id: int) -> tuple[Group, GroupLine, Chat | None]:
    """A group with its line, and its chat when it has one.

    Raises:
        NotFound: when there is no such group.
    """
    row = session.execute(
        select(Group, GroupLine, Chat)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .join(Chat, Chat.group_id == Group.id, isouter=True)
        .where(Group.id == group_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1], row[2]


def group_of_task(session: Session, task_id: int) -> int:
    """The id of the group in whose chat a task is to be done.

    Raises:
        NotFound: when there is no such task.
    """
    query = select(Chat.group_id).join(ChatTask, ChatTask.chat_id == Chat.id).where(ChatTask.id == task_id)
    return _one(session.scalar(query))


def group_of_hush(session: Session, hush_id: int) -> int:
    """The id of the group in whose chat a mute is to be carried out.

    Raises:
        NotFound: when there is no such line.
    """
    query = select(Chat.group_id).join(ChatHush, ChatHush.chat_id == Chat.id).where(ChatHush.id == hush_id)
    return _one(session.scalar(query))


def group_of_post(session: Session, post_id: int) -> int:
    """The id of the group in whose chat something was to be said.

    Raises:
        NotFound: when there is no such announcement.
    """
    query = select(Chat.group_id).join(ChatPost, ChatPost.chat_id == Chat.id).where(ChatPost.id == post_id)
    return _one(session.scalar(query))


def _one(group_id: int | None) -> int:
    if group_id is None:
        raise NotFound()
    return group_id


def view(session: Session, group_id: int, *, state: str = "open", after: str = "") -> ChatView | None:
    """A group's chat for its hosts; None when it has none yet."""
    group, line, chat = group_of(session, group_id)
    if chat is None:
        return None
    by_bot = chat.kind in rules.BY_BOT and bool(chat.ref)
    joins = session.execute(
        select(ChatJoin, Member, ChatTask)
        .join(Member, Member.id == ChatJoin.member_id, isouter=True)
        .join(
            ChatTask,
            (ChatTask.seat_id == ChatJoin.seat_id)
            & (ChatTask.chat_id == ChatJoin.chat_id)
            & (ChatTask.what == "let_in")
            & (ChatTask.state == "done"),
            isouter=True,
        )
        .where(ChatJoin.chat_id == chat.id)
        .order_by(ChatJoin.id.desc())
        .limit(SHOWN)
    ).all()
    posts = session.scalars(
        select(ChatPost).where(ChatPost.chat_id == chat.id).order_by(ChatPost.id.desc()).limit(SHOWN)
    ).all()
    return ChatView(
        group, line, chat, by_bot, _tasks(session, chat, line, by_bot, state=state, after=after),
        [(row[0], row[1], row[2]) for row in joins], list(posts), _hushes(session, chat, state),
    )  # fmt: skip


def _hushes(session: Session, chat: Chat, state: str) -> list[tuple[ChatHush, Mute]]:
    rows = session.execute(
        select(ChatHush, Mute)
        .join(Mute, Mute.id == ChatHush.mute_id)
        .where(ChatHush.chat_id == chat.id, ChatHush.state == state)
        .order_by(ChatHush.id if state == "open" else ChatHush.id.desc())
        .limit(SHOWN)
    )
    return [(line, mute) for line, mute in rows]


def _tasks(
    session: Session, chat: Chat, line: GroupLine, by_bot: bool, *, state: str, after: str
) -> Page[TaskRow]:
    newest = state != "open"
    query: Select[*tuple[Any, ...]] = (
        select(ChatTask, Member)
        .join(Member, Member.id == ChatTask.member_id)
        .where(ChatTask.chat_id == chat.id, ChatTask.state == state)
    )
    found = paginate_by_mark(
        session,
        query,
        Marked(ChatTask.id, ChatTask.id, newest, lambda row: (row[0].id, row[0].id), number=True),
        after=after,
    )
    return Page(
        items=[_row(task, member, line, by_bot) for task, member in found.items],
        page=found.page,
        per_page=found.per_page,
        has_next=found.has_next,
        more=found.more,
    )


def _row(task: ChatTask, member: Member, line: GroupLine, by_bot: bool) -> TaskRow:
    name = task.name or groups.nickname(
        line.nickname_rule, number=member.number, nickname=member.shown_name, city=member.city
    )
    bots = by_bot and (task.what == "let_in" or bool(task.account))
    return TaskRow(task, member, name, task.reason if task.what == "rename" else "", bots)


def picture(session: Session, slug: str) -> tuple[Group, Chat]:
    """The chat of the group at this address, when it has a QR picture.

    Raises:
        NotFound: when it has none.
    """
    row = session.execute(
        select(Group, Chat)
        .join(Chat, Chat.group_id == Group.id)
        .where(Group.slug == slug, Chat.picture_key != "")
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def my_chats(session: Session, member_id: int) -> Sequence[Row[Group, Chat]]:
    """(group, chat) of the groups in which a member is seated and that have a chat: one statement."""
    return session.execute(
        select(Group, Chat)
        .join(Chat, Chat.group_id == Group.id)
        .join(Seat, Seat.group_id == Group.id)
        .where(Seat.member_id == member_id, Seat.state == "admitted")
        .order_by(Group.id)
    ).all()


def my_account(session: Session, member_id: int) -> ChatAccount | None:
    """The Telegram account of a member."""
    query = select(ChatAccount).where(ChatAccount.kind == "telegram", ChatAccount.member_id == member_id)
    return session.scalars(query).one_or_none()


def troubled(session: Session) -> Sequence[Row[Group, Chat]]:
    """(group, chat) of the chats in which the bot works."""
    return session.execute(
        select(Group, Chat)
        .join(Chat, Chat.group_id == Group.id)
        .where(Chat.kind == "telegram", Chat.ref != "")
        .order_by(Group.id)
        .limit(200)
    ).all()


def status(session: Session, bot: str) -> Status:
    """What is known of the bot of this number."""
    kept = store.get_value(session, services_work.STATUS, {})
    if kept.get("bot") != bot:
        kept = {}
    return Status(
        at=dt.datetime.fromisoformat(kept["at"]) if kept.get("at") else None,
        username=str(kept.get("username") or ""),
        name=str(kept.get("name") or ""),
        url=str(kept.get("url") or ""),
        pending=int(kept.get("pending") or 0),
        last_error=str(kept.get("last_error") or ""),
        error=str(kept.get("error") or ""),
    )


def seen(session: Session) -> list[dict[str, Any]]:
    """The Telegram groups the bot was put into or out of, the newest first."""
    return list(store.get_value(session, services_join.SEEN, []))
