"""What is read about verdicts that come out together: what is held, and how far each homework is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, case, func, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course

from .models import Assignment, Review, ReviewScore, Submission
from .models_judging import HeldVerdict
from .queries import ReviewView


def held(session: Session, submission_id: int) -> tuple[int | None, ReviewView] | None:
    """(reviewer, verdict) of a held submission, for staff only: two statements."""
    row = session.scalars(
        select(Review)
        .join(HeldVerdict, HeldVerdict.review_id == Review.id)
        .where(HeldVerdict.submission_id == submission_id)
    ).one_or_none()
    if row is None:
        return None
    scores = select(ReviewScore.criterion_id, ReviewScore.points).where(ReviewScore.review_id == row.id)
    return row.reviewer_id, ReviewView(
        id=row.id,
        verdict=row.verdict,
        score=row.score,
        comment_html=row.comment_html,
        reviewer_name=row.reviewer_name,
        created_at=row.created_at,
        points=tuple((ident, got) for ident, got in session.execute(scores)),
    )


def comment(session: Session, review_id: int) -> str:
    """What was written in a judgement, as it was typed: one statement."""
    return session.scalars(select(Review.comment_md).where(Review.id == review_id)).one()


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
