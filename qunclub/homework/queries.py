"""What a member reads of one assignment: the brief, the rubric, all their attempts."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.courses.models import Course
from qunclub.kernel import NotFound, reads

from . import queries_blind
from .models import (
    Assignment,
    Attempt,
    Criterion,
    Review,
    ReviewScore,
    ShowcaseEntry,
    Submission,
    SubmissionFile,
)
from .uploads import PICTURES


@dataclass(frozen=True, slots=True)
class Worth:
    """What homework earns at present."""

    accepted: bool
    on_time: int
    featured: int


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion of a rubric, with the points of one review when there is one."""

    id: int
    title: str
    description: str
    max_points: int
    weight: int
    percent: int


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of an attempt."""

    id: int
    name: str
    content_type: str
    size: int

    @property
    def is_picture(self) -> bool:
        """Whether it may be shown in a page: one of ours, decoded and written anew."""
        return self.content_type in PICTURES


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What an instructor said of an attempt; *points* by criterion."""

    id: int
    verdict: str
    score: int
    comment_html: str
    reviewer_name: str
    created_at: dt.datetime
    points: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt with its files and its review."""

    id: int
    n: int
    body_md: str
    body_html: str
    submitted_at: dt.datetime
    on_time: bool
    taken_off: int = 0
    receipt: str = ""
    withdrawn_at: dt.datetime | None = None
    files: tuple[FileView, ...] = ()
    review: ReviewView | None = None


def worth(session: Session) -> Worth:
    """What the rules give for homework now: one statement."""
    found = {kind: rule.amount for kind, rule in points.rules_in_force(session).items() if rule.active}
    return Worth(
        "homework_accepted" in found, found.get("homework_on_time", 0), found.get("homework_featured", 0)
    )


@cache
def _assignment() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Assignment.id,
            Assignment.title,
            Assignment.brief_html,
            Assignment.rubric_id,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.cut_off_at,
            Assignment.late_policy,
            Assignment.late_percent,
            Assignment.optional,
            Assignment.max_attempts,
            Assignment.text_part,
            Assignment.file_part,
            Assignment.file_kinds,
            Assignment.state,
            Assignment.blind,
            Assignment.second_percent,
            Assignment.divergence,
            Assignment.release,
            Assignment.release_at,
            Assignment.released_at,
            Assignment.version,
            Assignment.course_id,
            Course.slug.label("course_slug"),
            Course.title.label("course_title"),
            Course.state.label("course_state"),
        )
        .join(Course, Course.id == Assignment.course_id)
        .where(Assignment.id == bindparam("assignment"))
    )


def assignment_row(session: Session, assignment_id: int, *, staff: bool) -> Any:
    """An assignment with its course: one statement.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    row = reads.one(session, _assignment(), assignment=assignment_id)
    if row is None or (not staff and "draft" in (row.state, row.course_state)):
        raise NotFound()
    return row


@cache
def _criteria() -> Select[*tuple[Any, ...]]:
    return (
        select(Criterion.id, Criterion.title, Criterion.description, Criterion.max_points, Criterion.weight)
        .where(Criterion.rubric_id == bindparam("rubric"))
        .order_by(Criterion.position)
    )


def criteria(session: Session, rubric_id: int) -> list[CriterionView]:
    """The criteria of a rubric in order, with their share of the whole."""
    rows = reads.rows(session, _criteria(), rubric=rubric_id)
    whole = sum(row.weight for row in rows) or 1
    return [
        CriterionView(*cast("tuple[int, str, str, int, int]", tuple(row)), round(row.weight * 100 / whole))
        for row in rows
    ]


@cache
def _attempts() -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [
        Attempt.id,
        Attempt.n,
        Attempt.body_md,
        Attempt.body_html,
        Attempt.submitted_at,
        Attempt.on_time,
        Attempt.taken_off,
        Attempt.receipt,
        Attempt.withdrawn_at,
        Review.id.label("review_id"),
        Review.verdict,
        Review.score,
        Review.comment_html,
        Review.reviewer_name,
        Review.created_at,
    ]
    return (
        select(*columns)
        .outerjoin(Review, (Review.attempt_id == Attempt.id) & Review.counts)
        .where(Attempt.submission_id == bindparam("submission"))
        .order_by(Attempt.n.desc())
    )


