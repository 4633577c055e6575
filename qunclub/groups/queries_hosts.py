"""Whose host somebody is: of the groups an admin gave them, or of the whole club when they have none of their own."""

from __future__ import annotations

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, Page

from .models import Group, GroupLine
from .models_hosts import GroupHost
from .services_hosts import hosted_by

PER_PAGE = 50


def _own(session: Session, actor: Actor) -> frozenset[int]:
    """The groups a host is bound to; empty for an admin and for a host of the whole club."""
    if actor.has("admin") or actor.member_id is None:
        return frozenset()
    return hosted_by(session, actor.member_id)


def hosted(session: Session, actor: Actor, *, before: int | None = None) -> Page[tuple[Group, str]]:
    """The open groups a host is a host of, each with its line's name, the newest first, older than the group *before*.

    Two statements; the second goes along the primary key, or along the few groups of their own.
    """
    query = (
        select(Group, GroupLine.name)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .where(Group.closed_at.is_(None))
        .order_by(Group.id.desc())
        .limit(PER_PAGE + 1)
    )
    if _own(session, actor):
        query = query.join(
            GroupHost, and_(GroupHost.group_id == Group.id, GroupHost.member_id == actor.member_id)
        )
    if before is not None:
        query = query.where(Group.id < before)
    rows = session.execute(query).all()
    items = [(group, name) for group, name in rows[:PER_PAGE]]
    more = str(items[-1][0].id) if len(rows) > PER_PAGE else ""
    return Page(items, page=1 if before is None else 2, per_page=PER_PAGE, has_next=bool(more), more=more)
