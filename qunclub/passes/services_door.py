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
from .seen import TicketResult
from .tickets import BadTicket

LONGEST_REASON = 500
KEPT = {"admitted": "came", "forced": "forced"}
"""What the door's count calls an outcome; any other is refused."""
_LINE = "line_"
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
class CheckLine:
    """The line of a check: at which door, when, and of a forced entry why."""

    id: int
    group_id: int | None
    at: dt.datetime
    reason: str


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
    check: CheckLine
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
    try:
        found = tickets.locked(session, text=text, secret=secret, key=way.key)
    except BadTicket as error:
        known = reads.scalar(session, _of_key(), key=way.key) if way.key is not None else None
        if known is not None:
            return _again(session, known, None, error)
        line = _write(session, None, doors, way, "unknown", actor, now)
        return DoorResult("unknown", line, None, error)
    if found.before is not None:
        return _again(session, found.before, found, None)
    told = rules_door.verdict(found.door, group_id=found.seat.group_id, doors=doors)
    outcome: str = told
    if force is not None:
        if told != "admit" and not rules_door.may_force(told, admin=actor.has("admin")):
            raise Conflict(
                N_("This entry cannot be forced: the ticket does not belong to this door any more.")
            )
        outcome = "forced" if told != "admit" else outcome
    # One that somebody is let in on is used up; a used one keeps when it was used, a void one stays void.
    use = None
    if told == "admit":
        outcome, use = "admitted", tickets.using(actor, now)
        if not way.bot:
            tickets.record_entry(session, found, actor=actor, now=now)
    elif outcome == "forced":
        use = tickets.using(actor, now) if found.ticket.state == "valid" else None
        _record_force(session, found, told, actor, now, reason)
    line = _write(
        session, found, doors, way, outcome, actor, now, reason if outcome == "forced" else "", use=use
    )
    if use is not None:
        found = tickets.admitted(session, found, use)
    return DoorResult(outcome, line, found)


def note_unknown(session: Session, *, doors: Doors, way: Way, actor: Actor, now: dt.datetime) -> None:
    """Write down that somebody came with what is no ticket of the club; what it said is not kept."""
    _write(session, None, doors, way, "unknown", actor, now)


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
    _write(session, found, doors, way, told, actor, now)
    return True


def _again(session: Session, known: int, found: TicketResult | None, refusal: BadTicket | None) -> DoorResult:
    ticket_id, outcome, line = _read(session, known)
    if (found.ticket.id if found is not None else None) != ticket_id:
        raise Conflict(N_("This key belongs to a check of another ticket: take a new one for each check."))
    return DoorResult(outcome, line, found, refusal, again=True)


def _read(session: Session, ident: int) -> tuple[int | None, str, CheckLine]:
    query = select(
        TicketCheck.ticket_id,
        TicketCheck.outcome,
        TicketCheck.group_id,
        TicketCheck.at,
        TicketCheck.reason,
    ).where(TicketCheck.id == ident)
    ticket_id, outcome, group_id, at, reason = session.execute(query).one()
    return ticket_id, outcome, CheckLine(ident, group_id, at, reason)


def _record_force(
    session: Session, found: TicketResult, told: Verdict, actor: Actor, now: dt.datetime, reason: str
) -> None:
    store.record(
        session,
        actor=actor,
        action="ticket.force",
        target=f"ticket:{found.ticket.id}",
        now=now,
        summary=f"{found.member.shown_name} · {found.group.name if found.group else found.line.name}",
        details={"member_id": found.ticket.member_id, "although": told, "reason": reason},
    )


def _write(
    session: Session,
    found: TicketResult | None,
    doors: Doors,
    way: Way,
    outcome: str,
    actor: Actor,
    now: dt.datetime,
    reason: str = "",
    *,
    use: dict[str, Any] | None = None,
) -> CheckLine:
    """Write the line and keep the door's count; with *use* (``tickets.using``) the ticket is used up, too."""
    door = doors.at if doors.at is not None or found is None else found.seat.group_id
    # Past what the ORM does for entities: the door is in a hurry, and the line is never changed.
    values: dict[str, Any] = {
        "ticket_id": found.ticket.id if found else None,
        "member_id": found.member.id if found else None,
        "group_id": door,
        "at": now,
        "claimed_at": way.claimed_at,
        "list_id": way.list_id,
        "by_id": None if way.bot else actor.member_id,
        "bot": way.bot[:80],
        "way": way.name,
        "device": way.device[:60],
        "client_key": way.key,
        "outcome": outcome,
        "reason": reason,
        "turn": found.ticket.turn if found else 1,
    }
    line = {_LINE + name: value for name, value in values.items()}
    counts = {"tally_of": door}
    kept = None if door is None else KEPT.get(outcome, "refused")
    using = {} if use is None or found is None else {"use_id": found.ticket.id, **use}
    if session.get_bind().dialect.name == "postgresql":
        told = {**line, **using} if kept is None else {**line, **using, **counts}
        ident = reads.scalar(session, _at_once(bool(using), kept), **told)
    else:
        # SQLite has no statement that writes into several tables, and no way to the server that one would save.
        if using:
            reads.run(session, tickets.use(), **using)
        ident = reads.scalar(session, _line(), **line)
        if kept is not None:
            reads.run(session, _tally(session.get_bind().dialect.name, kept), **counts)
    return CheckLine(ident, door, now, reason)


@cache
def _of_key() -> Select[int]:
    return select(TicketCheck.id).where(TicketCheck.client_key == bindparam("key"))


@cache
def _line() -> ReturningInsert[int]:
    values: dict[str, Any] = {name: bindparam(_LINE + name) for name in WRITTEN}
    return insert(TicketCheck).values(values).returning(TicketCheck.id)


@cache
def _tally(dialect: str, kept: str) -> Any:
    values = {"came": 0, "forced": 0, "refused": 0, kept: 1}
    made = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(DoorTally)
    return made.values(group_id=bindparam("tally_of"), **values).on_conflict_do_update(
        index_elements=[DoorTally.group_id], set_={kept: getattr(DoorTally, kept) + 1}
    )


@cache
def _at_once(use: bool, kept: str | None) -> Any:
    """All that a check writes, in one way to PostgreSQL and back."""
    parts = [tickets.use().cte("used")] if use else []
    if kept is not None:
        parts.append(_tally("postgresql", kept).cte("tallied"))
    return _line().add_cte(*parts) if parts else _line()


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
