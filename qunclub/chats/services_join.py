"""Requests to join a chat: who it is, whether their ticket admits them, and what became of it.

Three steps, of which any may be the last before a crash: the ticket is used and the request marked ``approving`` in one
transaction; the service is told; the request is marked ``approved``. Done again from any of them it ends the same.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, house, passes
from qunclub.groups.models import Group, Seat
from qunclub.kernel import N_, Actor, insert_for, locks, outbox, store
from qunclub.kernel.chats import Outcome
from qunclub.kernel.keys import Secret
from qunclub.members.models import Member
from qunclub.passes.models import EntryTicket

from . import rules, rules_telegram, services_link, services_quiet, tasks
from .models import Chat, ChatAccount, ChatJoin, ChatTask, ChatUpdate

Taken = Literal["taken", "repeat", "ignored", "nothing"]
BOT = Actor(key="system:telegram", name="Telegram", roles=frozenset({"host"}))
ENDED = N_("The seat has ended.")
NO_ADMIN = N_("The bot is no administrator of the chat, or may not invite people.")
SEEN, MOST_SEEN = "chats.telegram.seen", 20


@dataclass(frozen=True, slots=True)
class Step:
    """What the service is to be told about a request."""

    join_id: int
    update_id: int
    ref: str
    account: str
    dm: str
    locale: str
    approve: bool
    why: str
    group: str
    slug: str


def take(session: Session, update: Any, *, now: dt.datetime) -> Taken:
    """Take in one update of Telegram; the same one again changes nothing.

    ``nothing``: it is no update at all. ``ignored``: it says nothing the club cares about.
    """
    number = rules_telegram.update_id(update)
    if number is None:
        return "nothing"
    told = rules_telegram.read(update)
    what = type(told).__name__.lower() if told else "other"
    insert = insert_for(session, ChatUpdate)
    new = session.execute(
        insert.values(kind="telegram", update_id=number, what=what, at=now)
        .on_conflict_do_nothing()
        .returning(ChatUpdate.id)
    ).scalar_one_or_none()
    if new is None:
        return "repeat"
    if isinstance(told, rules_telegram.Join):
        return _ask(session, told, number, now)
    if isinstance(told, rules_telegram.Start):
        said, member = services_link.connect(session, told, now=now)
        locale = (member.locale if member else "") or told.locale
        tell(session, told.dm, said, locale=locale, key=f"start:{number}", now=now)
        return "taken"
    if isinstance(told, rules_telegram.Standing):
        _standing(session, told, now)
        return "taken"
    if isinstance(told, rules_telegram.Moved):
        moved(session, told.ref, told.to)
        return "taken"
    return "ignored"


def tell(
    session: Session, dm: str, say: str, *, locale: str, key: str, now: dt.datetime, **facts: str
) -> None:
    """Queue a sentence for one person, written when it is said, in their language."""
    payload = {"do": "tell", "dm": dm, "say": say, "locale": locale, "facts": facts}
    outbox.put(session, kind="chat", key=f"chat:tell:{key}", payload=payload, now=now)


def _ask(session: Session, told: rules_telegram.Join, number: int, now: dt.datetime) -> Taken:
    chat = session.scalars(select(Chat).where(Chat.kind == "telegram", Chat.ref == told.ref)).one_or_none()
    if chat is None:
        return "ignored"
    known = session.scalar(
        select(ChatJoin.id).where(ChatJoin.chat_id == chat.id, ChatJoin.account == told.account)
    )
    if known is None:
        join = ChatJoin(chat_id=chat.id, account=told.account, update_id=number, asked_at=told.at)
        session.add(join)
    else:
        join = locks.lock(session, ChatJoin, known)
        if number <= join.update_id:
            # Told late: a newer request of the same person has been seen.
            return "ignored"
    join.update_id, join.asked_at, join.state, join.why = number, told.at, "asked", ""
    join.dm, join.locale, join.decided_at = told.dm, told.locale, None
    session.flush()
    _queue(session, join, str(number), now)
    return "taken"


def decide(
    session: Session, *, join_id: int, update_id: int, secret: Secret, now: dt.datetime
) -> Step | None:
    """Whether the request is approved: then its ticket is used here and now. None when there is nothing to be told."""
    if session.get(ChatJoin, join_id) is None:
        return None
    join = locks.lock(session, ChatJoin, join_id)
    if join.update_id != update_id or join.state not in ("asked", "approving"):
        return None
    chat, group = session.execute(
        select(Chat, Group).join(Group, Group.id == Chat.group_id).where(Chat.id == join.chat_id)
    ).one()
    if join.state == "approving":
        if _ended(session, join):
            _take_back(session, join, chat, now)
            return None
        return _step(session, join, chat, group, True)
    member, asking, seat_id = _asking(session, chat, join)
    verdict = rules.may_join(asking)
    join.member_id = member.id if member else None
    # Who comes in as a host stays when a seat of theirs ends.
    join.seat_id = None if verdict == "staff" else seat_id
    if verdict == "approve" and seat_id is not None:
        verdict = _admit(
            session,
            join,
            seat_id,
            chat.group_id,
            secret,
            now,
            used=asking.ticketless or asking.ticket == "used",
        )
    elif verdict in rules.AT_THE_DOOR and seat_id is not None:
        # Written down as at any door; it admits nobody.
        _show(session, join, seat_id, chat.group_id, secret, now)
    if verdict in ("approve", "staff"):
        join.state = "approving"
    join.why = "" if verdict in ("approve", "staff") else verdict
    session.flush()
    return _step(session, join, chat, group, verdict in ("approve", "staff"))


def settle(session: Session, *, step: Step, outcome: Outcome, now: dt.datetime) -> None:
    """The service answered: the request is done, and the seat's task with it."""
    join = _in_hand(session, step)
    if join is None:
        return
    chat = session.get_one(Chat, join.chat_id)
    join.decided_at, chat.trouble = now, ""
    member_id, seat_id = join.member_id, join.seat_id
    if not step.approve:
        join.state = "declined"
        if outcome == "inside" and seat_id is not None and member_id is not None:
            _put_out(session, join, chat, now)
    elif _ended(session, join):
        _take_back(session, join, chat, now)
    else:
        join.state = "approved"
        if seat_id is not None and member_id is not None:
            tasks.let_in_by_bot(session, chat=chat, seat_id=seat_id, member_id=member_id, now=now)
            member = session.get_one(Member, member_id)
            if house.silenced(session, group_id=chat.group_id, member=member, now=now)[0]:
                # The house's word was given before they came.
                key = f"join:{join.id}:{join.update_id}"
                services_quiet.look(session, chat, member_id, key=key, now=now)
        key = f"join:{join.id}:{join.update_id}"
        tell(session, step.dm, "approved", locale=step.locale, key=key, now=now, group=step.group)
    session.flush()


