"""What must hold of chats: what is open is counted, who lost a seat is put out, who was let in used a ticket."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import and_, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Seat
from qunclub.kernel import Finding
from qunclub.kernel.ports import FileStore
from qunclub.passes.models import EntryTicket

from . import services_hush
from .models import Chat, ChatHush, ChatJoin, ChatTask

LIMIT = 50
PATIENCE = dt.timedelta(hours=1)
LONG = dt.timedelta(days=1)


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Chats against seats, tickets and mutes: eight statements."""
    return [
        *_counted(session),
        *_still_inside(session, now),
        *_not_listed(session),
        *_without_ticket(session),
        *_waiting(session, now),
        *_half_way(session, now),
        *_still_quiet(session, now),
    ]


def check_bytes(files: FileStore, session: Session, now: dt.datetime) -> list[Finding]:
    """QR pictures whose bytes are gone: one statement, and one question to the store a picture."""
    rows = session.execute(select(Chat.id, Chat.picture_key).where(Chat.picture_key != "").order_by(Chat.id))
    return [
        Finding(4, f"The QR picture of chat {row.id} has lost its bytes.", {"chat": row.id})
        for row in rows
        if not files.has(row.picture_key)
    ]


def _counted(session: Session) -> list[Finding]:
    each = union_all(
        select(ChatTask.chat_id).where(ChatTask.state == "open"),
        select(ChatHush.chat_id).where(ChatHush.state == "open"),
    ).subquery()
    counted = select(each.c.chat_id, func.count().label("n")).group_by(each.c.chat_id).subquery()
    n = func.coalesce(counted.c.n, 0)
    rows = session.execute(
        select(Chat.id, Chat.open_tasks, n)
        .join(counted, counted.c.chat_id == Chat.id, isouter=True)
        .where(Chat.open_tasks != n)
        .limit(LIMIT)
    )
    return [
        Finding(4, f"chat {chat} says {kept} tasks are open; {count} are", {"chat_id": chat, "open": count})
        for chat, kept, count in rows
    ]


def _still_inside(session: Session, now: dt.datetime) -> list[Finding]:
    out = aliased(ChatTask)
    after = (
        select(out.id)
        .where(out.seat_id == ChatTask.seat_id, out.chat_id == ChatTask.chat_id, out.what == "put_out")
        .exists()
    )
    rows = session.execute(
        select(ChatTask.chat_id, ChatTask.seat_id)
        .join(Seat, Seat.id == ChatTask.seat_id)
        .join(Chat, Chat.id == ChatTask.chat_id)
        .where(
            ChatTask.what == "let_in",
            ChatTask.state == "done",
            or_(
                and_(Seat.state != "admitted", Seat.ended_at <= now - PATIENCE),
                and_(Seat.group_id != Chat.group_id, Seat.stirred_at <= now - PATIENCE),
            ),
            ~after,
        )
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"seat {seat} has ended or moved; its member was let into chat {chat} and nobody is to put them out",
            {"chat_id": chat, "seat_id": seat},
        )
        for chat, seat in rows
    ]


def _not_listed(session: Session) -> list[Finding]:
    listed = (
        select(ChatTask.id)
        .where(ChatTask.seat_id == Seat.id, ChatTask.chat_id == Chat.id, ChatTask.what == "let_in")
        .exists()
    )
    rows = session.execute(
        select(Chat.id, Seat.id)
        .join(Seat, Seat.group_id == Chat.group_id)
        .where(Seat.state == "admitted", Seat.admitted_at > Chat.created_at, ~listed)
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"seat {seat} was given after chat {chat} was described, and nobody is to let its member in",
            {"chat_id": chat, "seat_id": seat},
        )
        for chat, seat in rows
    ]


def _without_ticket(session: Session) -> list[Finding]:
    rows = session.execute(
        select(ChatJoin.id, ChatJoin.chat_id, ChatJoin.seat_id)
        .join(EntryTicket, EntryTicket.seat_id == ChatJoin.seat_id, isouter=True)
        .where(ChatJoin.state == "approved", ChatJoin.seat_id.is_not(None))
        .where(or_(EntryTicket.id.is_(None), EntryTicket.state == "valid"))
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"request {join} let somebody into chat {chat} without the ticket of seat {seat}",
            {"join_id": join, "chat_id": chat, "seat_id": seat},
        )
        for join, chat, seat in rows
    ]


def _waiting(session: Session, now: dt.datetime) -> list[Finding]:
    rows = session.execute(
        select(ChatTask.id, ChatTask.chat_id, ChatTask.trouble)
        .where(ChatTask.state == "open", ChatTask.account != "", ChatTask.created_at <= now - LONG)
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"the bot has not put somebody out of chat {chat} for more than a day (task {task}): "
            f"{trouble or 'is the job worker running?'}",
            {"task_id": task, "chat_id": chat},
        )
        for task, chat, trouble in rows
    ]


def _half_way(session: Session, now: dt.datetime) -> list[Finding]:
    rows = session.execute(
        select(ChatJoin.id, ChatJoin.chat_id, Chat.trouble)
        .join(Chat, Chat.id == ChatJoin.chat_id)
        .where(ChatJoin.state.in_(("asked", "approving")), ChatJoin.asked_at <= now - LONG)
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"request {join} to join chat {chat} waits for more than a day: "
            f"{trouble or 'is the job worker running?'}",
            {"join_id": join, "chat_id": chat},
        )
        for join, chat, trouble in rows
    ]


def _still_quiet(session: Session, now: dt.datetime) -> list[Finding]:
    then = now - PATIENCE
    alone = [
        Finding(
            4,
            f"member {member} was let only read in chat {chat} until a time that is over; nobody is to let them write",
            {"chat_id": chat, "member_id": member},
        )
        for chat, member in session.execute(services_hush.overdue(then).limit(LIMIT))
    ]
    return alone + [
        Finding(4, f"line {line} lets a chat only read though its mute is over", {"hush_id": line})
        for line in session.scalars(services_hush.unlifted(then).limit(LIMIT))
    ]
