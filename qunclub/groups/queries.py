"""Reads of groups: each gives what one page needs in a constant number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Page, paginate, reads
from qunclub.kernel.pages import PER_PAGE
from qunclub.members.models import Member

from . import rules
from .models import Covenant, Group, GroupLine, Seat
from .models_spin_off import SpinOff
from .rules import Seats

LONGEST_NUMBER = 9
"""Digits of a member's number; more are looked for as the beginning of a name."""
SEATS_HEADER = (
    "seat", "state", "priority", "position", "group", "number", "name", "nickname", "city", "email", "asked_at",
    "admitted_at", "ended_at", "end_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as a visitor sees it before paying."""

    line: GroupLine
    seats: Seats
    covenant: Covenant | None


@dataclass(frozen=True, slots=True)
class ShelfLine:
    """A line as the catalogue shows it, a value of its own: its name, its policy, its rules, its room."""

    id: int
    slug: str
    name: str
    posting: str
    covenant_html: str
    seats: Seats


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One line of an admin's list of seats."""

    seat: Seat
    member: Member
    group: Group | None


@cache
def _room() -> Select[*tuple[Any, ...]]:
    ids: BindParameter[Any] = bindparam("lines", expanding=True)
    totals = (
        select(
            Group.line_id,
            func.count().label("opened"),
            func.sum(Group.capacity - Group.seated).label("free"),
            func.sum(Group.seated).label("seated"),
        )
        .where(Group.line_id.in_(ids))
        .group_by(Group.line_id)
        .subquery()
    )
    covenant = (
        select(Covenant.body_html)
        .where(Covenant.line_id == GroupLine.id)
        .order_by(Covenant.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            GroupLine.id,
            GroupLine.capacities,
            GroupLine.repeat_last,
            GroupLine.waiting_count,
            totals.c.opened,
            totals.c.free,
            totals.c.seated,
            GroupLine.slug,
            GroupLine.name,
            GroupLine.posting,
            covenant.label("covenant"),
        )
        .join(totals, totals.c.line_id == GroupLine.id, isouter=True)
        .where(GroupLine.id.in_(ids))
    )


def seats_left(session: Session, line_ids: Iterable[int]) -> dict[int, Seats]:
    """Room in each line, from the kept counters."""
    ids = set(line_ids)
    if not ids:
        return {}
    return {row.id: _seats(row) for row in reads.rows(session, _room(), lines=list(ids))}


def shelf_lines(session: Session, line_ids: Iterable[int]) -> dict[int, ShelfLine]:
    """Lines as the catalogue shows them, in one statement."""
    ids = set(line_ids)
    if not ids:
        return {}
    return {
        row.id: ShelfLine(row.id, row.slug, row.name, row.posting, row.covenant or "", _seats(row))
        for row in reads.rows(session, _room(), lines=list(ids))
    }


def _seats(row: Any) -> Seats:
    later = rules.seats_to_come(row.capacities, row.repeat_last, row.opened or 0)
    return Seats(
        free=None if later is None else int(row.free or 0) + later,
        waiting=row.waiting_count,
        seated=int(row.seated or 0),
    )


def covenants(session: Session, line_ids: Iterable[int]) -> dict[int, Covenant]:
    """The covenant in force of each line that has one."""
    rows = session.scalars(_newest(), {"lines": list(set(line_ids))})
    return {covenant.line_id: covenant for covenant in rows}


@cache
def _newest() -> Select[*tuple[Covenant]]:
    newest = (
        select(Covenant.line_id, func.max(Covenant.version).label("version"))
        .where(Covenant.line_id.in_(bindparam("lines", expanding=True)))
        .group_by(Covenant.line_id)
        .subquery()
    )
    return select(Covenant).join(
        newest, (newest.c.line_id == Covenant.line_id) & (newest.c.version == Covenant.version)
    )


@cache
def _lines() -> Select[*tuple[GroupLine]]:
    return select(GroupLine).where(GroupLine.id.in_(bindparam("lines", expanding=True)))


def line_views(session: Session, line_ids: Iterable[int]) -> dict[int, LineView]:
    """Lines with their room and rules, in three statements."""
    ids = set(line_ids)
    if not ids:
        return {}
    seats, rules_ = seats_left(session, ids), covenants(session, ids)
    lines = session.scalars(_lines(), {"lines": list(ids)})
    return {line.id: LineView(line, seats[line.id], rules_.get(line.id)) for line in lines}


def line_view(session: Session, line_id: int) -> LineView:
    """One line as a visitor sees it."""
    found = line_views(session, [line_id]).get(line_id)
    if found is None:
        raise NotFound()
    return found


def group_by_slug(session: Session, slug: str) -> tuple[GroupLine, Group | None]:
    """The group at this address, or the line when the address is a line's.

    Raises:
        NotFound: when it is neither.
    """
    row = session.execute(
        select(GroupLine, Group).join(Group, Group.line_id == GroupLine.id).where(Group.slug == slug)
    ).one_or_none()
    if row is not None:
        return row[0], row[1]
    line = session.scalars(select(GroupLine).where(GroupLine.slug == slug)).one_or_none()
    if line is None:
        raise NotFound()
    return line, None


def groups_of(session: Session, line_id: int) -> list[Group]:
    """A line's groups in order."""
    return list(session.scalars(select(Group).where(Group.line_id == line_id).order_by(Group.index)))


def covenant_version(session: Session, line_id: int, version: int) -> Covenant:
    """One version of a line's covenant.

    Raises:
        NotFound: when there is none.
    """
    query = select(Covenant).where(Covenant.line_id == line_id, Covenant.version == version)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound()
    return found


def covenant_versions(session: Session, line_id: int) -> list[Covenant]:
    """Every version of a line's covenant, the newest first."""
    return list(
        session.scalars(
            select(Covenant).where(Covenant.line_id == line_id).order_by(Covenant.version.desc()).limit(50)
        )
    )


def lines(
    session: Session,
    *,
    q: str = "",
    kind: str = "",
    without: Iterable[int] = (),
    ended: bool = True,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Page[GroupLine]:
    """The club's lines, the oldest first; *without* what stands elsewhere on the page; spin-offs that ended?"""
    query = select(GroupLine).order_by(GroupLine.id)
    if not ended:
        gone = select(SpinOff.id).where(SpinOff.line_id == GroupLine.id, SpinOff.state == "ended")
        query = query.where(~gone.exists())
    if q:
        query = query.where(or_(GroupLine.name.contains(q, autoescape=True), GroupLine.slug == q))
    if kind:
        query = query.where(GroupLine.kind == kind)
    if apart := list(without):
        query = query.where(GroupLine.id.not_in(apart))
    return paginate(session, query, page=page, per_page=per_page)


def seats(
    session: Session,
    line_id: int,
    *,
    q: str = "",
    state: str = "",
    group_id: int | None = None,
    page: int = 1,
) -> Page[SeatRow]:
    """The seats of a line: those who wait in order, else the newest first."""
    rows = paginate(session, seats_query(line_id, q=q, state=state, group_id=group_id), page=page)
    return Page(
        items=[SeatRow(seat, member, group) for seat, member, group in rows.items],
        page=rows.page,
        per_page=rows.per_page,
        has_next=rows.has_next,
    )


def seats_query(
    line_id: int, *, q: str = "", state: str = "", group_id: int | None = None
) -> Select[Seat, Member, Group]:
    """The query behind :func:`seats` and its CSV."""
    query = (
        select(Seat, Member, Group)
        .join(Member, Member.id == Seat.member_id)
        .join(Group, Group.id == Seat.group_id, isouter=True)
        .where(Seat.line_id == line_id)
        .order_by(*((Seat.turn, Seat.position) if state == "waiting" else (Seat.id.desc(),)))
    )
    if state:
        query = query.where(Seat.state == state)
    if group_id is not None:
        query = query.where(Seat.group_id == group_id)
    if q.isdecimal() and len(q) <= LONGEST_NUMBER:
        query = query.where(Member.number == int(q))
    elif q:
        query = query.where(
            or_(
                Member.name.startswith(q, autoescape=True),
                Member.nickname.startswith(q, autoescape=True),
                Member.email == q.lower(),
            )
        )
    return query


def seats_rows(session: Session, line_id: int, **filters: Any) -> Iterator[tuple[Any, ...]]:
    """The same list as a table of record; read while it is sent."""
    query = seats_query(line_id, **filters).execution_options(yield_per=500)
    for seat, member, group in session.execute(query):
        yield (
            seat.id, seat.state, -seat.turn, seat.position, group.name if group else "", member.number, member.name,
            member.nickname, member.city, member.email, seat.asked_at, seat.admitted_at, seat.ended_at,
            seat.end_reason,
        )  # fmt: skip


def seat_row(session: Session, seat_id: int) -> SeatRow:
    """One seat with its member and group."""
    row = session.execute(
        select(Seat, Member, Group)
        .join(Member, Member.id == Seat.member_id)
        .join(Group, Group.id == Seat.group_id, isouter=True)
        .where(Seat.id == seat_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return SeatRow(row[0], row[1], row[2])