def stuck(session: Session, *, step: Step, trouble: str, closed: bool, now: dt.datetime) -> None:
    """The service says no. A chat that is *closed* to the bot keeps the request for when it is open again."""
    join = _in_hand(session, step)
    if join is None:
        return
    chat = session.get_one(Chat, join.chat_id)
    chat.trouble = trouble[:500]
    if not closed:
        join.state, join.decided_at = "gone", now
    _note(session, chat, join, trouble)
    session.flush()


def ask_again(session: Session, *, chat: Chat, now: dt.datetime) -> int:
    """Answer once more what a chat that was closed to the bot kept; how much that is."""
    waiting = session.scalars(
        select(ChatJoin)
        .where(ChatJoin.chat_id == chat.id, ChatJoin.state.in_(("asked", "approving")))
        .order_by(ChatJoin.id)
        .limit(500)
    ).all()
    for join in waiting:
        _queue(session, join, f"{join.update_id}:{int(now.timestamp())}", now)
    return len(waiting) + tasks.try_again(session, chat=chat, now=now)


def _in_hand(session: Session, step: Step) -> ChatJoin | None:
    if session.get(ChatJoin, step.join_id) is None:
        return None
    join = locks.lock(session, ChatJoin, step.join_id)
    current = join.update_id == step.update_id and join.state in ("asked", "approving")
    return join if current else None


def _queue(session: Session, join: ChatJoin, turn: str, now: dt.datetime) -> None:
    payload = {"do": "join", "join": join.id, "update": join.update_id}
    outbox.put(session, kind="chat", key=f"chat:join:{join.id}:{turn}", payload=payload, now=now)


def may_see_way_in(mine: groups.MySeat | None, group_id: int) -> bool:
    """Whether a member sees the way into this group's chat, and may use it: the one place that asks."""
    return mine is not None and mine.group is not None and mine.group.id == group_id and mine.may_enter


def moved(session: Session, ref: str, to: str) -> None:
    """A Telegram group goes on as another chat."""
    chat = session.scalars(select(Chat).where(Chat.kind == "telegram", Chat.ref == ref)).one_or_none()
    if chat is not None:
        chat.ref = to
        session.flush()


