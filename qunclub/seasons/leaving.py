"""Leaving the core group of one's own will, between two closings."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Conflict, locks

from . import signs
from .models import CoreSeat, Season
from .services_seats import LEFT_CLUB as LEFT


def leave_core(session: Session, *, member_id: int, now: dt.datetime, reason: str = LEFT) -> bool:
    """End a member's core seat; False when they have none.

    Raises:
        Conflict: while a season is frozen: it is decided from who sat in the core then.
    """
    ident = session.scalar(
        select(CoreSeat.id).where(CoreSeat.member_id == member_id, CoreSeat.left_at.is_(None))
    )
    if ident is None:
        return False
    # Freezing takes the same lock: either the snapshot sees the seat gone, or we see the season frozen.
    going = select(Season).where(Season.state.in_(("open", "frozen"))).order_by(Season.id)
    if locks.enabled():
        going = going.with_for_update().execution_options(populate_existing=True)
    if any(season.state == "frozen" for season in session.scalars(going)):
        raise Conflict(
            N_(
                "A season is being decided right now and you sit in the core group. Try again once it is published."
            )
        )
    seat = locks.lock(session, CoreSeat, ident)
    seat.left_at, seat.left_reason = now, reason
    session.flush()
    signs.ended(session, seat)
    return True
