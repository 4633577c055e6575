"""Mutes of the house in chats outside: a member's own, of a role, of all; from beginning to end.

Where the bot works it is sent to each member a mute means, a batch at a time, and asks the house when it acts. Where
none does, the hosts are told: of a member by a line on their list, of a role or of all by one line for the whole chat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub import house
from qunclub.groups.models import Group, Seat
from qunclub.house.models import Mute
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, outbox, store, watch
from qunclub.members.models import Member

from . import services_quiet, tasks
from .models import Chat, ChatAccount, ChatHush, ChatTask

BATCH = 200
"""How many seats are looked at in one transaction."""
BREATH = dt.timedelta(seconds=15)
"""Between two batches: who asks to join meanwhile is answered before the next."""
ITSELF = dt.timedelta(days=365)
"""How long a restriction may last that the service ends by itself; Telegram takes a longer one for endless."""
PATIENCE = dt.timedelta(hours=1)


def mute_changed(session: Session, change: watch.MuteChange) -> None:
    """Carry a mute, or that it was lifted, into its group's chat; a group without a chat asks for nothing."""
    chat = session.scalars(select(Chat).where(Chat.group_id == change.group_id)).one_or_none()
    if chat is None:
        return
    row = session.get_one(Mute, change.mute_id)
    if change.on:
        _plan(session, row, change.now)
    if change.member_id is None:
        follow(session, chat, row, key=f"{'on' if change.on else 'off'}:{row.id}", now=change.now)
        return
    key = f"{'on' if change.on else 'off'}:{row.id}"
    if services_quiet.look(session, chat, change.member_id, key=key, now=change.now):
        return
    hushed = row.member_id is None and _hushed(session, chat, row.id)
    services_quiet.for_hosts(session, chat, change.member_id, now=change.now, hushed=hushed)


def chat_described(session: Session, chat: Chat, *, now: dt.datetime) -> None:
    """A chat got another bot, or none, or is new: what holds in its group begins there too."""
    for row in _live(session, chat.group_id, now):
        _plan(session, row, now)
        if row.member_id is None:
            follow(session, chat, row, key=f"chat{chat.version}:{row.id}", now=now)


def turn(session: Session, *, mute_id: int, what: str, now: dt.datetime) -> None:
    """A mute begins or ends by the clock: see that the chat of its group does what the house says now.

    Args:
        what: ``begin`` or ``end``.
    """
    row = session.get(Mute, mute_id)
    if row is None or row.lifted_at is not None:
        # Lifting it told the chat.
        return
    chat = session.scalars(select(Chat).where(Chat.group_id == row.group_id)).one_or_none()
    if chat is None or (what == "begin" and row.until is not None and row.until <= now):
        return
    key = f"{what}:{row.id}"
    if row.member_id is None:
        follow(session, chat, row, key=key, now=now)
    elif not services_quiet.look(session, chat, row.member_id, key=key, now=now):
        services_quiet.for_hosts(session, chat, row.member_id, now=now)


def follow(session: Session, chat: Chat, row: Mute, *, key: str, now: dt.datetime) -> None:
    """Do what a mute of a role or of all asks for at this moment: the first batch for the bot, or a line for hosts.

    Args:
        key: what it is for: the same key twice is once.
    """
    if tasks.by_bot(chat):
        _list(session, chat, row, False, now)
        if row.starts_at <= now:
            first = {"do": "batch", "chat": chat.id, "mute": row.id, "after": 0, "key": key}
            _queue(session, first, now=now, due=now)
        return
    _list(session, chat, row, row.starts_at <= now, now)


