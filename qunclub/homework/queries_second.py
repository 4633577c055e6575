"""What is read about second judgements: who has judged already, who could, and what two have said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from qunclub.members.models import Member

from . import queries_teams
from .models import Attempt, Review, Submission
from .models_fair import VerdictChange


def judged_by(reviewer_id: int) -> ColumnElement[bool]:
    """Whether *reviewer_id* has judged the attempt a ``Submission`` waits with.

    Asked work by work: as EXISTS, PostgreSQL would first gather all that they ever judged.
    """
    return (
        select(Review.id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .where(
            Review.submission_id == Submission.id,
            Review.reviewer_id == reviewer_id,
            Attempt.n == Submission.attempt,
        )
        .limit(1)
        .correlate(Submission)
        .scalar_subquery()
        .is_not(None)
    )


def out() -> ColumnElement[bool]:
    """Whether what a ``Review`` says is its author's to read: with the first verdict of its attempt, not before.

    Until then the other judges are kept from it too.
    """
    verdict = (
        select(VerdictChange.id)
        .where(
            VerdictChange.submission_id == Review.submission_id,
            VerdictChange.attempt_id == Review.attempt_id,
        )
        .correlate(Review)
    )
    return or_(Review.counts, verdict.exists())


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


def _instructors() -> ColumnElement[bool]:
    roles = cast(Member.roles, Text)
    # An admin is an instructor too.
    return or_(roles.contains('"instructor"'), roles.contains('"admin"')) & Member.suspended_at.is_(None)


def is_instructor() -> ColumnElement[bool]:
    """Whether a ``Member`` may judge, by the club's own roles."""
    return _instructors()


def instructors(session: Session) -> list[Row[Any]]:
    """(id, name) of everybody who may judge, by the club's own roles: one statement."""
    name = func.coalesce(func.nullif(Member.nickname, ""), Member.name).label("name")
    return list(session.execute(select(Member.id, name).where(_instructors()).order_by(Member.id)))


def left(session: Session, submission_id: int) -> int:
    """How many instructors could still judge a submission: not its authors, nobody who has judged: one statement."""
    judged = (
        select(Review.reviewer_id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .join(Submission, (Submission.id == Attempt.submission_id) & (Attempt.n == Submission.attempt))
        .where(Submission.id == submission_id, Review.reviewer_id.is_not(None))
    )
    authors = queries_teams.authors_of(submission_id)
    query = select(func.count()).where(_instructors(), Member.id.not_in(judged), Member.id.not_in(authors))
    return session.scalars(query).one()
