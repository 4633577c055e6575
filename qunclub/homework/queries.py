"""What a member reads of homework: their list, one assignment with all their attempts."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.courses.models import Course
from qunclub.kernel import NotFound

from . import rules
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
class WorkItem:
    """An assignment in a member's list, with how theirs stands and what to do about it."""

    assignment_id: int
    title: str
    course_id: int
    course_slug: str
    course_title: str
    opens_at: dt.datetime | None
    due_at: dt.datetime | None
    max_attempts: int | None
    state: str | None
    attempt: int
    score: int | None
    featured: bool
    submitted_at: dt.datetime | None
    published: bool
    action: str


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
    """What an instructor said of an attempt."""

    id: int
    verdict: str
    score: int
    comment_html: str
    reviewer_name: str
    created_at: dt.datetime
    points: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt with its files and its review."""

    id: int
    n: int
    body_md: str
    body_html: str
    submitted_at: dt.datetime
    on_time: bool
    files: tuple[FileView, ...] = ()
    review: ReviewView | None = None


def worth(session: Session) -> Worth:
    """What the rules give for homework now: one statement."""
    found = {rule.kind: rule.amount for rule in points.all_rules(session) if rule.active}
    return Worth(
        "homework_accepted" in found, found.get("homework_on_time", 0), found.get("homework_featured", 0)
    )


def work_list(
    session: Session, *, member_id: int | None, now: dt.datetime, course_id: int | None = None
) -> list[WorkItem]:
    """Every published assignment, and those the member has handed in, with the member's state: one statement."""
    query: Any = (
        select(
            Assignment.id,
            Assignment.title,
            Assignment.course_id,
            Course.slug,
            Course.title,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.max_attempts,
            Submission.state,
            Submission.attempt,
            Submission.score,
            Submission.featured,
            Submission.submitted_at,
            Assignment.state,
            Course.state,
        )
        .join(Course, Course.id == Assignment.course_id)
        .outerjoin(
            Submission,
            (Submission.assignment_id == Assignment.id) & (Submission.member_id == (member_id or 0)),
        )
        .where((Assignment.state == "published") | Submission.id.is_not(None))
        .order_by(Course.position, Course.id, Assignment.position, Assignment.id)
    )
    if course_id is not None:
        query = query.where(Assignment.course_id == course_id)
    items = []
    for row in session.execute(query):
        (ident, title, course, slug, course_title, opens, due, most, state, attempt, score, featured, at) = (
            row[:13]
        )
        action = rules.next_action(
            state=state, attempt=attempt or 0, max_attempts=most, opens_at=opens, due_at=due, now=now
        )
        items.append(
            WorkItem(
                assignment_id=ident,
                title=title,
                course_id=course,
                course_slug=slug,
                course_title=course_title,
                opens_at=opens,
                due_at=due,
                max_attempts=most,
                state=state,
                attempt=attempt or 0,
                score=score,
                featured=bool(featured),
                submitted_at=at,
                published=row[13] == "published" and row[14] == "published",
                action=action,
            )
        )
    return items


def assignment_row(session: Session, assignment_id: int, *, staff: bool) -> Any:
    """An assignment with its course: one statement.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    row = session.execute(
        select(
            Assignment.id,
            Assignment.title,
            Assignment.brief_html,
            Assignment.rubric_id,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.max_attempts,
            Assignment.state,
            Assignment.course_id,
            Course.slug.label("course_slug"),
            Course.title.label("course_title"),
            Course.state.label("course_state"),
        )
        .join(Course, Course.id == Assignment.course_id)
        .where(Assignment.id == assignment_id)
    ).one_or_none()
    if row is None or (not staff and "draft" in (row.state, row.course_state)):
        raise NotFound()
    return row


def criteria(session: Session, rubric_id: int) -> list[CriterionView]:
    """The criteria of a rubric in order, with their share of the whole."""
    rows = session.execute(
        select(Criterion.id, Criterion.title, Criterion.description, Criterion.max_points, Criterion.weight)
        .where(Criterion.rubric_id == rubric_id)
        .order_by(Criterion.position)
    ).all()
    whole = sum(row.weight for row in rows) or 1
    return [CriterionView(*row, percent=round(row.weight * 100 / whole)) for row in rows]


def attempts(session: Session, submission_id: int) -> list[AttemptView]:
    """All attempts of a submission, newest first, with files and reviews: four statements."""
    rows = session.execute(
        select(
            Attempt.id, Attempt.n, Attempt.body_md, Attempt.body_html, Attempt.submitted_at, Attempt.on_time
        )
        .where(Attempt.submission_id == submission_id)
        .order_by(Attempt.n.desc())
    ).all()
    ids = [row.id for row in rows]
    files: dict[int, list[FileView]] = defaultdict(list)
    lines: Any = session.execute(
        select(
            SubmissionFile.attempt_id,
            SubmissionFile.id,
            SubmissionFile.name,
            SubmissionFile.content_type,
            SubmissionFile.size,
        )
        .where(SubmissionFile.attempt_id.in_(ids))
        .order_by(SubmissionFile.id)
    )
    for attempt_id, *rest in lines:
        files[attempt_id].append(FileView(*rest))
    reviews = _reviews(session, submission_id)
    return [AttemptView(*row, files=tuple(files[row.id]), review=reviews.get(row.id)) for row in rows]


def _reviews(session: Session, submission_id: int) -> dict[int, ReviewView]:
    given: dict[int, dict[int, int]] = defaultdict(dict)
    for review_id, criterion_id, got in session.execute(
        select(ReviewScore.review_id, ReviewScore.criterion_id, ReviewScore.points)
        .join(Review, Review.id == ReviewScore.review_id)
        .where(Review.submission_id == submission_id)
    ):
        given[review_id][criterion_id] = got
    rows: Any = session.execute(
        select(
            Review.attempt_id,
            Review.id,
            Review.verdict,
            Review.score,
            Review.comment_html,
            Review.reviewer_name,
            Review.created_at,
        ).where(Review.submission_id == submission_id)
    )
    return {
        row.attempt_id: ReviewView(
            row.id,
            row.verdict,
            row.score,
            row.comment_html,
            row.reviewer_name,
            row.created_at,
            given.get(row.id, {}),
        )
        for row in rows
    }


def own_submission(session: Session, *, assignment_id: int, member_id: int) -> Any:
    """The member's submission of an assignment with its showcase entry, if any: one statement."""
    return session.execute(
        select(
            Submission.id,
            Submission.state,
            Submission.attempt,
            Submission.score,
            Submission.featured,
            Submission.submitted_at,
            Submission.carried_over,
            ShowcaseEntry.id.label("entry_id"),
            ShowcaseEntry.consented_at,
        )
        .outerjoin(ShowcaseEntry, ShowcaseEntry.submission_id == Submission.id)
        .where(Submission.assignment_id == assignment_id, Submission.member_id == member_id)
    ).one_or_none()


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
