"""What has to be done in chats because of seats: written with the change of the seat, ticked off by host or bot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub import groups, house
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, outbox, store, watch
from qunclub.members.models import Member

from . import rules
from .models import Chat, ChatAccount, ChatJoin, ChatTask


def seat_changed(session: Session, change: watch.SeatChange) -> None:
    """Write what a change of a seat asks for in the group's chat; a group without one asks for nothing."""
    chat = session.scalars(select(Chat).where(Chat.group_id == change.group_id)).one_or_none()
    if chat is None:
        return
    mine = list(
        session.scalars(
            select(ChatTask).where(ChatTask.member_id == change.member_id, ChatTask.chat_id == chat.id)
        )
    )
    waiting = [task for task in mine if task.state == "open"]
    if change.what == "admitted":
        for task in mine:
            if task.seat_id == change.seat_id and task.what == "let_in" and task.state == "done":
                # The seat was given back: that they were let in is of its first time.
                task.state = "dropped"
        # Whom the bot puts out comes in again by a request of their own; a host simply leaves them where they are.
        kept = [task for task in waiting if task.what == "put_out" and not task.account]
        _carry(session, chat, change, rules.after_admission(still_inside=bool(kept)), kept)
        return
    of_seat = [task for task in waiting if task.seat_id == change.seat_id]
    let_in = any(t.seat_id == change.seat_id and t.what == "let_in" and t.state == "done" for t in mine)
    follow = rules.after_end(
        open_tasks=[task.what for task in of_seat],
        let_in=let_in,
        maybe_inside=_approving(session, chat, change.seat_id),
    )
    _carry(session, chat, change, follow, of_seat)


def add(
    session: Session,
    chat: Chat,
    *,
    seat_id: int,
    member_id: int,
    what: str,
    now: dt.datetime,
    name: str = "",
    reason: str = "",
    until: dt.datetime | None = None,
) -> None:
    """Put something on the hosts' list."""
    session.add(
        ChatTask(
            chat_id=chat.id, seat_id=seat_id, member_id=member_id, what=what, name=name, reason=reason, until=until,
            created_at=now,
        )
    )  # fmt: skip
    session.flush()
    count(session, chat.id, 1)


def by_bot(chat: Chat) -> bool:
    """Whether the club itself works in this chat."""
    return chat.kind in rules.BY_BOT and bool(chat.ref)


def tick(session: Session, *, task_id: int, actor: Actor, now: dt.datetime) -> ChatTask:
    """A host did it: let in, renamed, or put out.

    Raises:
        Conflict: when it is not open any more.
    """
    task, chat = locked(session, task_id)
    if task.state != "open":
        raise Conflict(N_("This is not open any more: somebody else did it, or the seat has changed."))
    finish(session, task, chat, now=now, by=actor.member_id)
    if task.what == "rename":
        # The same tick as among those who arrived.
        groups.mark(session, seat_id=task.seat_id, step="renamed", by_id=actor.member_id, now=now)
    if task.what == "let_in" and not by_bot(chat):
        muted, until = house.muted(session, group_id=chat.group_id, member_id=task.member_id, now=now)
        if muted:
            # The house's word was given before they came.
            add(
                session,
                chat,
                seat_id=task.seat_id,
                member_id=task.member_id,
                what="mute",
                until=until,
                now=now,
            )
    _record(session, task, "chat.task", actor, now)
    return task


def let_in_again(session: Session, *, task_id: int, actor: Actor, now: dt.datetime) -> ChatTask:
    """Let a member in once more, who left the chat by mistake: their next request to join is approved.

    Raises:
        Conflict: when they were not let in, or their seat has ended.
    """
    task, chat = locked(session, task_id)
    seat = session.get_one(Seat, task.seat_id)
    if task.what != "let_in" or task.state != "done" or seat.state != "admitted":
        raise Conflict(N_("Only who has a seat and was let in before can be let in once more."))
    task.state = "dropped"
    session.add(
        ChatTask(
            chat_id=chat.id, seat_id=task.seat_id, member_id=task.member_id, what="let_in", created_at=now
        )
    )
    count(session, chat.id, 1)
    session.flush()
    _record(session, task, "chat.again", actor, now)
    return task


