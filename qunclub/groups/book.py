"""Who sits in which group, for rooms that narrow their own lists by it (``kernel.ports.GroupBook``)."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads
from qunclub.kernel.unindexed import unindexed

from .models import Group, Seat

MOST = 500


def choices(session: Session) -> list[tuple[int, str]]:
    """(id, name) of the groups, newest first; of more than :data:`MOST` the newest."""
    rows = session.execute(select(Group.id, Group.name).order_by(Group.id.desc()).limit(MOST))
    return [(ident, name) for ident, name in rows]


@cache
def _of_member() -> Select[*tuple[Any, ...]]:
    return select(Seat.group_id).where(
        Seat.member_id == bindparam("member"), Seat.state == "admitted", Seat.group_id.is_not(None)
    )


def of_member(session: Session, member_id: int) -> frozenset[int]:
    """The ids of the groups in which a member is seated: one statement."""
    return frozenset(row[0] for row in reads.rows(session, _of_member(), member=member_id))


def members_of(group_id: int) -> Select[int]:
    """The ids of the members seated in a group."""
    return select(Seat.member_id).where(Seat.group_id == group_id, Seat.state == "admitted")


def seated(group_id: int, member: Any) -> ColumnElement[bool]:
    """Whether *member*, a column of another query, is seated in a group."""
    # Looked up by the member: the group, by whose index SQLite would read all of it for each row, is hidden from it.
    return exists().where(
        Seat.member_id == member,
        unindexed(Seat.group_id) == group_id,
        unindexed(Seat.state) == "admitted",
    )


def slugs(session: Session, group_ids: Collection[int]) -> dict[int, str]:
    """The addresses of groups by their id."""
    rows = session.execute(select(Group.id, Group.slug).where(Group.id.in_(group_ids)))
    return {ident: slug for ident, slug in rows}


def by_slugs(session: Session, slugs: Collection[str]) -> dict[str, int]:
    """The ids of the groups at these addresses."""
    rows = session.execute(select(Group.slug, Group.id).where(Group.slug.in_(slugs)))
    return {slug: ident for slug, ident in rows}


def seated_after(
    session: Session, *, group_id: int | None, line_id: int | None, after: int, limit: int
) -> list[tuple[int, int]]:
    """(seat id, member id) of those seated in a group, or in a line, behind the seat *after*."""
    where = Seat.group_id == group_id if group_id is not None else Seat.line_id == line_id
    rows = session.execute(
        select(Seat.id, Seat.member_id)
        .where(where, Seat.state == "admitted", Seat.id > after)
        .order_by(Seat.id)
        .limit(limit)
    )
    return [(seat_id, member_id) for seat_id, member_id in rows]
