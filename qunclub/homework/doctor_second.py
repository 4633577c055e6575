"""What must hold of second judgements on a live database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select

from .models import Attempt, Review, Submission
from .models_judging import HeldVerdict
from .models_teams import WorkShare


def stages() -> Select[Any]:
    """Submissions that wait for a second or third judgement without as many before it, or not waiting at all.

    Also those that were judged twice by one person, or by one of their authors.
    """
    given = (
        select(func.count(Review.id))
        .where(Review.attempt_id == Attempt.id, Review.counts.is_(False))
        .correlate(Attempt)
        .scalar_subquery()
    )
    of_team = (
        select(WorkShare.member_id)
        .where(WorkShare.submission_id == Submission.id, WorkShare.member_id == Review.reviewer_id)
        .correlate(Submission, Review)
        .exists()
    )
    people = (
        select(func.count(Review.reviewer_id.distinct()))
        .where(
            Review.attempt_id == Attempt.id,
            Review.counts.is_(False),
            Review.reviewer_id != Submission.member_id,
            ~of_team,
        )
        .correlate(Attempt, Submission)
        .scalar_subquery()
    )
    wanted = case((Submission.stage == "second", 1), (Submission.stage == "third", 2), else_=0)
    return (
        select(Submission.id)
        .join(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .where(
            or_(
                and_(Submission.state == "waiting", or_(given != wanted, people != wanted)),
                and_(Submission.state != "waiting", Submission.stage != "first"),
            )
        )
        .order_by(Submission.id)
    )


def held() -> Select[Any]:
    """Submissions that are held without a judgement of their present attempt, or have one without being held."""
    return (
        select(Submission.id)
        .join(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .outerjoin(HeldVerdict, HeldVerdict.submission_id == Submission.id)
        .outerjoin(Review, (Review.id == HeldVerdict.review_id) & (Review.attempt_id == Attempt.id))
        .where(
            or_(
                and_(Submission.state == "held", or_(Review.id.is_(None), Review.counts.is_(True))),
                and_(Submission.state != "held", HeldVerdict.id.is_not(None)),
            )
        )
        .order_by(Submission.id)
    )