def finish(session: Session, task: ChatTask, chat: Chat, *, now: dt.datetime, by: int | None = None) -> None:
    """Mark a locked, open task as done; *by* is the member who did it, None for the bot."""
    task.state, task.done_at, task.done_by, task.trouble = "done", now, by, ""
    if task.what == "let_in":
        task.name = name_of_seat(session, task.seat_id)
    elif task.what in ("mute", "unmute"):
        pass
    elif task.what == "rename":
        session.execute(
            update(ChatTask)
            .where(
                ChatTask.seat_id == task.seat_id,
                ChatTask.chat_id == chat.id,
                ChatTask.what == "let_in",
                ChatTask.state == "done",
            )
            .values(name=task.name)
        )
    else:
        task.account = ""
    count(session, chat.id, -1)
    session.flush()


def let_in_by_bot(session: Session, *, chat: Chat, seat_id: int, member_id: int, now: dt.datetime) -> None:
    """The bot let a member in by this seat: its task is done, or was never written and is so now."""
    task = session.scalars(
        select(ChatTask)
        .where(
            ChatTask.chat_id == chat.id,
            ChatTask.seat_id == seat_id,
            ChatTask.what == "let_in",
            ChatTask.state.in_(("open", "done")),
        )
        .order_by(ChatTask.state.desc())
        .limit(1)
    ).one_or_none()
    if task is None:
        task = ChatTask(
            chat_id=chat.id, seat_id=seat_id, member_id=member_id, what="let_in", created_at=now, state="open"
        )
        session.add(task)
        count(session, chat.id, 1)
        session.flush()
    if task.state == "open":
        finish(session, task, chat, now=now)


def put_out(
    session: Session, *, chat: Chat, seat_id: int, member_id: int, account: str, reason: str, now: dt.datetime
) -> None:
    """Have somebody put out whose seat has ended; when that is waiting already, it is once."""
    known = session.scalar(
        select(ChatTask.id).where(
            ChatTask.chat_id == chat.id,
            ChatTask.seat_id == seat_id,
            ChatTask.what == "put_out",
            ChatTask.state == "open",
        )
    )
    if known is not None:
        return
    task = ChatTask(
        chat_id=chat.id, seat_id=seat_id, member_id=member_id, what="put_out", account=account, reason=reason,
        created_at=now,
    )  # fmt: skip
    session.add(task)
    session.flush()
    count(session, chat.id, 1)
    send(session, task, now)


def send(session: Session, task: ChatTask, now: dt.datetime) -> None:
    """Set the bot to a task that it can do; the same try of the same task is queued once."""
    if task.what == "put_out" and task.account:
        payload = {"do": "put_out", "task": task.id}
        outbox.put(session, kind="chat", key=f"chat:task:{task.id}:{task.tries}", payload=payload, now=now)


def try_again(session: Session, *, chat: Chat, now: dt.datetime) -> int:
    """Set the bot once more to what it could not do in a chat; how much that is."""
    stuck = session.scalars(
        select(ChatTask)
        .where(ChatTask.chat_id == chat.id, ChatTask.state == "open", ChatTask.trouble != "")
        .order_by(ChatTask.id)
        .limit(500)
    ).all()
    for task in stuck:
        task.tries, task.trouble = task.tries + 1, ""
        send(session, task, now)
    session.flush()
    return len(stuck)


def compare(session: Session, *, chat: Chat, now: dt.datetime) -> int:
    """Put on the list what the seats of the group ask for and the list does not have; how much that is, at most 1,000.

    For groups that were full before their chat was described, and to mend.
    """
    of_seat = select(ChatTask.id).where(ChatTask.seat_id == Seat.id, ChatTask.chat_id == chat.id)
    let_in = of_seat.where(ChatTask.what == "let_in", ChatTask.state.in_(("open", "done"))).exists()
    missing = session.scalars(
        select(Seat)
        .where(Seat.group_id == chat.group_id, Seat.state == "admitted", ~let_in)
        .order_by(Seat.id)
        .limit(500)
    ).all()
    for seat in missing:
        session.add(
            ChatTask(
                chat_id=chat.id, seat_id=seat.id, member_id=seat.member_id, what="let_in", created_at=now
            )
        )
    count(session, chat.id, len(missing))
    inside = of_seat.where(ChatTask.what == "let_in", ChatTask.state == "done").exists()
    out = of_seat.where(ChatTask.what == "put_out").exists()
    over = session.scalars(
        select(Seat)
        .where(Seat.group_id == chat.group_id, Seat.state.in_(("left", "removed")), inside, ~out)
        .order_by(Seat.id)
        .limit(500)
    ).all()
    for seat in over:
        put_out(
            session, chat=chat, seat_id=seat.id, member_id=seat.member_id,
            account=_account(session, chat, seat.id, seat.member_id), reason=seat.end_reason, now=now,
        )  # fmt: skip
    session.flush()
    return len(missing) + len(over)