def _asking(session: Session, chat: Chat, join: ChatJoin) -> tuple[Member | None, rules.Asking, int | None]:
    member = session.scalars(
        select(Member)
        .join(ChatAccount, ChatAccount.member_id == Member.id)
        .where(ChatAccount.kind == chat.kind, ChatAccount.account == join.account)
    ).one_or_none()
    if member is None:
        return None, rules.Asking(member=False), None
    suspended = member.suspended_at is not None
    staff = groups.is_host_of(session, group_id=chat.group_id, member_id=member.id, roles=member.roles)
    seat = session.scalars(
        select(Seat).where(
            Seat.member_id == member.id, Seat.group_id == chat.group_id, Seat.state == "admitted"
        )
    ).one_or_none()
    if seat is None:
        return member, rules.Asking(member=True, staff=staff, suspended=suspended), None
    ticket = passes.tickets.of_seat(session, seat.id)
    before = session.scalar(
        select(ChatTask.id)
        .where(
            ChatTask.chat_id == chat.id,
            ChatTask.seat_id == seat.id,
            ChatTask.what == "let_in",
            ChatTask.state == "done",
        )
        .limit(1)
    )
    asking = rules.Asking(
        member=True,
        staff=staff,
        seat=True,
        closed=mine.closed if (mine := groups.seat_of(session, seat.id)) is not None else "left",
        suspended=suspended,
        ticket=ticket.state if ticket else None,
        ticketless=groups.is_spin_off(session, chat.group_id),
        let_in_before=before is not None,
    )
    return member, asking, seat.id


def _admit(
    session: Session,
    join: ChatJoin,
    seat_id: int,
    group_id: int,
    secret: Secret,
    now: dt.datetime,
    *,
    used: bool,
) -> rules.Verdict:
    """Use the seat's ticket, once.

    A host who checked it at the door admitted them into the chat as well; in a spin-off there is none to be used.
    """
    if used:
        return "approve"
    outcome = _show(session, join, seat_id, group_id, secret, now)
    if outcome in ("admitted", "used"):
        return "approve"
    refused: dict[str, rules.Verdict] = {
        "suspended": "suspended", "suspended_payment": "suspended_payment", "void": "void",
    }  # fmt: skip
    return refused.get(outcome, "no_seat")


def _show(
    session: Session, join: ChatJoin, seat_id: int, group_id: int, secret: Secret, now: dt.datetime
) -> str:
    """Show the seat's ticket at the door of its group; the same request again is the same check."""
    code = session.scalars(select(EntryTicket.code).where(EntryTicket.seat_id == seat_id)).one()
    return passes.check_at_door(
        session,
        text=code,
        secret=secret,
        doors=passes.Doors(frozenset({group_id}), group_id),
        way=passes.Way("chat", bot=BOT.name, key=f"chat:{join.id}:{join.update_id}"),
        actor=BOT,
        now=now,
    ).outcome


def _step(session: Session, join: ChatJoin, chat: Chat, group: Group, approve: bool) -> Step:
    locale = join.locale
    if join.member_id is not None:
        locale = session.scalar(select(Member.locale).where(Member.id == join.member_id)) or locale
    return Step(
        join.id,
        join.update_id,
        chat.ref,
        join.account,
        join.dm,
        locale,
        approve,
        join.why,
        group.name,
        group.slug,
    )


def _ended(session: Session, join: ChatJoin) -> bool:
    if join.seat_id is None:
        return False
    # Asked afresh: it may have ended while the service was told.
    state = session.scalar(select(Seat.state).where(Seat.id == join.seat_id))
    return state != "admitted"


def _take_back(session: Session, join: ChatJoin, chat: Chat, now: dt.datetime) -> None:
    join.state, join.why, join.decided_at = "declined", "no_seat", now
    _put_out(session, join, chat, now)


def _put_out(session: Session, join: ChatJoin, chat: Chat, now: dt.datetime) -> None:
    assert join.seat_id is not None and join.member_id is not None  # only members have seats
    tasks.put_out(
        session, chat=chat, seat_id=join.seat_id, member_id=join.member_id, account=join.account, reason=ENDED,
        now=now,
    )  # fmt: skip


def _note(session: Session, chat: Chat, join: ChatJoin, trouble: str) -> None:
    task = session.scalars(
        select(ChatTask).where(
            ChatTask.chat_id == chat.id,
            ChatTask.seat_id == join.seat_id,
            ChatTask.what == "let_in",
            ChatTask.state == "open",
        )
    ).one_or_none()
    if task is not None:
        task.trouble = trouble[:500]


def _standing(session: Session, told: rules_telegram.Standing, now: dt.datetime) -> None:
    seen = [one for one in store.get_value(session, SEEN, []) if one.get("ref") != told.ref]
    this = {"ref": told.ref, "title": told.title, "working": told.working, "at": now.isoformat()}
    store.set_value(session, SEEN, [this, *seen][:MOST_SEEN])
    chat = session.scalars(select(Chat).where(Chat.kind == "telegram", Chat.ref == told.ref)).one_or_none()
    if chat is None:
        return
    if not told.working:
        chat.trouble = NO_ADMIN
        return
    chat.trouble = ""
    ask_again(session, chat=chat, now=now)
