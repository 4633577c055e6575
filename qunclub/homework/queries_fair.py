"""What is read of fair judgement: a submission's history, what may be appealed, the appeals at the desk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, exists, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.courses.models import Course
from qunclub.kernel import Conflict, NotFound, Page, paginate
from qunclub.kernel.unindexed import unindexed
from qunclub.members.models import Member

from . import queries_blind, queries_teams, rules_fair, services_appeals
from .models import Assignment, Attempt, Review, Submission
from .models_fair import VerdictChange, WorkAppeal


@dataclass(frozen=True, slots=True)
class FairView:
    """How a member's work came to its verdict, and what they may do about it."""

    lines: Sequence[Any]
    others: Sequence[Any]
    """Judgements of its attempts that no longer count."""
    appeal: WorkAppeal | None
    left: int
    terms: rules_fair.Terms
    until: dt.datetime | None
    refused: Conflict | None

    @property
    def offered(self) -> bool:
        """Whether appealing is worth a word: there is something judged, and appeals are on."""
        return self.until is not None and self.terms.tokens > 0


def terms(session: Session, *, tokens: int, days: int, zone: ZoneInfo, now: dt.datetime) -> rules_fair.Terms:
    """What an appeal costs now: one statement."""
    season = points.windows_at(session, now)[1]
    ends = (season.starts_at, season.ends_at) if season is not None else None
    return rules_fair.Terms(tokens, days, rules_fair.token_span(now, zone, ends))


def history(session: Session, submission_id: int) -> Sequence[Any]:
    """The lines of a submission, oldest first: one statement."""
    return session.execute(
        select(
            VerdictChange.kind,
            VerdictChange.before,
            VerdictChange.after,
            VerdictChange.score_before,
            VerdictChange.score_after,
            VerdictChange.actor_name,
            VerdictChange.reason,
            VerdictChange.at,
            Attempt.n,
        )
        .join(Attempt, Attempt.id == VerdictChange.attempt_id)
        .where(VerdictChange.submission_id == submission_id)
        .order_by(VerdictChange.id)
    ).all()


def others(session: Session, submission_id: int) -> Sequence[Any]:
    """The judgements of a submission's judged attempts that do not count (any more): one statement."""
    judged = exists().where(VerdictChange.attempt_id == Review.attempt_id)
    return session.execute(
        select(
            Review.id,
            Review.stage,
            Review.verdict,
            Review.score,
            Review.comment_html,
            Review.reviewer_name,
            Review.created_at,
            Attempt.n,
        )
        .join(Attempt, Attempt.id == Review.attempt_id)
        .where(Review.submission_id == submission_id, Review.counts.is_(False), judged)
        .order_by(Review.id)
    ).all()


def fairness(
    session: Session, submission_id: int, *, member_id: int, terms: rules_fair.Terms, now: dt.datetime
) -> FairView:
    """What *member_id*, whose submission it is, reads: five statements."""
    submission, attempt_id, verdict = session.execute(
        select(Submission, Attempt.id, Review.verdict)
        .join(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .outerjoin(Review, (Review.attempt_id == Attempt.id) & Review.counts)
        .where(Submission.id == submission_id)
    ).one()
    appeal = session.scalar(
        select(WorkAppeal)
        .where(WorkAppeal.submission_id == submission_id)
        .order_by(WorkAppeal.id.desc())
        .limit(1)
    )
    left = rules_fair.tokens_left(
        terms.tokens, services_appeals.paid_tokens(session, member_id, terms.span)
    )  # fmt: skip
    judged = verdict is not None and rules_fair.in_force(submission.state, verdict)
    reviewed_at = submission.reviewed_at if judged else None
    return FairView(
        lines=history(session, submission_id),
        others=others(session, submission_id),
        appeal=appeal,
        left=left,
        terms=terms,
        until=rules_fair.appeal_until(reviewed_at, terms.days) if reviewed_at is not None else None,
        refused=rules_fair.refuse_appeal(
            judged=judged,
            reviewed_at=reviewed_at,
            appealed=appeal is not None and appeal.attempt_id == attempt_id,
            left=left,
            days=terms.days,
            now=now,
        ),
    )


def _appeals(viewer: int | None) -> Any:
    return (
        select(
            WorkAppeal.id,
            WorkAppeal.submission_id,
            WorkAppeal.attempt_id,
            WorkAppeal.member_id,
            WorkAppeal.reason,
            WorkAppeal.state,
            WorkAppeal.answer,
            WorkAppeal.opened_at,
            WorkAppeal.decided_at,
            Assignment.title.label("assignment"),
            Assignment.rubric_id,
            Course.title.label("course"),
            *queries_blind.named(viewer),
        )
        .join(Submission, Submission.id == WorkAppeal.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == WorkAppeal.member_id)
    )


def queue(session: Session, *, member_id: int, page: int) -> Page[Row[Any]]:
    """Open appeals that *member_id* may answer, the longest waiting first: one statement."""
    # Looked up by the attempt: by the reviewer's index SQLite would read all of their reviews for each appeal.
    judged = exists().where(
        Review.attempt_id == WorkAppeal.attempt_id, unindexed(Review.reviewer_id) == member_id
    )
    query = _appeals(member_id).where(
        WorkAppeal.state == "open",
        WorkAppeal.member_id != member_id,
        queries_teams.not_of(member_id),
        ~judged,
    )
    return paginate(session, query.order_by(WorkAppeal.opened_at, WorkAppeal.id), page=page)


def record(session: Session, *, state: str, page: int, viewer: int | None = None) -> Page[Row[Any]]:
    """Appeals for the admins, newest first: one statement."""
    query = _appeals(viewer).order_by(WorkAppeal.id.desc())
    return paginate(session, query.where(WorkAppeal.state == state) if state else query, page=page)


def appeal_row(session: Session, appeal_id: int, *, viewer: int | None = None) -> Any:
    """One appeal.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(_appeals(viewer).where(WorkAppeal.id == appeal_id)).one_or_none()
    if row is None:
        raise NotFound()
    return row


def judged_by(session: Session, attempt_id: int, member_id: int) -> bool:
    """Whether *member_id* has judged an attempt: then others answer its appeal."""
    query = select(Review.id).where(Review.attempt_id == attempt_id, Review.reviewer_id == member_id)
    return session.scalar(query.limit(1)) is not None
