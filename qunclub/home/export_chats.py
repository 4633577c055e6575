"""What the club knows of somebody in chats outside it, for their own data."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.chats.models import Chat, ChatAccount, ChatJoin, ChatLink, ChatPost, ChatTask
from qunclub.groups.models import Group

from .export_rows import Rows, plain


def _accounts(session: Session, member_id: int) -> Rows:
    query = select(ChatAccount).where(ChatAccount.member_id == member_id).order_by(ChatAccount.id)
    return [plain(row) for row in session.scalars(query)]


def _links(session: Session, member_id: int) -> Rows:
    query = select(ChatLink).where(ChatLink.member_id == member_id).order_by(ChatLink.id)
    rows = [plain(row) for row in session.scalars(query)]
    # Nobody can do anything with the hash of a token.
    return [{key: value for key, value in row.items() if key != "token_hash"} for row in rows]


def _joins(session: Session, member_id: int) -> Rows:
    query = (
        select(ChatJoin, Group.name)
        .join(Chat, Chat.id == ChatJoin.chat_id)
        .join(Group, Group.id == Chat.group_id)
        .where(ChatJoin.member_id == member_id)
        .order_by(ChatJoin.id)
    )
    return [plain(row, group=group) for row, group in session.execute(query)]


def _tasks(session: Session, member_id: int) -> Rows:
    query = (
        select(ChatTask, Group.name)
        .join(Chat, Chat.id == ChatTask.chat_id)
        .join(Group, Group.id == Chat.group_id)
        .where(ChatTask.member_id == member_id)
        .order_by(ChatTask.id)
    )
    rows = [plain(row, group=group) for row, group in session.execute(query)]
    # Which host it was is theirs.
    return [{key: value for key, value in row.items() if key != "done_by"} for row in rows]


def _posts(session: Session, member_id: int) -> Rows:
    query = select(ChatPost).where(ChatPost.by_id == member_id).order_by(ChatPost.id)
    return [plain(row) for row in session.scalars(query)]


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "chat_accounts": _accounts,
    "chat_links": _links,
    "chat_requests": _joins,
    "chat_tasks": _tasks,
    "chat_announcements": _posts,
}
