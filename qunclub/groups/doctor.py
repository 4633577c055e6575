"""Promises 2 and 4 on the live database: the books of the groups."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from sqlalchemy import String, and_, case, cast, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Finding
from qunclub.points.models_boards import BoardLook, BoardMember

from . import doctor_moving, rules_allocation
from .models import Group, GroupLine, Seat
from .models_bar import Bar
from .rules_allocation import Place
from .services import LIVE

LIMIT = 50
PATIENCE = dt.timedelta(hours=1)
"""How long the sweeper may take to end an offer."""


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Kept counters against the seats, the order of groups, the waiting lists."""
    return [
        *_seated(session),
        *_groups(session),
        *_waiting(session),
        *_positions(session),
        *_shape(session),
        *_boards(session),
        *_offers(session, now),
        *_bars(session),
        *_addresses(session),
        *doctor_moving.check(session),
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


def _offers(session: Session, now: dt.datetime) -> list[Finding]:
    query = (
        select(Seat.id).where(Seat.offered_until <= now - PATIENCE).order_by(Seat.offered_until).limit(LIMIT)
    )
    return [
        Finding(4, f"the offer of seat {seat} should have gone to the next", {"seat_id": seat})
        for seat in session.scalars(query)
    ]


def _bars(session: Session) -> list[Finding]:
    """Who was barred and was seated afterwards, while it stands."""
    rows = session.execute(
        select(Seat.id, Bar.id)
        .join(Bar, Bar.member_id == Seat.member_id)
        .where(
            Seat.state.in_(LIVE),
            Bar.lifted_at.is_(None),
            or_(Bar.line_id.is_(None), Bar.line_id == Seat.line_id),
            Seat.asked_at > Bar.since,
            or_(Bar.until.is_(None), Seat.asked_at < Bar.until),
        )
        .limit(LIMIT)
    )
    return [
        Finding(9, f"seat {seat} was given although bar {bar} stood", {"seat_id": seat, "bar_id": bar})
        for seat, bar in rows
    ]


def _addresses(session: Session) -> list[Finding]:
    rows = session.execute(
        select(Group.slug, GroupLine.id)
        .join(GroupLine, and_(GroupLine.slug == Group.slug, GroupLine.id != Group.line_id))
        .limit(LIMIT)
    )
    return [
        Finding(
            9, f"the address {slug} is that of a group and of line {line}", {"slug": slug, "line_id": line}
        )
        for slug, line in rows
    ]


def _seated(session: Session) -> list[Finding]:
    counted = (
        select(Seat.group_id, func.count().label("n"))
        .where(Seat.state.in_(("admitted", "offered")))
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
            f"group {group} says {seated} are seated; {count} seats are taken or on offer, its capacity is {capacity}",
            {"group_id": group, "seated": seated, "admitted": count, "capacity": capacity},
        )
        for group, seated, capacity, count in rows
    ]


def _groups(session: Session) -> list[Finding]:
    places: dict[int, list[Place]] = defaultdict(list)
    for row in session.execute(
        select(Group.line_id, Group.id, Group.index, Group.capacity, Group.seated, Group.label).order_by(
            Group.line_id, Group.index
        )
    ):
        places[row[0]].append(Place(*row[1:]))
    found = []
    for line in session.scalars(select(GroupLine).order_by(GroupLine.id)):
        mine = places[line.id]
        facts = {"line_id": line.id, "groups": len(mine), "last": mine[-1].index if mine else None}
        if not mine:
            found.append(Finding(2, f"line {line.id} has no group", facts))
            continue
        if [place.index for place in mine] != list(range(1, len(mine) + 1)):
            last = f"{len(mine)} groups, the last is {mine[-1].index}"
            found.append(Finding(2, f"the groups of line {line.id} have a gap: {last}", facts))
        elif rules_allocation.to_open(
            line.allocation,
            mine,
            capacities=line.capacities,
            repeat_last=line.repeat_last,
            labels=line.labels,
            at_once=line.open_at_once,
        ):
            found.append(
                Finding(
                    2, f"every open group of line {line.id} is full and the next group is not open", facts
                )
            )
        free = sum(place.room for place in mine)
        if line.waiting_count > 0 and free > 0:
            waits = f"{line.waiting_count} are waiting for line {line.id} while {free} seats are free"
            found.append(Finding(4, waits, facts))
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
        (
            and_(Seat.state == "offered", or_(Seat.group_id.is_(None), Seat.offered_until.is_(None))),
            "is offered in no group or without an end",
        ),
        (
            and_(Seat.state != "offered", Seat.offered_until.is_not(None)),
            "is not on offer and has an end of one",
        ),
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
