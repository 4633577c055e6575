"""Those who wait: seated (or offered a seat) in order as soon as there is room; groups that open for them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices, points
from qunclub.members.models import Member

from . import rules, rules_allocation, services_welcome
from .changes import changed
from .models import Group, GroupLine, Seat
from .rules_allocation import Place


def place_of(group: Group) -> Place:
    """A group as the rules see it."""
    return Place(group.id, group.index, group.capacity, group.seated, group.label)


def groups_with_room(session: Session, line: GroupLine) -> list[Group]:
    """Open groups that have a free seat, read afresh; *line* is locked by the caller."""
    query = select(Group).where(Group.line_id == line.id, Group.seated < Group.capacity).order_by(Group.index)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def open_due(session: Session, line: GroupLine, now: dt.datetime) -> list[Group]:
    """Open the groups whose turn it is, none when enough are open; *line* is locked by the caller."""
    opened = session.scalars(
        select(Group)
        .where(Group.line_id == line.id)
        .order_by(Group.index)
        .execution_options(populate_existing=True)
    ).all()
    due = rules_allocation.to_open(
        line.allocation,
        [place_of(group) for group in opened],
        capacities=line.capacities,
        repeat_last=line.repeat_last,
        labels=line.labels,
        at_once=line.open_at_once,
    )
    return [open_group(session, line, index, now) for index in due]


def open_group(session: Session, line: GroupLine, index: int, now: dt.datetime) -> Group:
    """Open the group *index* of the line's template."""
    capacity = rules.capacity_of(line.capacities, line.repeat_last, index)
    assert capacity is not None
    group = Group(
        line_id=line.id,
        index=index,
        slug=rules.group_slug(line.slug, index),
        name=rules.group_name(line.name_pattern, line.name, index),
        capacity=capacity,
        seated=0,
        label=rules_allocation.label_of(line.labels, index),
        opened_at=now,
    )
    session.add(group)
    session.flush()
    return group


def admit_waiting(session: Session, line: GroupLine, *, now: dt.datetime) -> list[Seat]:
    """Seat the first who wait while there is room; *line* is locked by the caller. They get a mail.

    In a line with offers the seats are kept for them for so many hours. Returns those who got one.
    """
    moved: list[Seat] = []
    until = now + dt.timedelta(hours=line.offer_hours) if line.offer_hours else None
    while line.waiting_count > 0:
        groups = {group.id: group for group in groups_with_room(session, line)}
        places = [place_of(group) for group in groups.values()]
        seats = _first_waiting(session, line.id, min(line.waiting_count, sum(one.room for one in places)))
        given = rules_allocation.allocate(line.allocation, places, [seat.allot_key for seat in seats])
        if not given:
            break
        for seat, group_id in zip(seats, given, strict=False):
            seat.position, seat.group_id = None, group_id
            if until is None:
                seat.state, seat.admitted_at, seat.stirred_at = "admitted", now, now
            else:
                seat.state, seat.offered_until = "offered", until
            groups[group_id].seated += 1
            line.waiting_count -= 1
            moved.append(seat)
        session.flush()
        for group_id in sorted(
            {seat.group_id for seat in moved if seat.state == "admitted" and seat.group_id}
        ):
            came = [seat.member_id for seat in moved if seat.group_id == group_id]
            points.look_again(session, scope=points.group_scope(group_id), member_ids=came)
        open_due(session, line, now)
    for seat in moved:
        if seat.state == "admitted":
            changed(session, seat, "admitted", now)
    came_in = [seat.member_id for seat in moved if seat.state == "admitted"]
    services_welcome.newcomers(session, line_id=line.id, member_ids=came_in, now=now)
    _tell(session, line, moved, now)
    return moved


def _first_waiting(session: Session, line_id: int, count: int) -> list[Seat]:
    if count <= 0:
        return []
    return list(
        session.scalars(
            select(Seat)
            .where(Seat.line_id == line_id, Seat.state == "waiting")
            .order_by(Seat.turn, Seat.position)
            .limit(count)
            .execution_options(populate_existing=True)
        )
    )


def _tell(session: Session, line: GroupLine, seats: list[Seat], now: dt.datetime) -> None:
    if not seats:
        return
    rows = session.execute(
        select(Seat.id, Seat.state, Seat.offered_until, Group.name, Group.slug, Member)
        .join(Group, Group.id == Seat.group_id)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.id.in_([seat.id for seat in seats]))
    ).all()
    for template, state in (("seat_admitted", "admitted"), ("seat_offered", "offered")):
        letters = [
            notices.Letter(
                member=member.id,
                context={
                    "name": member.shown_name,
                    "group": group,
                    "slug": slug,
                    "line": line.name,
                    "seat": seat_id,
                    "until": until.isoformat() if until else "",
                },
                # The moment too: who comes into a group a second time is told a second time.
                key=f"seat_{state}:{seat_id}:{now.isoformat()}",
            )
            for seat_id, was, until, group, slug, member in rows
            if (was == "offered") == (state == "offered")
        ]
        notices.letters(session, letters, template=template, now=now)
