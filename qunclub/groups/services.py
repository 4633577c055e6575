"""Seats: taken, waited for and given back, always under the lock of the line's row.

Every verb that moves a seat locks the line first, so the groups of a line, its waiting list and the opening of its next
group are seen by one transaction at a time. ``Group.seated`` and ``GroupLine.waiting_count`` are kept with the seats.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import N_, Conflict, NotFound, locks
from qunclub.members.models import Member

from . import rules, rules_allocation, services_welcome
from .changes import changed
from .models import Group, GroupLine, Seat
from .models_bar import Bar
from .moving_ends import PARENT_ENDED, SPIN_OFF_ENDED, close_ended, has_ended, spin_off_seats
from .queries_bars import bar_in
from .services_waiting import admit_waiting, groups_with_room, open_due, place_of

LIVE = ("waiting", "offered", "admitted")


class Barred(Conflict):
    """The member was taken out for cause and may take no seat here; *bar* says why and until when."""

    def __init__(self, bar: Bar) -> None:
        super().__init__(
            N_("They were taken out of the group and may take no new seat. An admin can lift this.")
        )
        self.bar = bar


def take_seat(
    session: Session,
    *,
    line_id: int,
    member_id: int,
    now: dt.datetime,
    priority: int = 0,
    purpose: Callable[[], str] = str,
) -> Seat:
    """Give the member a seat of the line, or the next place on its waiting list.

    In which group, the line's way of allocation says. Who holds a live seat keeps it; nobody is seated before those
    who wait.

    Args:
        priority: who has more comes sooner off the waiting list; a place that is there already moves up to it.
        purpose: what the pass is for, asked only in a line that allocates by course.

    Raises:
        Barred: when the member was taken out for cause; nothing was written.
        Conflict: when it is a spin-off that has ended.
    """
    line = locks.lock(session, GroupLine, line_id)
    held = live_seat(session, line_id=line_id, member_id=member_id)
    if held is not None:
        if held.state == "waiting" and -priority < held.turn:
            held.turn = -priority
            session.flush()
        return held
    if line.kind == "spin_off" and has_ended(session, line.id):
        raise Conflict(SPIN_OFF_ENDED)
    _not_barred(session, line, member_id, now)
    key = purpose() if line.allocation == "course" else ""
    if line.allocation == "city":
        key = session.scalar(select(Member.city).where(Member.id == member_id)) or ""
    if line.waiting_count == 0:
        groups = {group.id: group for group in groups_with_room(session, line)}
        found = rules_allocation.choose(line.allocation, [place_of(one) for one in groups.values()], key)
        if found is not None:
            return _seat_in(session, line, groups[found.id], member_id, now, key=key)
    seat = Seat(
        line_id=line.id,
        member_id=member_id,
        state="waiting",
        turn=-priority,
        position=line.next_position,
        allot_key=key[: rules.MAX_LABEL],
        asked_at=now,
    )
    line.next_position += 1
    line.waiting_count += 1
    session.add(seat)
    session.flush()
    return seat


def leave_seat(session: Session, *, seat_id: int, state: str, reason: str, now: dt.datetime) -> list[Seat]:
    """End a seat (``left`` or ``removed``) and give what it frees to the first who wait; returns those admitted.

    A seat that has ended already is left as it is.
    """
    _, admitted = end_seat(session, seat_id, state, reason, now)
    return admitted or []


def live_seat(session: Session, *, line_id: int, member_id: int) -> Seat | None:
    """The member's seat or waiting place in the line, if any."""
    return session.scalars(
        select(Seat)
        .where(Seat.line_id == line_id, Seat.member_id == member_id, Seat.state.in_(LIVE))
        .execution_options(populate_existing=True)
    ).one_or_none()


def first_group(session: Session, line: GroupLine, *, now: dt.datetime) -> Group:
    """The line's first group; a line without any opens those it begins with. *line* is new or locked by the caller."""
    group = session.scalars(select(Group).where(Group.line_id == line.id, Group.index == 1)).one_or_none()
    return group or open_due(session, line, now)[0]


