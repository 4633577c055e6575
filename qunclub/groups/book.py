"""Who sits in which group, for rooms that narrow their own lists by it (``kernel.ports.GroupBook``)."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from .models import Group, Seat

MOST = 500


def choices(session: Session) -> list[tuple[int, str]]:
    """(id, name) of the groups, newest first; of more than :data:`MOST` the newest."""
    rows = session.execute(select(Group.id, Group.name).order_by(Group.id.desc()).limit(MOST))
    return [(ident, name) for ident, name in rows]


def members_of(group_id: int) -> Select[int]:
    """The ids of the members seated in a group."""
    return select(Seat.member_id).where(Seat.group_id == group_id, Seat.state == "admitted")
