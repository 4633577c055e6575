"""Boards and who stands before them: bounded by an index, in a constant number of statements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from qunclub.groups.models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from qunclub.groups.models_hosts import GroupHost
from qunclub.kernel import Actor, NotFound, Page, reads
from qunclub.kernel.unindexed import unindexed

from . import rules
from .models import Board, BoardReader

PER_PAGE = 20
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Place:
    """A group's board as one reader stands before it.

    Attributes:
        staff: whether they are a host, who reads and writes on every board, or lead this group.
        hosting: whether they are a host of this group: its own, one of the whole club, or an admin.
        seated: whether they have a seat in this group.
        covenant_due: whether they have not accepted the covenant in force.
        last_n, changed: of the board, 0 while nobody has written.
        closed: whether the group was merged into another or has ended; its board is read on, and nobody writes.
        read_n: up to where they have read, None when they have not looked yet.
    """

    group_id: int
    slug: str
    name: str
    line: str
    posting: str
    seats: int
    member_id: int
    staff: bool
    hosting: bool
    seated: bool
    covenant_due: bool
    last_n: int
    changed: int
    read_n: int | None
    closed: bool = False

    @property
    def sees_pictures(self) -> bool:
        """Whether they see what members show each other: pictures are for the group and its own hosts."""
        return self.seated or self.hosting

    @property
    def unread(self) -> int:
        """How many posts they have not read."""
        return rules.unread(self.last_n, self.read_n)


def _seat_of(member: Any) -> ColumnElement[bool]:
    # Looked up by the member: the group, by whose index SQLite would read all of it, is hidden from it.
    # Who was in a group that was merged into another reads its board on, from their seat there; who was in a spin-off
    # when it ended, from the seat that ended with it.
    return and_(
        Seat.member_id == member,
        unindexed(Seat.group_id).in_((Group.id, Group.into_id)),
        or_(
            unindexed(Seat.state) == "admitted",
            # An offer that nobody had taken was no seat yet.
            and_(
                unindexed(Seat.state) == "left",
                Seat.admitted_at.is_not(None),
                Seat.ended_at == Group.closed_at,
                Group.into_id.is_(None),
            ),
        ),
    )


@cache
def _place() -> Select[*tuple[Any, ...]]:
    member: BindParameter[Any] = bindparam("member")
    newest = (
        select(Covenant.id)
        .where(Covenant.line_id == Group.line_id)
        .order_by(Covenant.version.desc())
        .limit(1)
        .correlate(Group)
        .scalar_subquery()
    )
    accepted = exists().where(
        CovenantAcceptance.covenant_id == newest, CovenantAcceptance.member_id == member
    )
    bound = exists().where(GroupHost.member_id == member)
    own = exists().where(GroupHost.member_id == member, GroupHost.group_id == Group.id)
    return (
        select(
            Group.id, Group.slug, Group.name, GroupLine.name.label("line"), GroupLine.posting, Group.seated,
            bound.label("bound"), own.correlate(Group).label("own"),
            Seat.id.label("seat"), newest.label("covenant"), accepted.label("accepted"), Board.last_n, Board.changed,
            BoardReader.read_n, Group.closed_at, GroupHost.since.label("host"),
        )
        .join(GroupLine, GroupLine.id == Group.line_id)
        .outerjoin(
            Seat, _seat_of(member)
        )
        .outerjoin(Board, Board.group_id == Group.id)
        .outerjoin(BoardReader, and_(BoardReader.member_id == member, BoardReader.group_id == Group.id))
        .outerjoin(GroupHost, and_(GroupHost.member_id == member, GroupHost.group_id == Group.id))
        .where(Group.slug == bindparam("slug"))
    )  # fmt: skip


def place(session: Session, slug: str, actor: Actor) -> Place:
    """The board at this address for *actor*, in one statement.

    Raises:
        NotFound: when there is none, and for whoever has no seat there.
    """
    member_id = actor.member_id or NOBODY
    row = reads.one(session, _place(), slug=slug, member=member_id)
    # Whoever leads a spin-off is a host of that group, without the role.
    staff = actor.has("host") or (row is not None and row.host is not None and row.seat is not None)
    if row is None or not (staff or row.seat is not None):
        raise NotFound()
    return Place(
        group_id=row.id,
        slug=row.slug,
        name=row.name,
        line=row.line,
        posting=row.posting,
        seats=row.seated,
        member_id=member_id,
        staff=staff,
        hosting=actor.has("admin") or (staff and bool(row.own or not row.bound)),
        seated=row.seat is not None,
        covenant_due=row.covenant is not None and not row.accepted,
        last_n=row.last_n or 0,
        changed=row.changed or 0,
        read_n=row.read_n,
        closed=row.closed_at is not None,
    )


@cache
def _pulse() -> Select[*tuple[Any, ...]]:
    member: BindParameter[Any] = bindparam("member")
    return (
        select(Board.changed, Seat.id.label("seat"), GroupHost.since.label("host"))
        .select_from(Group)
        .outerjoin(Seat, _seat_of(member))
        .outerjoin(Board, Board.group_id == Group.id)
        .outerjoin(GroupHost, and_(GroupHost.member_id == member, GroupHost.group_id == Group.id))
        .where(Group.slug == bindparam("slug"))
    )


def pulse(session: Session, slug: str, actor: Actor) -> tuple[int, bool]:
    """The number that grows with everything on the board, and whether *actor* is staff there as :func:`place` says it.

    One statement along four indexes.

    Raises:
        NotFound: as :func:`place`.
    """
    row = reads.one(session, _pulse(), slug=slug, member=actor.member_id or NOBODY)
    if row is None or not (actor.has("host") or row.seat is not None):
        raise NotFound()
    return row.changed or 0, actor.has("host") or row.host is not None


@dataclass(frozen=True, slots=True)
class MyBoard:
    """A board in a reader's own list."""

    group_id: int
    slug: str
    name: str
    line: str
    seats: int
    last_n: int
    unread: int


def _boards(member_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Group.id, Group.slug, Group.name, GroupLine.name, Group.seated, Board.last_n, BoardReader.read_n
        )
        .select_from(Group)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .outerjoin(Board, Board.group_id == Group.id)
        .outerjoin(BoardReader, and_(BoardReader.group_id == Group.id, BoardReader.member_id == member_id))
    )


def _my_board(row: Any) -> MyBoard:
    ident, slug, name, line, seats, last_n, read_n = row
    return MyBoard(ident, slug, name, line, seats, last_n or 0, rules.unread(last_n, read_n))


def my_boards(session: Session, member_id: int) -> list[MyBoard]:
    """The boards of a member's groups with what they have not read: one statement."""
    query = _boards(member_id).join(Seat, _seat_of(member_id)).where(Group.closed_at.is_(None))
    return [_my_board(row) for row in session.execute(query.order_by(Group.id))]


def all_boards(session: Session, member_id: int, *, before: int | None = None) -> Page[MyBoard]:
    """Every group's board, the newest group first, for hosts: one statement."""
    query = _boards(member_id).order_by(Group.id.desc()).limit(PER_PAGE + 1)
    if before is not None:
        query = query.where(Group.id < before)
    rows = session.execute(query).all()
    items = [_my_board(row) for row in rows[:PER_PAGE]]
    more = str(items[-1].group_id) if len(rows) > PER_PAGE else ""
    return Page(items, page=1 if before is None else 2, per_page=PER_PAGE, has_next=bool(more), more=more)
