"""Giving a seat back to whoever was removed wrongly: the same seat, under the lock of its line."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import NotFound, locks

from . import rules_allocation, services
from .changes import changed
from .models import Group, GroupLine, Seat
from .models_spin_off import SpinOff
from .moving_ends import has_ended
from .services_waiting import groups_with_room, open_due, place_of


def restore_seat(session: Session, *, seat_id: int, now: dt.datetime) -> Seat:
    """Seat the member again in their old group, else in one with room, else put them before all who wait.

    Returns:
        The seat, which is the old row, so that passes and the ticket still know it; or the live one that the member
        has in the line meanwhile. Of a spin-off that has ended, or whose parent they have left since, it stays ended.

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
    if line.kind == "spin_off" and (
        has_ended(session, line.id) or not _in_parent(session, line.id, seat.member_id)
    ):
        return seat
    group = session.get(Group, seat.group_id, populate_existing=True) if seat.group_id else None
    if group is None or group.seated >= group.capacity:
        room = {one.id: one for one in groups_with_room(session, line)}
        chosen = rules_allocation.choose(
            line.allocation, [place_of(one) for one in room.values()], seat.allot_key
        )
        group = room[chosen.id] if chosen is not None else None
    seat.ended_at, seat.end_reason, seat.offered_until = None, "", None
    if group is None:
        seat.turn, seat.position = _before_all(session, line)
        # The caller follows with what hangs on the seat; nothing is left for the job that does so.
        seat.state, seat.group_id, seat.stirred_at = "waiting", None, None
        line.waiting_count += 1
        session.flush()
        return seat
    seat.state, seat.group_id, seat.position = "admitted", group.id, None
    seat.admitted_at, seat.stirred_at = now, now
    group.seated += 1
    session.flush()
    points.look_again(session, scope=points.group_scope(group.id), member_ids=[seat.member_id])
    changed(session, seat, "admitted", now)
    if group.seated >= group.capacity:
        open_due(session, line, now)
    return seat


def _in_parent(session: Session, line_id: int, member_id: int) -> bool:
    """Whether the member has the seat that lets them into a spin-off."""
    query = (
        select(Seat.id)
        .join(SpinOff, SpinOff.parent_line_id == Seat.line_id)
        .where(SpinOff.line_id == line_id, Seat.member_id == member_id, Seat.state == "admitted")
    )
    return session.scalar(query.limit(1)) is not None


def _before_all(session: Session, line: GroupLine) -> tuple[int, int]:
    """Turn and position before the first who waits."""
    first = session.execute(
        select(Seat.turn, Seat.position)
        .where(Seat.line_id == line.id, Seat.state == "waiting")
        .order_by(Seat.turn, Seat.position)
        .limit(1)
    ).first()
    if first is not None:
        return first.turn, first.position - 1
    line.next_position += 1
    return 0, line.next_position - 1