def locked(session: Session, task_id: int) -> tuple[ChatTask, Chat]:
    """A task and its chat, the task locked.

    Raises:
        NotFound: when there is none.
    """
    task = locks.lock(session, ChatTask, task_id)
    chat = session.get(Chat, task.chat_id)
    if chat is None:
        raise NotFound()
    return task, chat


def name_of_seat(session: Session, seat_id: int) -> str:
    """What the member of a seat is called in its group, by the group's rule, as it stands."""
    line, member = session.execute(
        select(GroupLine, Member)
        .join(Seat, Seat.line_id == GroupLine.id)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.id == seat_id)
    ).one()
    return name_of(line, member)


def name_of(line: GroupLine, member: Member) -> str:
    """What a member is called in the groups of a line."""
    return groups.nickname(
        line.nickname_rule, number=member.number, nickname=member.shown_name, city=member.city
    )[:160]


def _carry(
    session: Session, chat: Chat, change: watch.SeatChange, follow: rules.Follow, waiting: Sequence[ChatTask]
) -> None:
    drop(session, chat, [task for task in waiting if task.what in follow.drop])
    for what, state in follow.add:
        if what == "put_out":
            put_out(
                session, chat=chat, seat_id=change.seat_id, member_id=change.member_id,
                account=_account(session, chat, change.seat_id, change.member_id), reason=change.reason, now=change.now,
            )  # fmt: skip
            continue
        done = state == "done"
        session.add(
            ChatTask(
                chat_id=chat.id, seat_id=change.seat_id, member_id=change.member_id, what=what, state=state,
                created_at=change.now, done_at=change.now if done else None,
                name=name_of_seat(session, change.seat_id) if done else "",
            )
        )  # fmt: skip
        if not done:
            count(session, chat.id, 1)
    session.flush()


def _account(session: Session, chat: Chat, seat_id: int, member_id: int) -> str:
    """Whom the bot knows the member of a seat as; empty where people have to look themselves."""
    if not by_bot(chat):
        return ""
    came = session.scalar(
        select(ChatJoin.account).where(ChatJoin.chat_id == chat.id, ChatJoin.seat_id == seat_id)
    )
    return came or account_of(session, chat, member_id)


def account_of(session: Session, chat: Chat, member_id: int) -> str:
    """Whom the bot knows a member as; empty when it does not, or when no bot works in the chat."""
    if not by_bot(chat):
        return ""
    query = select(ChatAccount.account).where(
        ChatAccount.kind == chat.kind, ChatAccount.member_id == member_id
    )
    return session.scalar(query) or ""


def _approving(session: Session, chat: Chat, seat_id: int) -> bool:
    query = select(ChatJoin.id).where(
        ChatJoin.chat_id == chat.id,
        ChatJoin.seat_id == seat_id,
        ChatJoin.state.in_(("approving", "approved")),
    )
    return session.scalar(query.limit(1)) is not None


def drop(session: Session, chat: Chat, dropped: Iterable[ChatTask]) -> None:
    """Strike off what fell away."""
    struck = 0
    for task in dropped:
        task.state = "dropped"
        struck += 1
    if struck:
        session.flush()
        count(session, chat.id, -struck)


def count(session: Session, chat_id: int, step: int) -> None:
    """Change how many tasks of a chat are kept as open."""
    session.execute(
        update(Chat)
        .where(Chat.id == chat_id)
        .values(open_tasks=Chat.open_tasks + step)
        .execution_options(synchronize_session="fetch")
    )


def _record(session: Session, task: ChatTask, action: str, actor: Actor, now: dt.datetime) -> None:
    group = session.scalar(
        select(Group.name).join(Chat, Chat.group_id == Group.id).where(Chat.id == task.chat_id)
    )
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"chat:{task.chat_id}",
        now=now,
        summary=group or "",
        details={"task": task.id, "what": task.what, "seat_id": task.seat_id},
    )