@cache
def _files() -> Select[*tuple[Any, ...]]:
    return (
        select(
            SubmissionFile.attempt_id,
            SubmissionFile.id,
            SubmissionFile.name,
            SubmissionFile.content_type,
            SubmissionFile.size,
        )
        .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
        .where(Attempt.submission_id == bindparam("submission"))
        .order_by(SubmissionFile.id)
    )


@cache
def _scores() -> Select[*tuple[Any, ...]]:
    return (
        select(ReviewScore.review_id, ReviewScore.criterion_id, ReviewScore.points)
        .join(Review, Review.id == ReviewScore.review_id)
        .where(Review.submission_id == bindparam("submission"))
    )


def attempts(session: Session, submission_id: int) -> list[AttemptView]:
    """All attempts of a submission, newest first, with files and reviews: three statements."""
    files: dict[int, list[FileView]] = defaultdict(list)
    for attempt_id, *rest in reads.rows(session, _files(), submission=submission_id):
        files[attempt_id].append(FileView(*rest))
    given: dict[int, dict[int, int]] = defaultdict(dict)
    for review_id, criterion_id, got in reads.rows(session, _scores(), submission=submission_id):
        given[review_id][criterion_id] = got
    return [
        AttemptView(
            id=row.id,
            n=row.n,
            body_md=row.body_md,
            body_html=row.body_html,
            submitted_at=row.submitted_at,
            on_time=row.on_time,
            taken_off=row.taken_off,
            receipt=row.receipt,
            withdrawn_at=row.withdrawn_at,
            files=tuple(files[row.id]),
            review=_review(row, given[row.review_id]) if row.review_id is not None else None,
        )
        for row in reads.rows(session, _attempts(), submission=submission_id)
    ]


def _review(row: Any, given: dict[int, int]) -> ReviewView:
    return ReviewView(
        id=row.review_id,
        verdict=row.verdict,
        score=row.score,
        comment_html=row.comment_html,
        reviewer_name=row.reviewer_name,
        created_at=row.created_at,
        points=tuple(given.items()),
    )


@cache
def _own() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Submission.id,
            Submission.state,
            Submission.attempt,
            Submission.withdrawn,
            Submission.score,
            Submission.featured,
            Submission.submitted_at,
            Submission.carried_over,
            Submission.claimed_until,
            queries_blind.unreleased().label("unreleased"),
            ShowcaseEntry.id.label("entry_id"),
            ShowcaseEntry.consented_at,
            ShowcaseEntry.sentence,
            ShowcaseEntry.hidden_at,
            ShowcaseEntry.hidden_reason,
        )
        .outerjoin(ShowcaseEntry, ShowcaseEntry.submission_id == Submission.id)
        .where(
            Submission.assignment_id == bindparam("assignment"), Submission.member_id == bindparam("member")
        )
    )


def own_submission(session: Session, *, assignment_id: int, member_id: int) -> Any:
    """The member's submission of an assignment with its showcase entry, if any: one statement."""
    return reads.one(session, _own(), assignment=assignment_id, member=member_id)


def assignment_of(session: Session, submission_id: int) -> int:
    """The assignment a submission belongs to."""
    return session.scalars(select(Submission.assignment_id).where(Submission.id == submission_id)).one()


def file_row(session: Session, file_id: int) -> Any:
    """A file with what decides who may have it.

    Raises:
        NotFound: when there is no such file.
    """
    row = session.execute(
        select(
            SubmissionFile.name,
            SubmissionFile.content_type,
            SubmissionFile.storage_key,
            SubmissionFile.attempt_id,
            Submission.member_id,
        )
        .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(SubmissionFile.id == file_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row
