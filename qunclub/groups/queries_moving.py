"""Reads about moving: where a seat can go, where it came from, which wishes wait; one statement each or two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Actor, NotFound, Page
from qunclub.kernel.pages import PER_PAGE
from qunclub.members.models import Member

from .models import Group, GroupLine, Seat
from .models_hosts import GroupHost
from .models_moving import MoveRequest, SeatMove
from .services_hosts import hosted_by

MOST_CHOICES = 500
MOST_COUNTED = 99
Old, New = aliased(Group), aliased(Group)


@dataclass(frozen=True, slots=True)
class Moved:
    """One move of a seat."""

    move: SeatMove
    old: str
    new: str
    by: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish to move as a host reads it."""

    request: MoveRequest
    member: Member
    line: str
    old: Group
    new: Group


def open_groups(
    session: Session, line_id: int, *, without: int | None = None, room: bool = False
) -> Sequence[Group]:
    """The line's groups that are not closed, in order: one statement.

    Args:
        without: the id of one that is left out.
        room: only those with a free seat.
    """
    query = select(Group).where(Group.line_id == line_id, Group.closed_at.is_(None)).order_by(Group.index)
    if without is not None:
        query = query.where(Group.id != without)
    if room:
        query = query.where(Group.seated < Group.capacity)
    return session.scalars(query.limit(MOST_CHOICES)).all()


def history(session: Session, seat_id: int, *, limit: int = 50) -> list[Moved]:
    """The moves of a seat, the newest first: one statement."""
    query = (
        select(SeatMove, Old.name, New.name, Member)
        .join(Old, Old.id == SeatMove.from_id)
        .join(New, New.id == SeatMove.to_id)
        .outerjoin(Member, Member.id == SeatMove.by_id)
        .where(SeatMove.seat_id == seat_id)
        .order_by(SeatMove.id.desc())
        .limit(limit)
    )
    return [
        Moved(move, old, new, by.shown_name if by else "") for move, old, new, by in session.execute(query)
    ]


def open_request(session: Session, seat_id: int) -> tuple[MoveRequest, str] | None:
    """What is asked for a seat and not answered yet, with the name of the group: one statement."""
    row = session.execute(
        select(MoveRequest, Group.name)
        .join(Group, Group.id == MoveRequest.to_id)
        .where(MoveRequest.seat_id == seat_id, MoveRequest.state == "open")
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def _wishes() -> Select[*tuple[Any, ...]]:
    return (
        select(MoveRequest, Member, GroupLine.name, Old, New)
        .join(Member, Member.id == MoveRequest.member_id)
        .join(Old, Old.id == MoveRequest.from_id)
        .join(New, New.id == MoveRequest.to_id)
        .join(GroupLine, GroupLine.id == Old.line_id)
    )


def wishes(session: Session, actor: Actor, *, after: int = 0) -> Page[Wish]:
    """Wishes that wait for an answer, the longest waiting first; of a host of some groups those between them."""
    hosted: Collection[int] = ()
    if not actor.has("admin") and actor.member_id is not None:
        hosted = hosted_by(session, actor.member_id)
    query = _wishes().where(MoveRequest.state == "open", MoveRequest.id > after).order_by(MoveRequest.id)
    if hosted:
        query = query.where(MoveRequest.from_id.in_(hosted), MoveRequest.to_id.in_(hosted))
    rows = [Wish(*row) for row in session.execute(query.limit(PER_PAGE + 1))]
    more = str(rows[PER_PAGE - 1].request.id) if len(rows) > PER_PAGE else ""
    return Page(items=rows[:PER_PAGE], has_next=bool(more), more=more)


def waiting_wishes(session: Session, actor: Actor) -> int:
    """How many wishes wait for this host, at most :data:`MOST_COUNTED`: one statement along the index of open ones."""
    query = select(MoveRequest.id).where(MoveRequest.state == "open").order_by(MoveRequest.id)
    if not actor.has("admin") and actor.member_id is not None:
        hosted = select(GroupHost.group_id).where(GroupHost.member_id == actor.member_id)
        both = and_(MoveRequest.from_id.in_(hosted), MoveRequest.to_id.in_(hosted))
        query = query.where(or_(~hosted.exists(), both))
    return session.scalar(select(func.count()).select_from(query.limit(MOST_COUNTED).subquery())) or 0


def wish(session: Session, request_id: int) -> Wish:
    """One wish.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(_wishes().where(MoveRequest.id == request_id)).one_or_none()
    if row is None:
        raise NotFound()
    return Wish(*row)


def merged_into(session: Session, group_id: int) -> Sequence[Group]:
    """The closed groups whose members are here: one statement along an index."""
    query = select(Group).where(Group.into_id == group_id).order_by(Group.id).limit(MOST_CHOICES)
    return session.scalars(query).all()


def seated_in(session: Session, group_id: int, *, limit: int) -> list[tuple[Seat, Member]]:
    """Who sits in a group or has a seat of it on offer, in the order of their seats, at most *limit*: one statement."""
    query = (
        select(Seat, Member)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.group_id == group_id, Seat.state.in_(("admitted", "offered")))
        .order_by(Seat.id)
        .limit(limit)
    )
    return [(seat, member) for seat, member in session.execute(query)]
