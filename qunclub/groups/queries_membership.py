"""What rooms beside groups ask of them: in which groups somebody is, and what groups are called."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads

from .models import Group, Seat

MOST_NAMES = 500


@cache
def _ids() -> Select[*tuple[Any, ...]]:
    return select(Seat.group_id).where(
        Seat.member_id == bindparam("member"), Seat.state == "admitted", Seat.group_id.is_not(None)
    )


def ids_of_member(session: Session, member_id: int) -> frozenset[int]:
    """The groups in which the member has a seat: one statement."""
    return frozenset(row[0] for row in reads.rows(session, _ids(), member=member_id))


def names(session: Session, *, limit: int = MOST_NAMES) -> dict[int, str]:
    """Groups by id with their names, the newest first, no more than *limit*: for choosing one."""
    query = select(Group.id, Group.name).order_by(Group.id.desc()).limit(limit)
    return {ident: name for ident, name in session.execute(query)}