def enter_core(session: Session, *, group_id: int, member_id: int, now: dt.datetime) -> Seat:
    """Seat the member in this very group; a core group has no waiting list.

    Raises:
        Barred: when the member was taken out for cause.
        Conflict: when every seat is taken.
    """
    line = _locked_line_of(session, group_id)
    held = live_seat(session, line_id=line.id, member_id=member_id)
    if held is not None:
        return held
    _not_barred(session, line, member_id, now)
    group = session.get_one(Group, group_id, populate_existing=True)
    if group.seated >= group.capacity:
        raise Conflict(
            N_(
                "%(group)s has no free seat. Nothing was done: give it more seats, or end a seat in it, then try again."
            ),
            group=group.name,
        )
    return _seat_in(session, line, group, member_id, now)


def leave_core(
    session: Session, *, group_id: int, member_id: int, reason: str, now: dt.datetime
) -> Seat | None:
    """End the member's seat in this group; None when there is none."""
    line = _locked_line_of(session, group_id)
    seat = live_seat(session, line_id=line.id, member_id=member_id)
    if seat is None or seat.group_id != group_id:
        return None
    leave_seat(session, seat_id=seat.id, state="left", reason=reason, now=now)
    return seat


def end_seat(
    session: Session, seat_id: int, state: str, reason: str, now: dt.datetime
) -> tuple[Seat, list[Seat] | None]:
    """End a seat; gives it and those admitted in its place, None when it had ended before."""
    line_id = session.scalar(select(Seat.line_id).where(Seat.id == seat_id))
    if line_id is None:
        raise NotFound()
    line = locks.lock(session, GroupLine, line_id)
    seat = session.get_one(Seat, seat_id, populate_existing=True)
    if seat.state not in LIVE:
        return seat, None
    was, seat.state, seat.ended_at, seat.end_reason = seat.state, state, now, reason
    seat.position, seat.stirred_at, seat.offered_until = None, now, None
    close_ended(session, seat, spin_off=line.kind == "spin_off", now=now)
    if was == "waiting":
        line.waiting_count -= 1
        session.flush()
        return seat, []
    if line.kind != "spin_off":
        session.flush()
        for child in spin_off_seats(session, seat):
            end_seat(session, child, "left", PARENT_ENDED, now)
    assert seat.group_id is not None
    group = session.get_one(Group, seat.group_id, populate_existing=True)
    group.seated -= 1
    session.flush()
    points.look_again(session, scope=points.group_scope(group.id), member_ids=[seat.member_id])
    if was == "admitted":
        changed(session, seat, "removed" if state == "removed" else "left", now)
    return seat, admit_waiting(session, line, now=now)


def _not_barred(session: Session, line: GroupLine, member_id: int, now: dt.datetime) -> None:
    bar = bar_in(session, line_id=line.id, member_id=member_id, now=now)
    if bar is not None:
        raise Barred(bar)


def _locked_line_of(session: Session, group_id: int) -> GroupLine:
    line_id = session.scalar(select(Group.line_id).where(Group.id == group_id))
    if line_id is None:
        raise NotFound()
    return locks.lock(session, GroupLine, line_id)


def _seat_in(
    session: Session, line: GroupLine, group: Group, member_id: int, now: dt.datetime, *, key: str = ""
) -> Seat:
    seat = Seat(
        line_id=line.id,
        group_id=group.id,
        member_id=member_id,
        state="admitted",
        allot_key=key[: rules.MAX_LABEL],
        asked_at=now,
        admitted_at=now,
    )
    group.seated += 1
    session.add(seat)
    session.flush()
    points.look_again(session, scope=points.group_scope(group.id), member_ids=[member_id])
    changed(session, seat, "admitted", now)
    services_welcome.newcomers(session, line_id=line.id, member_ids=[member_id], now=now)
    if group.seated >= group.capacity:
        open_due(session, line, now)
    return seat
