"""Entry tickets: signed, unguessable, bound to a seat, good for one admission."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Update, and_, bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key

from qunclub import groups
from qunclub.kernel import N_, Actor, NotFound, ids, insert_for, reads, store
from qunclub.kernel.keys import Secret, accepted, signing

from .models import EntryTicket, Pass
from .seen import TicketResult, see

CODE_LENGTH = 12
"""60 random bits: short enough to be typed at the door, and the door counts the tries."""
_PURPOSE = b"qunclub.entry-ticket:"
_MARK = "."
RENEWED: dict[str, Any] = {
    "state": "valid", "used_at": None, "used_by": "", "used_by_id": None, "void_reason": "",
    "turn": EntryTicket.turn + 1,
}  # fmt: skip
"""A ticket made good again, for one admission."""


class BadTicket(NotFound):
    """A text that is no ticket of ours: mistyped, cut short, or forged."""


def sign(code: str, secret: Secret) -> str:
    """The ticket's code with its signature: what the QR carries."""
    return f"{code}{_MARK}{_signature(code, signing(secret))}"


def verify(text: str, secret: Secret) -> str:
    """The code in what was scanned or typed: a link, a signed code, or the bare code read out by its holder.

    Raises:
        BadTicket: when it is not shaped like a ticket, or its signature is wrong.
    """
    last = text.strip().rstrip("/").rpartition("/")[2]
    code, mark, signature = last.partition(_MARK)
    code = ids.normalise_code(code)
    if len(code) != CODE_LENGTH:
        raise BadTicket(N_("This is not a ticket of the club: the code has 12 letters and digits."))
    # Only ASCII is compared: what else a program may say (half a surrogate pair) has no bytes.
    if mark and not (
        signature.isascii()
        and any(hmac.compare_digest(signature, _signature(code, one)) for one in accepted(secret))
    ):
        raise BadTicket(N_("The signature of this ticket is wrong: it was changed or made by somebody else."))
    return code


def _signature(code: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), _PURPOSE + code.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def spaced(code: str) -> str:
    """The code in groups of four, as people read it."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))


def ensure(session: Session, *, seat_id: int, member_id: int, now: dt.datetime) -> None:
    """Make the seat's ticket when it has none."""
    insert = insert_for(session, EntryTicket)
    session.execute(
        insert.values(
            code=ids.code(CODE_LENGTH),
            member_id=member_id,
            seat_id=seat_id,
            state="valid",
            issued_at=now,
            used_by="",
            void_reason="",
        ).on_conflict_do_nothing(index_elements=[EntryTicket.seat_id])
    )


def of_seat(session: Session, seat_id: int) -> EntryTicket | None:
    """The seat's ticket."""
    return session.scalars(select(EntryTicket).where(EntryTicket.seat_id == seat_id)).one_or_none()


def void(session: Session, *, seat_id: int, reason: str) -> None:
    """End the seat's ticket; a host is told why. A used one keeps when it was used."""
    session.execute(
        update(EntryTicket)
        .where(EntryTicket.seat_id == seat_id, EntryTicket.state != "void")
        .values(state="void", void_reason=reason)
        .execution_options(synchronize_session="fetch")
    )


def forget_host(session: Session, *, member_id: int, names: Collection[str], nameless: str) -> None:
    """Take a host's name off the tickets they checked; when that was stays."""
    for mine in (
        EntryTicket.used_by_id == member_id,
        and_(EntryTicket.used_by_id.is_(None), EntryTicket.used_by != "", EntryTicket.used_by.in_(names)),
    ):
        session.execute(
            update(EntryTicket)
            .where(mine)
            .values(used_by=nameless)
            .execution_options(synchronize_session=False)
        )


def disputed_among(session: Session, seat_ids: Collection[int]) -> set[int]:
    """The seats whose every live pass is suspended because its payment is disputed: one statement along an index."""
    keeping: dict[int, set[str]] = defaultdict(set)
    rows = session.execute(
        select(Pass.seat_id, Pass.state)
        .where(Pass.seat_id.in_(seat_ids), Pass.seat_id.is_not(None))
        .distinct()
    )
    for seat_id, state in rows:
        if seat_id is not None:
            keeping[seat_id].add(state)
    return {
        seat_id for seat_id, states in keeping.items() if "suspended" in states and "active" not in states
    }


