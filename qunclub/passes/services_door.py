"""The check at the door: one admission a ticket, every try written down, idempotent for whoever asks twice.

The ticket's lock makes two checks follow each other; behind it an index refuses a second admission.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from qunclub.kernel import N_, Actor, Conflict, Invalid, reads, store
from qunclub.kernel.keys import Secret

from . import rules_door, tickets
from .models_door import ENTERED, DoorTally, TicketCheck
from .rules_door import Doors, Verdict
from .tickets import BadTicket, TicketResult

LONGEST_REASON = 500
WRITTEN = (
    "ticket_id", "member_id", "group_id", "at", "claimed_at", "list_id", "by_id", "bot", "way", "device",
    "client_key", "outcome", "reason", "turn",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """How a ticket came to the door.

    Attributes:
        name: one of ``models_door.WAYS``.
        device: the machine it was shown to, as its browser says.
        bot: the name of the token with which a program asks.
        key: the caller's own name of this check, with whom it is from: the same again gives the same answer.
        claimed_at: when it was made, by a phone's clock, of one that was uploaded later; aware UTC.
        list_id: the list with which it was made.
    """

    name: str
    device: str = ""
    bot: str = ""
    key: str | None = None
    claimed_at: dt.datetime | None = None
    list_id: int | None = None


@dataclass(frozen=True, slots=True)
class DoorResult:
    """What came of a check.

    Attributes:
        outcome: ``admitted``, ``forced``, or why not.
        check: the line that was written.
        found: the ticket; None for a code that is none.
        refusal: for a code that is none: what is wrong with it.
        again: whether this very check had been made before; nothing was done this time.
    """

    outcome: str
    check: TicketCheck
    found: TicketResult | None
    refusal: BadTicket | None = None
    again: bool = False

    @property
    def entered(self) -> bool:
        """Whether the member was let in."""
        return self.outcome in ENTERED


def check(
    session: Session,
    *,
    text: str,
    secret: Secret,
    doors: Doors,
    way: Way,
    actor: Actor,
    now: dt.datetime,
    force: str | None = None,
) -> DoorResult:
    """Admit the ticket's member once, or say why not; either way a line is written and the door's count kept.

    Args:
        text: what was scanned or typed.
        doors: where the host or the program may stand, and where they do.
        now: aware UTC.
        force: why somebody is let in although the ticket does not admit; None for an ordinary check.

    Raises:
        Invalid: on ``reason``, when a forced entry has none.
        Conflict: when this entry may not be forced, or the key belongs to a check of another ticket.
    """
    reason = force.strip() if force is not None else ""
    if force is not None and not reason:
        raise Invalid(N_("Say why they are let in."), field="reason")
    if len(reason) > LONGEST_REASON:
        raise Invalid(N_("Say it in at most %(most)s characters."), field="reason", most=LONGEST_REASON)
    if way.key is not None:
        known = reads.scalar(session, _of_key(), key=way.key)
        if known is not None:
            return _again(session, session.get_one(TicketCheck, known), text, secret)
    try:
        found = tickets.locked(session, text=text, secret=secret)
    except BadTicket as error:
        line = _write(session, None, doors, way, "unknown", actor, now, "")
        return DoorResult("unknown", line, None, error)
    told = rules_door.verdict(found.door, group_id=found.seat.group_id, doors=doors)
    outcome: str = told
    if force is not None:
        if told != "admit" and not rules_door.may_force(told, admin=actor.has("admin")):
            raise Conflict(
                N_("This entry cannot be forced: the ticket does not belong to this door any more.")
            )
        outcome = "forced" if told != "admit" else outcome
    if told == "admit":
        found = tickets.admit(session, found, actor=actor, now=now, audit=not way.bot)
        outcome = "admitted"
    elif outcome == "forced":
        _force(session, found, told, actor, now, reason)
    line = _write(session, found, doors, way, outcome, actor, now, reason if outcome == "forced" else "")
    return DoorResult(outcome, line, found)


def note_unknown(session: Session, *, doors: Doors, way: Way, actor: Actor, now: dt.datetime) -> TicketCheck:
    """Write down that somebody came with what is no ticket of the club; what it said is not kept."""
    return _write(session, None, doors, way, "unknown", actor, now, "")


def note_refused(
    session: Session, *, text: str, secret: Secret, doors: Doors, way: Way, actor: Actor, now: dt.datetime
) -> bool:
    """Write down that a ticket was shown that does not admit at these doors; of one that does nothing is written.

    Raises:
        BadTicket: when there is no such ticket.
    """
    found = tickets.locked(session, text=text, secret=secret)
    told = rules_door.verdict(found.door, group_id=found.seat.group_id, doors=doors)
    if told == "admit":
        return False
    _write(session, found, doors, way, told, actor, now, "")
    return True


def _again(session: Session, before: TicketCheck, text: str, secret: Secret) -> DoorResult:
    found, refusal = None, None
    try:
        found = tickets.look(session, text=text, secret=secret)
    except BadTicket as error:
        refusal = error
    if (found.ticket.id if found is not None else None) != before.ticket_id:
        raise Conflict(N_("This key belongs to a check of another ticket: take a new one for each check."))
    return DoorResult(before.outcome, before, found, refusal, again=True)


def _force(
    session: Session, found: TicketResult, told: Verdict, actor: Actor, now: dt.datetime, reason: str
) -> None:
    ticket = found.ticket
    if ticket.state == "valid":
        # Used up by this entry; a used one keeps when it was used, a void one stays void.
        ticket.state, ticket.used_at, ticket.used_by = "used", now, actor.name[:120]
        ticket.used_by_id = actor.member_id
    store.record(
        session,
        actor=actor,
        action="ticket.force",
        target=f"ticket:{ticket.id}",
        now=now,
        summary=f"{found.member.shown_name} · {found.group.name if found.group else found.line.name}",
        details={"member_id": ticket.member_id, "although": told, "reason": reason},
    )


def _write(
    session: Session,
    found: TicketResult | None,
    doors: Doors,
    way: Way,
    outcome: str,
    actor: Actor,
    now: dt.datetime,
    reason: str,
) -> TicketCheck:
    door = doors.at if doors.at is not None or found is None else found.seat.group_id
    line = TicketCheck(
        ticket_id=found.ticket.id if found else None,
        member_id=found.member.id if found else None,
        group_id=door,
        at=now,
        claimed_at=way.claimed_at,
        list_id=way.list_id,
        by_id=None if way.bot else actor.member_id,
        bot=way.bot[:80],
        way=way.name,
        device=way.device[:60],
        client_key=way.key,
        outcome=outcome,
        reason=reason,
        turn=found.ticket.turn if found else 1,
    )
    # Past what the ORM does for entities: the door is in a hurry, and the line is never changed.
    values = {name: getattr(line, name) for name in WRITTEN}
    line.id = reads.scalar(session, _line(), **values)
    if door is not None:
        _count(session, door, outcome)
    return line


def _count(session: Session, group_id: int, outcome: str) -> None:
    kept = {"admitted": "came", "forced": "forced"}.get(outcome, "refused")
    reads.run(session, _tally(session.get_bind().dialect.name, kept), group=group_id)


@cache
def _of_key() -> Select[int]:
    return select(TicketCheck.id).where(TicketCheck.client_key == bindparam("key"))


@cache
def _line() -> ReturningInsert[int]:
    return insert(TicketCheck).values({name: bindparam(name) for name in WRITTEN}).returning(TicketCheck.id)


@cache
def _tally(dialect: str, kept: str) -> Any:
    values = {"came": 0, "forced": 0, "refused": 0, kept: 1}
    made = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(DoorTally)
    return made.values(group_id=bindparam("group"), **values).on_conflict_do_update(
        index_elements=[DoorTally.group_id], set_={kept: getattr(DoorTally, kept) + 1}
    )


def forget_checks(session: Session, member_id: int) -> None:
    """What was written in words about who left, or by them, goes; that a ticket was shown stays."""
    session.execute(
        update(TicketCheck)
        .where(TicketCheck.member_id == member_id, TicketCheck.reason != "")
        .values(reason="")
    )
    session.execute(
        update(TicketCheck).where(TicketCheck.by_id == member_id, TicketCheck.device != "").values(device="")
    )
