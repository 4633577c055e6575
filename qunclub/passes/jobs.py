"""What the sweeper mends: passes whose time is up, tickets of seats that were given or taken meanwhile."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.groups.models import Seat
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services, tickets
from .models import EntryTicket, Pass
from .rules import LIVE

BATCH = 200


def sweep(state: ClubState) -> int:
    """Mend until nothing is left; returns how many things were mended."""
    mended = 0
    while True:
        with transaction(state.session(), wake=state.wake) as session:
            done = mend(session, state.clock())
        mended += done
        if done < BATCH:
            return mended


def mend(session: Session, now: dt.datetime) -> int:
    """One batch in the caller's transaction."""
    expired = services.expire_due(session, now, limit=BATCH)
    return len(expired) + make_tickets(session, now) + void_tickets(session)


def make_tickets(session: Session, now: dt.datetime) -> int:
    """A ticket for each seat that was given from the waiting list and is kept by a pass."""
    seats = session.execute(
        select(Seat.id, Seat.member_id)
        .join(Pass, Pass.seat_id == Seat.id)
        .join(EntryTicket, EntryTicket.seat_id == Seat.id, isouter=True)
        .where(Seat.state == "admitted", Pass.state.in_(LIVE), EntryTicket.id.is_(None))
        .distinct()
        .limit(BATCH)
    ).all()
    for seat_id, member_id in seats:
        tickets.ensure(session, seat_id=seat_id, member_id=member_id, now=now)
    return len(seats)


def void_tickets(session: Session) -> int:
    """No valid ticket for a seat that has ended."""
    seats = session.execute(
        select(Seat.id, Seat.end_reason)
        .join(EntryTicket, EntryTicket.seat_id == Seat.id)
        .where(Seat.state.in_(("left", "removed")), EntryTicket.state == "valid")
        .limit(BATCH)
    ).all()
    for seat_id, reason in seats:
        tickets.void(session, seat_id=seat_id, reason=reason)
    return len(seats)