groups.DISPUTED.append(disputed_among)


def revive(session: Session, *, seat_id: int) -> None:
    """Make the ticket of a seat that was given back good again, for one admission: its holder was put out meanwhile."""
    session.execute(
        update(EntryTicket)
        .where(EntryTicket.seat_id == seat_id)
        .values(**RENEWED)
        .execution_options(synchronize_session="fetch")
    )


def follow_moves(session: Session, seat_ids: Collection[int]) -> None:
    """A ticket belongs to its seat: after a move it admits at the new group's door, and at the old one no more.

    One that was used at the old door admits once more. One statement for each 500 seats.
    """
    ids = sorted(seat_ids)
    for start in range(0, len(ids), 500):
        session.execute(
            update(EntryTicket)
            .where(EntryTicket.seat_id.in_(ids[start : start + 500]), EntryTicket.state == "used")
            .values(**RENEWED)
            .execution_options(synchronize_session="fetch")
        )


groups.MOVED.append(follow_moves)


def is_signed(text: str) -> bool:
    """Whether *text* claims to carry a signature; only hosts may look for a code that does not."""
    return _MARK in text


def look(session: Session, *, text: str, secret: Secret) -> TicketResult:
    """What the ticket is, and whether it would be admitted now; nothing changes.

    Raises:
        BadTicket: when there is no such ticket.
    """
    return _there(see(session, verify(text, secret)))


def check_in(session: Session, *, text: str, secret: Secret, actor: Actor, now: dt.datetime) -> TicketResult:
    """Admit the ticket's member once; every later check says when and by whom it was used.

    Raises:
        BadTicket: when there is no such ticket.
    """
    result = locked(session, text=text, secret=secret)
    if result.door == "admit":
        values = using(actor, now)
        reads.run(session, use(), use_id=result.ticket.id, **values)
        result = admitted(session, result, values)
        record_entry(session, result, actor=actor, now=now)
        session.flush()
    return result


def locked(session: Session, *, text: str, secret: Secret, key: str | None = None) -> TicketResult:
    """What the ticket is, read under its lock: nobody else admits it before this unit of work ends.

    Args:
        key: the name of a check by the caller; ``before`` of the result says whether it was made.

    Raises:
        BadTicket: when there is no such ticket.
    """
    return _there(see(session, verify(text, secret), key=key, lock=True))


def _there(found: TicketResult | None) -> TicketResult:
    if found is None:
        raise BadTicket(N_("There is no ticket with this code."))
    return found


def using(actor: Actor, now: dt.datetime) -> dict[str, Any]:
    """The values of :func:`use` for a ticket that *actor* uses up now, beside ``use_id``."""
    return {"use_at": now, "use_by": actor.name[:120], "use_by_id": actor.member_id}


# Made once and kept (``kernel.reads``): the door is in a hurry.
@cache
def use() -> Update:
    """The statement that uses a ticket up, one that is :func:`locked` and may be."""
    return (
        update(EntryTicket)
        .where(EntryTicket.id == bindparam("use_id"))
        .values(
            state="used",
            used_at=bindparam("use_at"),
            used_by=bindparam("use_by"),
            used_by_id=bindparam("use_by_id"),
        )
    )


def admitted(session: Session, result: TicketResult, values: dict[str, Any]) -> TicketResult:
    """The same ticket after :func:`use` ran with *values*; what the session holds of it is kept true."""
    held = session.identity_map.get(identity_key(EntryTicket, result.ticket.id))
    used = {
        "state": "used",
        "used_at": values["use_at"],
        "used_by": values["use_by"],
        "used_by_id": values["use_by_id"],
    }
    if held is not None:
        for name, value in used.items():
            set_committed_value(held, name, value)
    del used["used_by_id"]
    return replace(result, admitted_now=result.door == "admit", ticket=replace(result.ticket, **used))


def record_entry(session: Session, result: TicketResult, *, actor: Actor, now: dt.datetime) -> None:
    """Write an admission into the audit log, too; a program's checks are in the door's own log only."""
    store.record(
        session,
        actor=actor,
        action="ticket.check_in",
        target=f"ticket:{result.ticket.id}",
        now=now,
        summary=f"{result.member.shown_name} · {result.group.name if result.group else result.line.name}",
        details={"member_id": result.ticket.member_id, "seat_id": result.ticket.seat_id},
    )
