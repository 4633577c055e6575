"""Seats: taken, waited for and given back, always under the lock of the line's row.

Every verb that moves a seat locks the line first, so the groups of a line, its waiting list and the opening of its next
group are seen by one transaction at a time. ``Group.seated`` and ``GroupLine.waiting_count`` are kept with the seats.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, mail, store
from qunclub.members.models import Member

from . import rules
from .changes import changed
from .models import Group, GroupLine, Seat

LIVE = ("waiting", "admitted")


def take_seat(session: Session, *, line_id: int, member_id: int, now: dt.datetime) -> Seat:
    """Give the member a seat of the line, or the next place on its waiting list.

    Fill-first: the first group with room. Who holds a live seat keeps it; nobody is seated before those who wait.
    """
    line = locks.lock(session, GroupLine, line_id)
    held = live_seat(session, line_id=line_id, member_id=member_id)
    if held is not None:
        return held
    group = _first_with_room(session, line) if line.waiting_count == 0 else None
    if group is not None:
        return _seat_in(session, line, group, member_id, now)
    seat = Seat(
        line_id=line.id, member_id=member_id, state="waiting", position=line.next_position, asked_at=now
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
    _, admitted = _end(session, seat_id, state, reason, now)
    return admitted or []


def admit_waiting(session: Session, line: GroupLine, *, now: dt.datetime) -> list[Seat]:
    """Seat the first who wait while there is room; *line* is locked by the caller. They get a mail."""
    admitted: list[Seat] = []
    while line.waiting_count > 0:
        groups = list(
            session.scalars(
                select(Group)
                .where(Group.line_id == line.id, Group.seated < Group.capacity)
                .order_by(Group.index)
                .execution_options(populate_existing=True)
            )
        )
        plan = rules.spread(line.waiting_count, [(g.id, g.capacity - g.seated) for g in groups])
        if not plan.places:
            break
        by_id = {group.id: group for group in groups}
        moved = 0
        for group_id, count in plan.places:
            group = by_id[group_id]
            for seat in _first_waiting(session, line.id, count):
                seat.state, seat.position, seat.group_id, seat.admitted_at = "admitted", None, group.id, now
                admitted.append(seat)
                moved += 1
                group.seated += 1
                line.waiting_count -= 1
            session.flush()
            _open_next_when_full(session, line, group, now)
        if moved == 0:
            break
    for seat in admitted:
        changed(session, seat, "admitted", now)
    _tell_admitted(session, line, admitted, now)
    return admitted


def live_seat(session: Session, *, line_id: int, member_id: int) -> Seat | None:
    """The member's seat or waiting place in the line, if any."""
    return session.scalars(
        select(Seat)
        .where(Seat.line_id == line_id, Seat.member_id == member_id, Seat.state.in_(LIVE))
        .execution_options(populate_existing=True)
    ).one_or_none()


def first_group(session: Session, line: GroupLine, *, now: dt.datetime) -> Group:
    """The line's first group, opened when there is none; *line* is new or locked by the caller."""
    group = session.scalars(select(Group).where(Group.line_id == line.id, Group.index == 1)).one_or_none()
    return group or _open(session, line, 1, now)


def enter_core(session: Session, *, group_id: int, member_id: int, now: dt.datetime) -> Seat:
    """Seat the member in this very group; a core group has no waiting list.

    Raises:
        Conflict: when every seat is taken.
    """
    line = _locked_line_of(session, group_id)
    held = live_seat(session, line_id=line.id, member_id=member_id)
    if held is not None:
        return held
    group = session.get_one(Group, group_id, populate_existing=True)
    if group.seated >= group.capacity:
        raise Conflict(N_("%(group)s has no free seat."), group=group.name)
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


