"""The rankings of groups, for the ranking's page (``kernel.ports.BoardBook``)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Actor, reads

from .models import Group, Seat

MOST = 100


@cache
def _every() -> Select[*tuple[Any, ...]]:
    return select(Group.id, Group.name).order_by(Group.id.desc()).limit(MOST)


@cache
def _mine() -> Select[*tuple[Any, ...]]:
    sits = (Seat.member_id == bindparam("member")) & (Seat.state == "admitted")
    return _every().join(Seat, Seat.group_id == Group.id).where(sits)


def boards(session: Session, *, actor: Actor) -> list[tuple[str, str]]:
    """One for each group in which *actor* sits; hosts and admins see every group's, of many the newest."""
    everywhere = actor.has("host")
    rows = (
        reads.rows(session, _every()) if everywhere else reads.rows(session, _mine(), member=actor.member_id)
    )
    return [(points.group_scope(ident), name) for ident, name in rows]
