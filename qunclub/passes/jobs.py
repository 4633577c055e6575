"""What the sweeper mends: passes whose time is up, tickets of seats that were given or taken meanwhile."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.groups.models import Seat
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services, tickets
from .models import Pass
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
    return len(expired) + follow_seats(session, now)


def follow_seats(session: Session, now: dt.datetime) -> int:
    """Tickets of the seats that were given or taken since the last time; how many seats were looked at.

    Only seats that were stirred are read, by an index of nothing else. A seat that changes while this looks at it
    keeps its mark, and is looked at again.
    """
    stirred = session.execute(
        select(Seat.id, Seat.state, Seat.member_id, Seat.end_reason, Seat.stirred_at)
        .where(Seat.stirred_at.is_not(None))
        .order_by(Seat.stirred_at, Seat.id)
        .limit(BATCH)
    ).all()
    given = [seat.id for seat in stirred if seat.state == "admitted"]
    kept: set[int | None] = set()
    if given:
        kept = set(session.scalars(select(Pass.seat_id).where(Pass.seat_id.in_(given), Pass.state.in_(LIVE))))
    for seat in stirred:
        if seat.state in ("left", "removed"):
            tickets.void(session, seat_id=seat.id, reason=seat.end_reason)
        elif seat.id in kept:
            tickets.ensure(session, seat_id=seat.id, member_id=seat.member_id, now=now)
    for seat in stirred:
        session.execute(
            update(Seat)
            .where(Seat.id == seat.id, Seat.stirred_at == seat.stirred_at)
            .values(stirred_at=None)
            .execution_options(synchronize_session="fetch")
        )
    return len(stirred)
