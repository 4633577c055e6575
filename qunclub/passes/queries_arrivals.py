"""Who came into a group, with every step of the ritual that is kept, in a constant number of statements."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import NotFound, Page

from .models import EntryTicket
from .welcome import named


@dataclass(frozen=True, slots=True)
class Stands:
    """One member of the group: the steps asked of them, which are done, and their name by the rule."""

    arrival: groups.Arrival
    nickname: str
    done: frozenset[str]
    steps: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The steps that are not done, in order."""
        return tuple(step for step in self.steps if step not in self.done)


@dataclass(frozen=True, slots=True)
class GroupArrivals:
    """A page of a group's members."""

    group: Group
    line: GroupLine
    page: Page[Stands]


def of_group(session: Session, slug: str, *, number: int | None = None, after: str = "") -> GroupArrivals:
    """Members of the group by their coming, the newest first.

    Args:
        number: only the member with this number.
        after: the mark of the page before.

    Raises:
        NotFound: when there is no such group.
    """
    line, group = groups.group_by_slug(session, slug)
    if group is None:
        raise NotFound()
    covenant = groups.current_covenant(session, line.id)
    asked = groups.ritual_of(session, line.id)
    rows = groups.arrivals(session, group, covenant, number=number, after=after)
    used = set(
        session.scalars(
            select(EntryTicket.seat_id).where(
                EntryTicket.seat_id.in_([row.seat.id for row in rows.items]), EntryTicket.state == "used"
            )
        )
    )
    items = []
    for row in rows.items:
        facts = {
            "covenant": row.accepted_at is not None,
            "name": named(row.member, line.nickname_rule),
            "introduction": row.introduction is not None,
            "enter": row.seat.id in used,
            "task": row.task_at is not None,
            "renamed": row.renamed_at is not None,
        }
        name = groups.nickname(
            line.nickname_rule, number=row.member.number, nickname=row.member.shown_name, city=row.member.city
        )
        there = {
            "covenant": covenant is not None,
            "introduction": row.introduction is not None
            or bool(asked and groups.is_asked(asked, seat_asked_at=row.seat.asked_at)),
            # Spin-offs have no door and no tickets.
            "enter": line.kind != "spin_off",
            "task": bool(asked and asked.task_title),
        }
        items.append(
            Stands(
                arrival=row,
                nickname=name,
                done=frozenset(step for step, done in facts.items() if done),
                steps=tuple(step for step in facts if there.get(step, True)),
            )
        )
    page = Page(items=items, page=rows.page, per_page=rows.per_page, has_next=rows.has_next, more=rows.more)
    return GroupArrivals(group, line, page)


def group_of_seat(session: Session, slug: str, seat_id: int) -> int:
    """The id of the group at *slug*, which the seat is of.

    Raises:
        NotFound: for a seat that is not of this group.
    """
    found = session.scalar(
        select(Group.id).join(Seat, Seat.group_id == Group.id).where(Seat.id == seat_id, Group.slug == slug)
    )
    if found is None:
        raise NotFound()
    return found
