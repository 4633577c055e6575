"""What a removal took, given back when it is taken back: the way to seats, the seat, its ticket."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, passes
from qunclub.groups.models import Seat
from qunclub.kernel import Actor
from qunclub.passes.models import Pass

from .models import Sanction


def give_back(session: Session, line: Sanction, reason: str, actor: Actor, now: dt.datetime) -> str:
    """``admitted``, ``waiting``, ``none`` when no pass keeps the seat any more, ``barred`` when another bar stands.

    ``parent`` in a spin-off whose parent they have left since.

    Args:
        line: the removal, with its seat.
        reason: why it is taken back; it stands in the bar that is lifted.
    """
    assert line.seat_id is not None
    line_id = session.get_one(Seat, line.seat_id).line_id
    for bar in groups.bars_of(session, line.member_id, now):
        # The bar of this very removal was set in its transaction, at its moment.
        if bar.line_id == line_id and bar.since == line.at:
            # The mail of the house says it.
            groups.lift_bar(session, bar_id=bar.id, reason=reason, actor=actor, now=now, tell=False)
    keeping = set(session.scalars(select(Pass.state).where(Pass.seat_id == line.seat_id).distinct()))
    if keeping and not keeping & set(passes.LIVE):
        return "none"
    if groups.bar_in(session, line_id=line_id, member_id=line.member_id, now=now) is not None:
        return "barred"
    seat = groups.restore_seat(session, seat_id=line.seat_id, now=now)
    if seat.state not in groups.LIVE:
        return "parent"
    if seat.id == line.seat_id:
        passes.tickets.revive(session, seat_id=line.seat_id)
    return seat.state
