"""The rankings of courses, for the ranking's page (``kernel.ports.BoardBook``)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Actor, reads

from .models import Course

MOST = 100


@cache
def _published() -> Select[*tuple[Any, ...]]:
    return (
        select(Course.id, Course.title)
        .where(Course.state == "published")
        .order_by(Course.position, Course.id)
        .limit(MOST)
    )


def boards(session: Session, *, actor: Actor) -> list[tuple[str, str]]:
    """One for each published course, whose title everybody may read; of more than :data:`MOST` the first."""
    return [(points.course_scope(ident), title) for ident, title in reads.rows(session, _published())]
