"""The bot's own work, step by step: what a worker is to tell the service, and what is kept of its answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group
from qunclub.kernel import Actor, locks, outbox, store

from . import tasks
from .models import Chat, ChatJoin, ChatPost, ChatTask, ChatUpdate

STATUS, OFFSET, PAUSE = "chats.telegram.status", "chats.telegram.offset", "chats.telegram.pause"
KEEP = dt.timedelta(days=30)
"""How long updates that were taken in, and requests of strangers, are remembered."""
BATCH = 500


@dataclass(frozen=True, slots=True)
class Work:
    """A chat and whom or what a call is about."""

    ref: str
    what: str


def putting_out(session: Session, task_id: int) -> Work | None:
    """Whom to put out of which chat; None when that is done, dropped, or for people."""
    task = session.get(ChatTask, task_id)
    if task is None or task.state != "open" or not task.account:
        return None
    chat = session.get_one(Chat, task.chat_id)
    return Work(chat.ref, task.account) if chat.ref else None


def put_out_done(session: Session, task_id: int, *, trouble: str, now: dt.datetime) -> None:
    """They are out; or the service refused, and says why."""
    task, chat = tasks.locked(session, task_id)
    if task.state != "open":
        return
    if trouble:
        task.trouble, chat.trouble = trouble[:500], trouble[:500]
        session.flush()
    else:
        tasks.finish(session, task, chat, now=now)


def posting(session: Session, post_id: int) -> Work | None:
    """What to say where, marked as being said. What was being said before and has no end is unsure now."""
    post = locks.lock(session, ChatPost, post_id)
    if post.state == "sending":
        post.state = "unsure"
        session.flush()
        return None
    if post.state != "queued":
        return None
    chat = session.get_one(Chat, post.chat_id)
    if not chat.ref:
        post.state = "refused"
        session.flush()
        return None
    post.state = "sending"
    session.flush()
    return Work(chat.ref, post.body)


def posted(session: Session, post_id: int, *, state: str, trouble: str, now: dt.datetime) -> None:
    """It was said, refused, or is to be tried later (``queued``)."""
    post = locks.lock(session, ChatPost, post_id)
    if post.state != "sending":
        return
    post.state, post.trouble = state, trouble[:500]
    post.sent_at = now if state == "sent" else None
    chat = session.get_one(Chat, post.chat_id)
    chat.trouble = trouble[:500] if state == "refused" else ""
    session.flush()


def inviting(session: Session, chat_id: int) -> Work | None:
    """The chat that a link is to be made for."""
    row = session.execute(
        select(Chat.ref, Group.name).join(Group, Group.id == Chat.group_id).where(Chat.id == chat_id)
    ).one_or_none()
    return Work(row.ref, row.name) if row and row.ref else None


def invited(session: Session, chat_id: int, *, link: str, now: dt.datetime) -> None:
    """The link is made: it becomes the group's way in."""
    chat = locks.lock(session, Chat, chat_id)
    group = session.get_one(Group, chat.group_id)
    groups.set_entry(
        session, group_id=group.id, entry_url=link, entry_note=group.entry_note, actor=Actor.system("telegram"),
        now=now,
    )  # fmt: skip
    chat.version, chat.trouble = chat.version + 1, ""
    session.flush()


def troubled(session: Session, chat_id: int, trouble: str) -> None:
    """What the service said about a chat, for its hosts to read."""
    chat = session.get(Chat, chat_id)
    if chat is not None:
        chat.trouble = trouble[:500]
        session.flush()


def prune(session: Session, *, now: dt.datetime) -> int:
    """Forget old updates, and requests of people who are no members; one batch."""
    query = select(ChatUpdate.id, ChatUpdate.update_id).where(ChatUpdate.at < now - KEEP)
    old = session.execute(query.order_by(ChatUpdate.at).limit(BATCH)).all()
    if not old:
        return 0
    session.execute(delete(ChatUpdate).where(ChatUpdate.id.in_([row.id for row in old])))
    # What whoever opened the bot was answered names them; found by its key, not by searching.
    answers = [f"chat:tell:start:{row.update_id}" for row in old]
    session.execute(delete(outbox.OutboxMessage).where(outbox.OutboxMessage.key.in_(answers)))
    strangers = select(ChatJoin.id).where(ChatJoin.member_id.is_(None), ChatJoin.decided_at < now - KEEP)
    session.execute(delete(ChatJoin).where(ChatJoin.id.in_(strangers.limit(BATCH))))
    return len(old)


def paused_until(session: Session, now: dt.datetime) -> dt.datetime | None:
    """Until when the service asked for silence; None when it does not."""
    kept = store.get_value(session, PAUSE)
    until = dt.datetime.fromisoformat(kept) if isinstance(kept, str) else None
    return until if until is not None and until > now else None
