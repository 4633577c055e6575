"""Group lines, groups and seats for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qunclub import groups
from qunclub.groups.models import GroupLine, Seat
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.factories import Make


def group_line(
    make: Make, *, capacities: Sequence[int] = (5,), slug: str = "", name: str = "", **values: Any
) -> GroupLine:
    """A line with its first group open; ``covenant_md="…"`` gives it rules."""
    serial = make.next()
    return groups.create_line(
        make.session,
        slug=slug or f"line-{serial}",
        name=name or f"Line {serial}",
        capacities=capacities,
        actor=Actor.system("test"),
        now=values.pop("now", make.now),
        **values,
    )


def seat(make: Make, line: GroupLine, of: Member | None = None) -> Seat:
    """A seat of *line* (or a place on its waiting list) for *of*, or for a new member."""
    holder = of or make.member(number=True)
    return groups.take_seat(make.session, line_id=line.id, member_id=holder.id, now=make.now)
