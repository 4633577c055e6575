"""Giving a seat back to whoever was removed wrongly: the same seat, under the lock of its line."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, locks

from . import services
from .models import Group, GroupLine, Seat


def restore_seat(session: Session, *, seat_id: int, now: dt.datetime) -> Seat:
    """Seat the member again in their old group, else in the first with room, else put them before all who wait.

    Returns:
        The seat, which is the old row, so that passes and the ticket still know it; or the live one that the member
        has in the line meanwhile.

    Raises:
        NotFound: when there is no such seat.
    """
    line_id = session.scalar(select(Seat.line_id).where(Seat.id == seat_id))
    if line_id is None:
        raise NotFound()
    line = locks.lock(session, GroupLine, line_id)
    seat = session.get_one(Seat, seat_id, populate_existing=True)
    if seat.state in services.LIVE:
        return seat
    held = services.live_seat(session, line_id=line.id, member_id=seat.member_id)
    if held is not None:
        return held
    group = session.get(Group, seat.group_id, populate_existing=True) if seat.group_id else None
    if group is None or group.seated >= group.capacity:
        group = services._first_with_room(session, line)
    seat.ended_at, seat.end_reason = None, ""
    if group is None:
        seat.state, seat.group_id, seat.position = "waiting", None, _before_all(session, line)
        line.waiting_count += 1
        session.flush()
        return seat
    seat.state, seat.group_id, seat.position, seat.admitted_at = "admitted", group.id, None, now
    group.seated += 1
    session.flush()
    services._open_next_when_full(session, line, group, now)
    return seat


def _before_all(session: Session, line: GroupLine) -> int:
    first: int | None = session.scalar(
        select(func.min(Seat.position)).where(Seat.line_id == line.id, Seat.state == "waiting")
    )
    if first is not None:
        return first - 1
    line.next_position += 1
    return line.next_position - 1
