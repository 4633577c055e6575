"""Who may only read in a chat: what the house decided is carried into it, by the bot or by its hosts.

The bot is not told what was decided but asked to look: whichever of two decisions it hears of first, what it does at
last is what the house says then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import house
from qunclub.groups.models import Seat
from qunclub.kernel import outbox
from qunclub.members.models import Member

from . import tasks
from .models import Chat, ChatAccount, ChatTask


@dataclass(frozen=True, slots=True)
class Standing:
    """What the bot is to do about somebody: let them only read until a moment (None: for good), or write.

    Attributes:
        ref, account: the chat and the person, as the service knows them.
    """

    ref: str
    account: str
    muted: bool
    until: dt.datetime | None


def look(session: Session, chat: Chat, member_id: int, *, key: str, now: dt.datetime) -> bool:
    """Have the bot look whether a member is muted; the same *key* twice is once. Whether there is a bot that can."""
    account = tasks.account_of(session, chat, member_id)
    if not account:
        return False
    payload = {"do": "quiet", "chat": chat.id, "member": member_id, "dm": account}
    outbox.put(session, kind="chat", key=f"chat:quiet:{chat.id}:{member_id}:{key}", payload=payload, now=now)
    return True


def look_many(
    session: Session, chat: Chat, known: Sequence[tuple[int, str]], *, key: str, now: dt.datetime
) -> None:
    """The same for many (member, account) whom the bot knows: one statement."""
    rows = [
        (
            f"chat:quiet:{chat.id}:{member_id}:{key}",
            {"do": "quiet", "chat": chat.id, "member": member_id, "dm": account},
        )
        for member_id, account in known
    ]
    outbox.put_many(session, rows, kind="chat", now=now)


def standing(session: Session, chat_id: int, member_id: int, *, now: dt.datetime) -> Standing | None:
    """How a member stands in a chat by the house; None when the bot does not know them any more."""
    row = session.execute(
        select(Chat.ref, Chat.group_id, ChatAccount.account, Member)
        .join(ChatAccount, (ChatAccount.kind == Chat.kind) & (ChatAccount.member_id == member_id))
        .join(Member, Member.id == ChatAccount.member_id)
        .where(Chat.id == chat_id, Chat.ref != "")
    ).one_or_none()
    if row is None:
        return None
    muted, until = house.silenced(session, group_id=row.group_id, member=row.Member, now=now)
    return Standing(row.ref, row.account, muted, until)


def for_hosts(
    session: Session, chat: Chat, member_id: int, *, now: dt.datetime, hushed: bool = False
) -> None:
    """Put what the house says of a member now on the hosts' list, when the member sits in the chat.

    What was not done yet need not be undone. Without a bot, mutes of a role or of all have a line of their own.

    Args:
        hushed: whether such a line lets them only read, though an exception was granted them.
    """
    seat_id = session.scalar(
        select(Seat.id)
        .join(ChatTask, ChatTask.seat_id == Seat.id)
        .where(
            Seat.group_id == chat.group_id,
            Seat.member_id == member_id,
            Seat.state == "admitted",
            ChatTask.chat_id == chat.id,
            ChatTask.what == "let_in",
            ChatTask.state == "done",
        )
        .limit(1)
    )
    if seat_id is None:
        return
    waiting = session.scalars(
        select(ChatTask).where(
            ChatTask.chat_id == chat.id,
            ChatTask.seat_id == seat_id,
            ChatTask.what.in_(("mute", "unmute")),
            ChatTask.state == "open",
        )
    ).all()
    if tasks.by_bot(chat):
        member = session.get_one(Member, member_id)
        wanted = house.silenced(session, group_id=chat.group_id, member=member, now=now)
    else:
        wanted = house.muted(session, group_id=chat.group_id, member_id=member_id, now=now)
    what = "mute" if wanted[0] else "unmute"
    tasks.drop(session, chat, waiting)
    if what == "unmute" and not hushed and _latest(session, chat, seat_id) != "mute":
        return
    tasks.add(session, chat, seat_id=seat_id, member_id=member_id, what=what, until=wanted[1], now=now)


def _latest(session: Session, chat: Chat, seat_id: int) -> str | None:
    """What was done last about somebody's writing in the chat."""
    query = select(ChatTask.what).where(
        ChatTask.seat_id == seat_id,
        ChatTask.chat_id == chat.id,
        ChatTask.what.in_(("mute", "unmute")),
        ChatTask.state == "done",
    )
    return session.scalar(query.order_by(ChatTask.done_at.desc(), ChatTask.id.desc()).limit(1))