def remove_member(session: Session, *, seat_id: int, reason: str, actor: Actor, now: dt.datetime) -> Seat:
    """Take a member out of a group or off its waiting list; they are told why and what remains theirs."""
    seat, admitted = _end(session, seat_id, "removed", reason, now)
    if admitted is None:
        raise Conflict(N_("This seat has ended already."))
    member = session.get_one(Member, seat.member_id)
    line = session.get_one(GroupLine, seat.line_id)
    group = session.get(Group, seat.group_id) if seat.group_id else None
    name = group.name if group else line.name
    store.record(
        session,
        actor=actor,
        action="seat.remove",
        target=f"seat:{seat.id}",
        now=now,
        summary=f"{member.shown_name} · {name}",
        details={"member_id": member.id, "line_id": line.id, "group_id": seat.group_id, "reason": reason},
    )
    if member.email:
        mail.send(
            session,
            to=member.email,
            template="seat_removed",
            context={"name": member.shown_name, "group": name, "reason": reason},
            locale=member.locale,
            key=f"seat_removed:{seat.id}",
            now=now,
        )
    return seat


def _end(
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
    seat.position = None
    if was == "waiting":
        line.waiting_count -= 1
        session.flush()
        return seat, []
    assert seat.group_id is not None
    group = session.get_one(Group, seat.group_id, populate_existing=True)
    group.seated -= 1
    session.flush()
    changed(session, seat, "removed" if state == "removed" else "left", now)
    return seat, admit_waiting(session, line, now=now)


def _locked_line_of(session: Session, group_id: int) -> GroupLine:
    line_id = session.scalar(select(Group.line_id).where(Group.id == group_id))
    if line_id is None:
        raise NotFound()
    return locks.lock(session, GroupLine, line_id)


def _first_with_room(session: Session, line: GroupLine) -> Group | None:
    return session.scalars(
        select(Group)
        .where(Group.line_id == line.id, Group.seated < Group.capacity)
        .order_by(Group.index)
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _first_waiting(session: Session, line_id: int, count: int) -> list[Seat]:
    return list(
        session.scalars(
            select(Seat)
            .where(Seat.line_id == line_id, Seat.state == "waiting")
            .order_by(Seat.position)
            .limit(count)
            .execution_options(populate_existing=True)
        )
    )


def _seat_in(session: Session, line: GroupLine, group: Group, member_id: int, now: dt.datetime) -> Seat:
    seat = Seat(
        line_id=line.id,
        group_id=group.id,
        member_id=member_id,
        state="admitted",
        asked_at=now,
        admitted_at=now,
    )
    group.seated += 1
    session.add(seat)
    session.flush()
    changed(session, seat, "admitted", now)
    _open_next_when_full(session, line, group, now)
    return seat


def _open_next_when_full(session: Session, line: GroupLine, group: Group, now: dt.datetime) -> Group | None:
    """Open the next group when the newest one has just given its last seat."""
    if group.seated < group.capacity:
        return None
    if rules.capacity_of(line.capacities, line.repeat_last, group.index + 1) is None:
        return None
    newest = session.scalar(
        select(Group.index).where(Group.line_id == line.id).order_by(Group.index.desc()).limit(1)
    )
    return _open(session, line, group.index + 1, now) if newest == group.index else None


def _open(session: Session, line: GroupLine, index: int, now: dt.datetime) -> Group:
    capacity = rules.capacity_of(line.capacities, line.repeat_last, index)
    assert capacity is not None
    group = Group(
        line_id=line.id,
        index=index,
        slug=rules.group_slug(line.slug, index),
        name=rules.group_name(line.name_pattern, line.name, index),
        capacity=capacity,
        seated=0,
        opened_at=now,
    )
    session.add(group)
    session.flush()
    return group


def _tell_admitted(session: Session, line: GroupLine, seats: list[Seat], now: dt.datetime) -> None:
    if not seats:
        return
    rows = session.execute(
        select(Seat.id, Group.name, Group.slug, Member.email, Member.locale, Member.name, Member.nickname)
        .join(Group, Group.id == Seat.group_id)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.id.in_([seat.id for seat in seats]), Member.email != "")
    )
    for seat_id, group, slug, email, locale, name, nickname in rows.all():
        mail.send(
            session,
            to=email,
            template="seat_admitted",
            context={"name": nickname or name, "group": group, "slug": slug, "line": line.name},
            locale=locale,
            key=f"seat_admitted:{seat_id}",
            now=now,
        )
