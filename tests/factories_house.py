"""A group whose rules of the house are tried."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from qunclub import groups
from qunclub import house as room
from qunclub.groups.models import Group
from qunclub.house.models import Report, Sanction
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.factories import Make


def house(make: Make, *, capacities: tuple[int, ...] = (5,), **line: Any) -> SimpleNamespace:
    """A line with its group, two members in it, a host and two admins."""
    made = make.group_line(capacities=capacities, **line)
    session = make.session
    group = session.scalars(select(Group).where(Group.line_id == made.id, Group.index == 1)).one()
    member, other = (make.member(number=True, name=name) for name in ("Offender", "Witness"))
    seats = [
        groups.take_seat(session, line_id=made.id, member_id=one.id, now=make.now) for one in (member, other)
    ]
    return SimpleNamespace(
        line=made,
        group=group,
        member=member,
        seat=seats[0],
        other=other,
        other_seat=seats[1],
        host=make.actor(make.member(name="Host", roles=("host",))),
        admin=make.actor(make.member(name="Admin", roles=("admin",))),
        second=make.actor(make.member(name="Second", roles=("admin",))),
    )


def reported(make: Make, house: SimpleNamespace, *, by: Member | None = None, **values: Any) -> Report:
    """A report of the member's conduct."""
    facts = {"kind": "conduct", "subject_id": house.seat.id, "category": "abuse", "reason": "Shouts."}
    return room.report(
        make.session,
        **{**facts, **values},
        reporter_id=(by or house.other).id,
        now=values.pop("now", make.now),
    )


def sanctioned(
    make: Make, house: SimpleNamespace, act: str, *, actor: Actor | None = None, **values: Any
) -> Sanction:
    """The member is sanctioned by the host, whatever the ladder says."""
    facts: dict[str, Any] = {"category": "abuse", "days": 0, "reason": "You shouted.", "departure": "Severe."}
    return room.sanction_seat(
        make.session,
        seat_id=house.seat.id,
        act=act,
        actor=actor or house.host,
        now=values.pop("now", make.now),
        **{**facts, **values},
    )
