"""What is read about verdicts that come out together: how far each homework is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, case, func, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course

from .models import Assignment, Submission


def together(session: Session) -> list[Row[Any]]:
    """Homework whose verdicts come out together, with how many wait, are held and are out: one statement."""

    def many(*states: str) -> Any:
        return func.coalesce(func.sum(case((Submission.state.in_(states), 1), else_=0)), 0)

    return list(
        session.execute(
            select(
                Assignment.id,
                Assignment.title,
                Assignment.release_at,
                Assignment.released_at,
                Course.title.label("course"),
                many("waiting").label("waiting"),
                many("held").label("held"),
                many("accepted", "returned").label("out"),
            )
            .join(Course, Course.id == Assignment.course_id)
            .outerjoin(Submission, Submission.assignment_id == Assignment.id)
            .where(Assignment.release == "together")
            .group_by(Assignment.id, Course.id)
            .order_by(
                Assignment.released_at.is_not(None),
                Course.position,
                Course.id,
                Assignment.position,
                Assignment.id,
            )
        )
    )
