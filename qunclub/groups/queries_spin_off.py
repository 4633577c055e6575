"""Reads about spin-offs; one statement each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import NotFound, Page
from qunclub.kernel.pages import PER_PAGE
from qunclub.members.models import Member

from .models import Group, Seat
from .models_spin_off import SpinOff

MOST = 50
Parent = aliased(Group)
Leader = aliased(Member)


@dataclass(frozen=True, slots=True)
class SpinRow:
    """A spin-off with the groups and people around it."""

    spin: SpinOff
    parent: Group
    group: Group | None
    proposer: Member | None
    leader: Member | None


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(SpinOff, Parent, Group, Member, Leader)
        .join(Parent, Parent.id == SpinOff.parent_group_id)
        .outerjoin(Group, Group.id == SpinOff.group_id)
        .outerjoin(Member, Member.id == SpinOff.proposer_id)
        .outerjoin(Leader, Leader.id == SpinOff.leader_id)
    )


def spin_off(session: Session, ident: int) -> SpinRow:
    """One of them.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(_rows().where(SpinOff.id == ident)).one_or_none()
    if row is None:
        raise NotFound()
    return SpinRow(*row)


def of_line(session: Session, line_id: int) -> SpinRow | None:
    """The spin-off that a line is."""
    row = session.execute(_rows().where(SpinOff.line_id == line_id)).one_or_none()
    return None if row is None else SpinRow(*row)


def children(session: Session, line_id: int) -> list[SpinRow]:
    """The spin-offs beside a line's groups, the oldest first."""
    query = _rows().where(SpinOff.parent_line_id == line_id, SpinOff.state == "approved")
    return [SpinRow(*row) for row in session.execute(query.order_by(SpinOff.id).limit(MOST))]


def listed(session: Session, state: str, *, before: int = 0) -> Page[SpinRow]:
    """Spin-offs of a state, the newest first, from before an id on."""
    query = _rows().where(SpinOff.state == state).order_by(SpinOff.id.desc()).limit(PER_PAGE + 1)
    if before:
        query = query.where(SpinOff.id < before)
    rows = [SpinRow(*row) for row in session.execute(query)]
    more = str(rows[PER_PAGE - 1].spin.id) if len(rows) > PER_PAGE else ""
    return Page(items=rows[:PER_PAGE], has_next=bool(more), more=more)


def proposals_of(session: Session, member_id: int) -> list[SpinRow]:
    """What a member proposed, the newest first."""
    query = _rows().where(SpinOff.proposer_id == member_id).order_by(SpinOff.id.desc()).limit(MOST)
    return [SpinRow(*row) for row in session.execute(query)]


def ended_with(session: Session, member_id: int) -> list[SpinRow]:
    """The ended spin-offs in which somebody sat at the end, the newest first: one statement along their seats."""
    query = (
        _rows()
        .join(Seat, Seat.line_id == SpinOff.line_id)
        .where(Seat.member_id == member_id, Seat.state == "left", Seat.ended_at == Group.closed_at)
        .where(Seat.group_id.is_not(None), Seat.admitted_at.is_not(None))
        .where(SpinOff.state == "ended")
        .order_by(SpinOff.id.desc())
    )
    return [SpinRow(*row) for row in session.execute(query.limit(MOST))]


def at_the_end(session: Session, group: Group, member_id: int) -> Literal["", "listed", "seated"]:
    """Whether somebody's seat ended with the group, or only their place on its list or an offer: one statement."""
    query = select(Seat.group_id, Seat.admitted_at).where(
        Seat.member_id == member_id,
        Seat.line_id == group.line_id,
        Seat.state == "left",
        Seat.ended_at == group.closed_at,
    )
    row: Any = session.execute(query.limit(1)).one_or_none()
    if row is None:
        return ""
    return "listed" if row.group_id is None or row.admitted_at is None else "seated"


def inside(session: Session, group_id: int, *, after: int = 0) -> Page[tuple[Seat, Member]]:
    """Who sits in the group, in the order of their seats, from behind a seat on."""
    rows = [
        (seat, member)
        for seat, member in session.execute(
            select(Seat, Member)
            .join(Member, Member.id == Seat.member_id)
            .where(Seat.group_id == group_id, Seat.state == "admitted", Seat.id > after)
            .order_by(Seat.id)
            .limit(PER_PAGE + 1)
        )
    ]
    more = str(rows[PER_PAGE - 1][0].id) if len(rows) > PER_PAGE else ""
    return Page(items=rows[:PER_PAGE], has_next=bool(more), more=more, page=2 if after else 1)
