"""The rankings of groups, for the ranking's page (``kernel.ports.BoardBook``)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Actor

from .models import Group, Seat

MOST = 100


def boards(session: Session, *, actor: Actor) -> list[tuple[str, str]]:
    """One for each group in which *actor* sits; hosts and admins see every group's, of many the newest."""
    query = select(Group.id, Group.name).order_by(Group.id.desc()).limit(MOST)
    if not actor.has("host"):
        query = query.join(Seat, Seat.group_id == Group.id).where(
            Seat.member_id == actor.member_id, Seat.state == "admitted"
        )
    return [(points.group_scope(ident), name) for ident, name in session.execute(query)]
