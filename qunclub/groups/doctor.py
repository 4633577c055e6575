"""Promises 2 and 4 on the live database: the books of the groups."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import String, and_, case, cast, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Finding
from qunclub.points.models_boards import BoardLook, BoardMember

from . import rules
from .models import Group, GroupLine, Seat

LIMIT = 50


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Kept counters against the seats, the order of groups, the waiting lists."""
    return [
        *_seated(session),
        *_groups(session),
        *_waiting(session),
        *_positions(session),
        *_shape(session),
        *_boards(session),
    ]


def _boards(session: Session) -> list[Finding]:
    """Whose points a group's ranking counts against who sits there; what the sweep has still to look at is no fault."""
    scope = literal(points.GROUP) + cast(Seat.group_id, String)
    noted = exists().where(BoardLook.member_id == Seat.member_id, BoardLook.scope == scope)
    there = exists().where(BoardMember.member_id == Seat.member_id, BoardMember.scope == scope)
    missing = select(Seat.member_id, scope.label("scope")).where(Seat.state == "admitted", ~there, ~noted)
    sits = exists().where(
        Seat.member_id == BoardMember.member_id, Seat.state == "admitted", scope == BoardMember.scope
    )
    waits = exists().where(BoardLook.member_id == BoardMember.member_id, BoardLook.scope == BoardMember.scope)
    surplus = select(BoardMember.member_id, BoardMember.scope).where(~sits, ~waits)
    rows = session.execute(union_all(missing, surplus).limit(LIMIT))
    return [
        Finding(
            7,
            f"the ranking of {scope_} does not follow the seat of member {member}",
            {"scope": scope_, "member_id": member},
        )
        for member, scope_ in rows
    ]


def _seated(session: Session) -> list[Finding]:
    counted = (
        select(Seat.group_id, func.count().label("n"))
        .where(Seat.state == "admitted")
        .group_by(Seat.group_id)
        .subquery()
    )
    n = func.coalesce(counted.c.n, 0)
    rows = session.execute(
        select(Group.id, Group.seated, Group.capacity, n)
        .join(counted, counted.c.group_id == Group.id, isouter=True)
        .where(or_(Group.seated != n, n > Group.capacity))
        .limit(LIMIT)
    )
    return [
        Finding(
            2,
            f"group {group} says {seated} are seated; {count} seats are admitted, its capacity is {capacity}",
            {"group_id": group, "seated": seated, "admitted": count, "capacity": capacity},
        )
        for group, seated, capacity, count in rows
    ]


def _groups(session: Session) -> list[Finding]:
    newest = (
        select(
            Group.line_id,
            func.min(Group.index).label("first"),
            func.max(Group.index).label("last"),
            func.count().label("n"),
            func.sum(Group.capacity - Group.seated).label("free"),
        )
        .group_by(Group.line_id)
        .subquery()
    )
    rows = session.execute(
        select(
            GroupLine.id,
            GroupLine.capacities,
            GroupLine.repeat_last,
            GroupLine.waiting_count,
            newest.c.first,
            newest.c.last,
            newest.c.n,
            newest.c.free,
            Group.seated,
            Group.capacity,
        )
        .join(newest, newest.c.line_id == GroupLine.id, isouter=True)
        .join(Group, and_(Group.line_id == GroupLine.id, Group.index == newest.c.last), isouter=True)
        .order_by(GroupLine.id)
    )
    found = []
    for line, capacities, repeat, waiting, first, last, n, free, seated, capacity in rows:
        facts = {"line_id": line, "groups": n or 0, "last": last}
        if not n:
            found.append(Finding(2, f"line {line} has no group", facts))
            continue
        if first != 1 or last != n:
            found.append(
                Finding(2, f"the groups of line {line} have a gap: {n} groups, the last is {last}", facts)
            )
        if seated >= capacity and rules.capacity_of(capacities, repeat, last + 1) is not None:
            found.append(
                Finding(2, f"the newest group of line {line} is full and the next group is not open", facts)
            )
        if waiting > 0 and free > 0:
            found.append(
                Finding(4, f"{waiting} are waiting for line {line} while {free} seats are free", facts)
            )
    return found


def _waiting(session: Session) -> list[Finding]:
    counted = (
        select(Seat.line_id, func.count().label("n"), func.max(Seat.position).label("last"))
        .where(Seat.state == "waiting")
        .group_by(Seat.line_id)
        .subquery()
    )
    n = func.coalesce(counted.c.n, 0)
    rows = session.execute(
        select(GroupLine.id, GroupLine.waiting_count, n, GroupLine.next_position, counted.c.last)
        .join(counted, counted.c.line_id == GroupLine.id, isouter=True)
        .where(or_(GroupLine.waiting_count != n, counted.c.last >= GroupLine.next_position))
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"line {line} says {kept} are waiting; {count} seats are (last position {last}, next {following})",
            {"line_id": line, "kept": kept, "waiting": count},
        )
        for line, kept, count, following, last in rows
    ]


def _positions(session: Session) -> list[Finding]:
    rows = session.execute(
        select(Seat.line_id, Seat.position, func.count())
        .where(Seat.state == "waiting", Seat.position.is_not(None))
        .group_by(Seat.line_id, Seat.position)
        .having(func.count() > 1)
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"{count} members share position {position} of the waiting list of line {line}",
            {"line_id": line, "position": position, "seats": count},
        )
        for line, position, count in rows
    ]


def _shape(session: Session) -> list[Finding]:
    wrong = case(
        (and_(Seat.state == "waiting", Seat.position.is_(None)), "waits without a position"),
        (and_(Seat.state == "waiting", Seat.group_id.is_not(None)), "waits and is in a group"),
        (and_(Seat.state == "admitted", Seat.group_id.is_(None)), "is admitted to no group"),
        (and_(Seat.state == "admitted", Seat.admitted_at.is_(None)), "is admitted at no time"),
        (and_(Seat.state.in_(("left", "removed")), Seat.ended_at.is_(None)), "ended at no time"),
        (Seat.line_id != Group.line_id, "is in a group of another line"),
        else_=None,
    )
    rows = session.execute(
        select(Seat.id, wrong)
        .join(Group, Group.id == Seat.group_id, isouter=True)
        .where(wrong.is_not(None))
        .limit(LIMIT)
    )
    return [Finding(2, f"seat {seat} {what}", {"seat_id": seat}) for seat, what in rows]
