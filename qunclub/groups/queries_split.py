"""Reads about splits."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models_split import GroupSplit


def planned_of(session: Session, group_id: int) -> GroupSplit | None:
    """The split that is announced for a group, if any: one statement."""
    return session.scalars(
        select(GroupSplit).where(GroupSplit.group_id == group_id, GroupSplit.state == "planned")
    ).one_or_none()
