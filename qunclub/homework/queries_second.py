"""What is read about second judgements: who has judged already, who could, and what two have said."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from qunclub.members.models import Member

from .models import Attempt, Review, ReviewScore, Submission
from .queries import ReviewView


def judged_by(reviewer_id: int) -> ColumnElement[bool]:
    """Whether *reviewer_id* has judged the attempt a ``Submission`` waits with."""
    return (
        select(Review.id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .where(
            Review.submission_id == Submission.id,
            Review.reviewer_id == reviewer_id,
            Attempt.n == Submission.attempt,
        )
        .correlate(Submission)
        .exists()
    )


def pending(session: Session, attempt_id: int) -> list[Review]:
    """The judgements of an attempt that has no verdict yet, in their order: one statement."""
    query = select(Review).where(
        Review.attempt_id == attempt_id, Review.counts.is_(False), Review.stage.in_(("first", "second"))
    )
    return list(session.scalars(query.order_by(Review.n).execution_options(populate_existing=True)))


def seen(session: Session, attempt_id: int, reviewer_id: int) -> bool:
    """Whether *reviewer_id* has judged an attempt: one statement."""
    query = select(Review.id).where(Review.attempt_id == attempt_id, Review.reviewer_id == reviewer_id)
    return session.scalar(query.limit(1)) is not None


def opinions(session: Session, attempt_id: int) -> list[ReviewView]:
    """What two have said, for the third who decides: two statements."""
    rows = pending(session, attempt_id)
    given: dict[int, list[tuple[int, int]]] = defaultdict(list)
    query = select(ReviewScore.review_id, ReviewScore.criterion_id, ReviewScore.points)
    for review_id, criterion_id, got in session.execute(
        query.where(ReviewScore.review_id.in_([row.id for row in rows]))
    ):
        given[review_id].append((criterion_id, got))
    return [
        ReviewView(
            id=row.id,
            verdict=row.verdict,
            score=row.score,
            comment_html=row.comment_html,
            reviewer_name=row.reviewer_name,
            created_at=row.created_at,
            points=tuple(given[row.id]),
        )
        for row in rows
    ]


def _instructors() -> ColumnElement[bool]:
    roles = cast(Member.roles, Text)
    # An admin is an instructor too.
    return or_(roles.contains('"instructor"'), roles.contains('"admin"')) & Member.suspended_at.is_(None)


def instructors(session: Session) -> list[Row[Any]]:
    """(id, name) of everybody who may judge, by the club's own roles: one statement."""
    name = func.coalesce(func.nullif(Member.nickname, ""), Member.name).label("name")
    return list(session.execute(select(Member.id, name).where(_instructors()).order_by(Member.id)))


def left(session: Session, submission_id: int) -> int:
    """How many instructors could still judge a submission: not its author, nobody who has judged: one statement."""
    judged = (
        select(Review.reviewer_id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .join(Submission, (Submission.id == Attempt.submission_id) & (Attempt.n == Submission.attempt))
        .where(Submission.id == submission_id, Review.reviewer_id.is_not(None))
    )
    author = select(Submission.member_id).where(Submission.id == submission_id)
    query = select(func.count()).where(_instructors(), Member.id.not_in(judged), Member.id.not_in(author))
    return session.scalars(query).one()
