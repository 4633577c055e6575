"""What members are called in chats: whom a host let in under another name is to be renamed there."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import locks, watch
from qunclub.members.models import Member

from . import tasks
from .models import Chat, ChatTask

BATCH = 200


def profile_changed(session: Session, change: watch.ProfileChange) -> None:
    """Have a member renamed where a host let them in under another name."""
    rows = session.execute(
        select(ChatTask, Chat, GroupLine, Member)
        .join(Chat, Chat.id == ChatTask.chat_id)
        .join(Seat, Seat.id == ChatTask.seat_id)
        .join(GroupLine, GroupLine.id == Seat.line_id)
        .join(Member, Member.id == ChatTask.member_id)
        .where(
            ChatTask.member_id == change.member_id,
            ChatTask.what == "let_in",
            ChatTask.state == "done",
            Seat.state == "admitted",
        )
    ).all()
    for task, chat, line, member in rows:
        if tasks.by_bot(chat):
            continue
        want_name(session, chat, task, tasks.name_of(line, member), task.done_at or task.created_at)
    session.flush()


def rule_changed(session: Session, change: watch.NameRuleChange) -> None:
    """Have the minute's sweep look at everybody in the line's chats: there may be thousands."""
    of_line = select(Group.id).where(Group.line_id == change.line_id)
    session.execute(
        update(Chat)
        .where(Chat.group_id.in_(of_line))
        .values(names_after=0)
        .execution_options(synchronize_session="fetch")
    )


def due(session: Session) -> list[int]:
    """The ids of chats in which names are to be looked at."""
    return list(session.scalars(select(Chat.id).where(Chat.names_after >= 0).limit(BATCH)))


def look_at_names(session: Session, *, chat_id: int, now: dt.datetime) -> int:
    """Look at the next names of a chat, and go on behind them the next time. How many were looked at."""
    chat = locks.lock(session, Chat, chat_id)
    if chat.names_after is None:
        return 0
    if tasks.by_bot(chat):
        # The bot cannot rename, and nobody was let in by hand.
        chat.names_after = None
        session.flush()
        return 0
    rows = session.execute(
        select(ChatTask, GroupLine, Member)
        .join(Seat, Seat.id == ChatTask.seat_id)
        .join(GroupLine, GroupLine.id == Seat.line_id)
        .join(Member, Member.id == ChatTask.member_id)
        .where(
            ChatTask.chat_id == chat.id,
            ChatTask.state == "done",
            ChatTask.id > chat.names_after,
            ChatTask.what == "let_in",
            Seat.state == "admitted",
        )
        .order_by(ChatTask.id)
        .limit(BATCH)
    ).all()
    for task, line, member in rows:
        want_name(session, chat, task, tasks.name_of(line, member), now)
    chat.names_after = rows[-1][0].id if len(rows) == BATCH else None
    session.flush()
    return len(rows)


def want_name(session: Session, chat: Chat, task: ChatTask, wanted: str, now: dt.datetime) -> None:
    """Have whom the host let in by *task* called *wanted*: nothing when they are, one renaming whatever comes."""
    known = session.scalars(
        select(ChatTask).where(
            ChatTask.chat_id == chat.id,
            ChatTask.seat_id == task.seat_id,
            ChatTask.what == "rename",
            ChatTask.state == "open",
        )
    ).one_or_none()
    if known is not None and wanted == task.name:
        tasks.drop(session, chat, [known])
    elif known is not None:
        known.name = wanted
    elif wanted != task.name:
        tasks.add(
            session, chat, seat_id=task.seat_id, member_id=task.member_id, what="rename", name=wanted,
            reason=task.name, now=now,
        )  # fmt: skip