def batch(session: Session, *, chat_id: int, mute_id: int, after: int, key: str, now: dt.datetime) -> int:
    """Send the bot to the next members that a mute means; how many. What was sent before is not sent again.

    Members whom the bot does not know stand on the hosts' list. That a mute runs out is left to the service, which was
    told until when, unless that was too far away for it.
    """
    chat, row = session.get(Chat, chat_id), session.get(Mute, mute_id)
    if chat is None or row is None or not tasks.by_bot(chat):
        return 0
    rows = session.execute(
        select(Seat.id, Member, ChatAccount.account)
        .join(Member, Member.id == Seat.member_id)
        .outerjoin(ChatAccount, (ChatAccount.kind == chat.kind) & (ChatAccount.member_id == Member.id))
        .where(Seat.group_id == chat.group_id, Seat.state == "admitted", Seat.id > after)
        .order_by(Seat.id)
        .limit(BATCH)
    ).all()
    meant = [(member.id, account or "") for _seat, member, account in rows if house.means(row, member)]
    ends_itself = key.startswith("end:") and row.until is not None and row.until - row.starts_at < ITSELF
    if not ends_itself:
        known = [(member_id, account) for member_id, account in meant if account]
        services_quiet.look_many(session, chat, known, key=key, now=now)
    for member_id, account in meant:
        if not account:
            services_quiet.for_hosts(session, chat, member_id, now=now)
    if len(rows) == BATCH:
        again = {"do": "batch", "chat": chat.id, "mute": row.id, "after": rows[-1][0], "key": key}
        _queue(session, again, now=now, due=now + BREATH)
    return len(meant)


def tick(session: Session, *, hush_id: int, actor: Actor, now: dt.datetime) -> ChatHush:
    """A host did it in the chat's app: let all whom a mute means only read, or write again.

    Raises:
        Conflict: when it is not open any more.
    """
    line = session.get(ChatHush, hush_id)
    if line is None:
        raise NotFound()
    # The chat's row first, as whoever writes the line does.
    locks.lock(session, Chat, line.chat_id)
    line = locks.lock(session, ChatHush, hush_id)
    if line.state != "open":
        raise Conflict(N_("This is not open any more: somebody else did it, or the mute has ended."))
    line.state, line.done_at, line.done_by = "done", now, actor.member_id
    session.flush()
    tasks.count(session, line.chat_id, -1)
    store.record(
        session,
        actor=actor,
        action="chat.task",
        target=f"chat:{line.chat_id}",
        now=now,
        summary=session.scalar(
            select(Group.name).join(Chat, Chat.group_id == Group.id).where(Chat.id == line.chat_id)
        )
        or "",
        details={"hush": line.id, "what": line.what, "mute_id": line.mute_id},
    )
    return line


def mend(session: Session, *, chat: Chat, now: dt.datetime) -> int:
    """Put on the hosts' list what mutes ask for there and it does not have; how much that is."""
    before = chat.open_tasks
    for row in _live(session, chat.group_id, now):
        if row.member_id is None and not tasks.by_bot(chat):
            follow(session, chat, row, key="", now=now)
    for _chat, member_id in session.execute(overdue(now).where(Chat.id == chat.id).limit(BATCH)).all():
        services_quiet.for_hosts(session, chat, member_id, now=now)
    done = select(ChatHush.mute_id).where(
        ChatHush.chat_id == chat.id, ChatHush.what == "mute", ChatHush.state == "done"
    )
    for row in session.scalars(select(Mute).where(Mute.id.in_(done.limit(BATCH)), _over(now))).all():
        _list(session, chat, row, False, now)
    session.flush()
    session.refresh(chat, ["open_tasks"])
    return max(0, chat.open_tasks - before)


def overdue(now: dt.datetime) -> Select[int, int]:
    """SQL: (chat, member) of members whom hosts let only read, whose time is over, and whom nobody is to let write."""
    later = aliased(ChatTask)
    return (
        select(ChatTask.chat_id, ChatTask.member_id)
        .join(Seat, Seat.id == ChatTask.seat_id)
        .join(Chat, Chat.id == ChatTask.chat_id)
        .where(
            ChatTask.what == "mute",
            ChatTask.state == "done",
            ChatTask.until <= now,
            Seat.state == "admitted",
            Seat.group_id == Chat.group_id,
            Chat.ref == "",
            ~exists().where(
                later.seat_id == ChatTask.seat_id,
                later.chat_id == ChatTask.chat_id,
                later.id > ChatTask.id,
                later.what.in_(("mute", "unmute")),
                later.state.in_(("open", "done")),
            ),
        )
    )


