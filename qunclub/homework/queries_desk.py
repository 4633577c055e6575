"""What the review desk and the admins read: the queue, one submission, the record of all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, aliased

from qunclub.courses.models import Course
from qunclub.kernel import NotFound, Page, paginate
from qunclub.members.models import Member

from . import rules
from .models import Assignment, Submission

COUNTED = 1_000
FOUND = 200
"""Most people a search by name looks for; whoever has so common a name is found by number."""
Reviewer = aliased(Member, name="reviewer")


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The queue in numbers; a count beyond :data:`COUNTED` says so instead of counting on."""

    waiting: int
    late: int
    mine: int

    @staticmethod
    def shown(count: int) -> str:
        """A count as the page shows it."""
        return f"{COUNTED - 1}+" if count >= COUNTED else str(count)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A submission that waits."""

    id: int
    attempt: int
    submitted_at: dt.datetime
    claimed_by: int | None
    claimed_until: dt.datetime | None
    member_id: int
    assignment: str
    course: str
    number: int | None
    author: str
    holder: str

    def late(self, now: dt.datetime) -> bool:
        """Whether it has waited longer than the club promises."""
        return self.submitted_at < now - rules.TURNAROUND

    def held(self, now: dt.datetime) -> bool:
        """Whether a lease on it still runs."""
        return self.claimed_by is not None and self.claimed_until is not None and self.claimed_until > now


@dataclass(frozen=True, slots=True)
class Filters:
    """What the desk or the record is narrowed to."""

    course_id: int | None = None
    assignment_id: int | None = None
    mine: int | None = None
    state: str = ""
    q: str = ""


def queue(session: Session, filters: Filters, *, now: dt.datetime, page: int) -> Page[QueueRow]:
    """What waits, oldest first: one statement along the index of waiting work."""
    query = _rows().where(Submission.state == "waiting").order_by(Submission.submitted_at, Submission.id)
    found = paginate(session, _narrow(query, filters, now), page=page)
    items = [QueueRow(*row) for row in found.items]
    return Page(items=items, page=found.page, per_page=found.per_page, has_next=found.has_next)


def stats(session: Session, *, member_id: int, now: dt.datetime) -> QueueStats:
    """How many wait, how many wait too long, how many I hold: one statement, bounded however long the queue is."""
    waiting = select(Submission.id).where(Submission.state == "waiting")
    late = waiting.where(Submission.submitted_at < now - rules.TURNAROUND)
    mine = waiting.where(Submission.claimed_by == member_id, Submission.claimed_until > now)
    counts = [
        select(func.count()).select_from(part.limit(COUNTED).subquery()).scalar_subquery()
        for part in (waiting, late, mine)
    ]
    return QueueStats(*session.execute(select(*counts)).one())


def desk_row(session: Session, submission_id: int) -> Any:
    """One submission beside which a rubric is filled in: one statement.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        _rows()
        .add_columns(
            Submission.state,
            Submission.version,
            Submission.score,
            Submission.featured,
            Submission.carried_over,
            Assignment.rubric_id,
            Assignment.id.label("assignment_id"),
            Assignment.brief_html,
            Assignment.due_at,
            Assignment.max_attempts,
        )
        .where(Submission.id == submission_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def assignment_choices(session: Session) -> list[Row[Any]]:
    """(id, title, course id, course title) of every assignment: for filters."""
    return list(
        session.execute(
            select(
                Assignment.id, Assignment.title, Course.id.label("course_id"), Course.title.label("course")
            )
            .join(Course, Course.id == Assignment.course_id)
            .order_by(Course.position, Course.id, Assignment.position, Assignment.id)
        )
    )


def record(session: Session, filters: Filters, *, now: dt.datetime, page: int) -> Page[Row[Any]]:
    """Every submission for the admins, newest first."""
    return paginate(session, _record(filters, now), page=page)


def export(session: Session, filters: Filters, *, now: dt.datetime) -> Iterator[Row[Any]]:
    """The same as rows of a CSV, read while they are sent."""
    yield from session.execute(_record(filters, now).execution_options(yield_per=500))


def _record(filters: Filters, now: dt.datetime) -> Select[Any]:
    query = _rows().add_columns(
        Submission.state,
        Submission.version,
        Submission.score,
        Submission.featured,
        Submission.carried_over,
        Submission.reviewed_at,
    )
    if filters.state:
        # Each order is that of an index: a page of a long record costs what a page of a short one does.
        query = query.where(Submission.state == filters.state).order_by(
            Submission.submitted_at.desc(), Submission.id.desc()
        )
    else:
        query = query.order_by(Submission.id.desc())
    return _narrow(query, filters, now)


def _rows() -> Any:
    return (
        select(
            Submission.id,
            Submission.attempt,
            Submission.submitted_at,
            Submission.claimed_by,
            Submission.claimed_until,
            Submission.member_id,
            Assignment.title.label("assignment"),
            Course.title.label("course"),
            Member.number,
            func.coalesce(func.nullif(Member.nickname, ""), Member.name).label("author"),
            func.coalesce(func.nullif(Reviewer.nickname, ""), Reviewer.name, "").label("holder"),
        )
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == Submission.member_id)
        .outerjoin(Reviewer, Reviewer.id == Submission.claimed_by)
    )


def _narrow(query: Select[Any], filters: Filters, now: dt.datetime) -> Select[Any]:
    if filters.assignment_id is not None:
        query = query.where(Submission.assignment_id == filters.assignment_id)
    if filters.course_id is not None:
        query = query.where(Assignment.course_id == filters.course_id)
    if filters.mine is not None:
        query = query.where(Submission.claimed_by == filters.mine, Submission.claimed_until > now)
    if filters.q.isdigit():
        query = query.where(Member.number == int(filters.q))
    elif filters.q:
        word = filters.q
        found = select(Member.id).where(
            Member.name.icontains(word, autoescape=True) | Member.nickname.icontains(word, autoescape=True)
        )
        query = query.where(Submission.member_id.in_(found.limit(FOUND)))
    return query


def assignments(session: Session, *, q: str, course_id: int | None, page: int) -> Page[Row[Any]]:
    """Assignments for the admins' list."""
    query = (
        select(
            Assignment.id,
            Assignment.title,
            Assignment.slug,
            Assignment.state,
            Assignment.due_at,
            Course.title.label("course"),
        )
        .join(Course, Course.id == Assignment.course_id)
        .order_by(Course.position, Course.id, Assignment.position, Assignment.id)
    )
    if q:
        query = query.where(Assignment.title.contains(q, autoescape=True) | (Assignment.slug == q))
    if course_id is not None:
        query = query.where(Assignment.course_id == course_id)
    return paginate(session, query, page=page)
