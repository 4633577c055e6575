"""What must hold of likes on a live database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select

from .models import ShowcaseEntry
from .models_showcase import ShowcaseLike
from .models_teams import WorkShare


def likes() -> Select[Any]:
    """Works whose kept count differs from their likes, or that one of their own authors likes."""
    given = (
        select(ShowcaseLike.entry_id, func.count().label("n"))
        .group_by(ShowcaseLike.entry_id)
        .subquery()
    )  # fmt: skip
    own = select(ShowcaseLike.member_id).where(
        ShowcaseLike.entry_id == ShowcaseEntry.id, ShowcaseLike.member_id == ShowcaseEntry.member_id
    )
    of_team = (
        select(ShowcaseLike.member_id)
        .join(WorkShare, WorkShare.member_id == ShowcaseLike.member_id)
        .where(
            ShowcaseLike.entry_id == ShowcaseEntry.id, WorkShare.submission_id == ShowcaseEntry.submission_id
        )
    )
    return (
        select(ShowcaseEntry.id)
        .outerjoin(given, given.c.entry_id == ShowcaseEntry.id)
        .where(or_(ShowcaseEntry.likes != func.coalesce(given.c.n, 0), own.exists(), of_team.exists()))
        .order_by(ShowcaseEntry.id)
    )