def unlifted(now: dt.datetime) -> Select[Any]:
    """SQL: lines by which hosts let a role or all only read, whose mute is over, and that nobody is to take back."""
    back = aliased(ChatHush)
    return (
        select(ChatHush.id)
        .join(Mute, Mute.id == ChatHush.mute_id)
        .join(Chat, Chat.id == ChatHush.chat_id)
        .where(
            ChatHush.what == "mute",
            ChatHush.state == "done",
            _over(now),
            Chat.ref == "",
            ~exists().where(
                back.chat_id == ChatHush.chat_id, back.mute_id == ChatHush.mute_id, back.what == "unmute"
            ),
        )
    )


def _over(now: dt.datetime) -> ColumnElement[bool]:
    return or_(Mute.lifted_at <= now, Mute.until <= now)


def _live(session: Session, group_id: int, now: dt.datetime) -> Sequence[Mute]:
    return session.scalars(
        select(Mute)
        .where(
            Mute.group_id == group_id,
            Mute.lifted_at.is_(None),
            or_(Mute.until.is_(None), Mute.until > now),
        )
        .order_by(Mute.id)
        .limit(BATCH)
    ).all()


def _plan(session: Session, row: Mute, now: dt.datetime) -> None:
    """Have its beginning and its end looked at when they come."""
    if row.starts_at > now:
        _queue(session, {"do": "begin", "mute": row.id}, now=now, due=row.starts_at)
    if row.until is not None:
        _queue(session, {"do": "end", "mute": row.id}, now=now, due=row.until)


def _queue(session: Session, payload: dict[str, object], *, now: dt.datetime, due: dt.datetime) -> None:
    if payload["do"] == "batch":
        key = f"chat:hush:{payload['chat']}:{payload['key']}:{payload['after']}"
    else:
        key = f"chat:hush:{payload['do']}:{payload['mute']}"
    outbox.put(session, kind="chat_hush", key=key, payload=payload, now=now, due=due)


def _list(session: Session, chat: Chat, row: Mute, begun: bool, now: dt.datetime) -> None:
    """Bring the hosts' line of a mute to what holds: to be done, to be taken back, or neither."""
    # Two who look at once meet here.
    locks.lock(session, Chat, chat.id)
    session.refresh(row)
    lines = {
        line.what: line
        for line in session.scalars(
            select(ChatHush).where(ChatHush.chat_id == chat.id, ChatHush.mute_id == row.id)
        )
    }
    mute, back = lines.get("mute"), lines.get("unmute")
    if begun and row.lifted_at is None and (row.until is None or row.until > now):
        if mute is None:
            _add(session, chat, row, "mute", now)
    elif mute is not None and mute.state == "open":
        # What was not done need not be taken back.
        mute.state = "dropped"
        session.flush()
        tasks.count(session, chat.id, -1)
    elif mute is not None and mute.state == "done" and back is None:
        _add(session, chat, row, "unmute", now)


def _add(session: Session, chat: Chat, row: Mute, what: str, now: dt.datetime) -> None:
    session.add(ChatHush(chat_id=chat.id, mute_id=row.id, what=what, state="open", created_at=now))
    session.flush()
    tasks.count(session, chat.id, 1)


def _hushed(session: Session, chat: Chat, mute_id: int) -> bool:
    query = select(ChatHush.id).where(
        ChatHush.chat_id == chat.id, ChatHush.mute_id == mute_id, ChatHush.state.in_(("open", "done"))
    )
    return session.scalar(query.limit(1)) is not None
