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

from . import queries_blind, queries_second, rules
from .models import Assignment, Review, Submission

COUNTED = 1_000
TRIED = 5
"""How many free ones a reviewer tries for when others claim at the same time."""
FOUND = 200
"""Most people a search by name looks for; whoever has so common a name is found by number."""
Reviewer = aliased(Member, name="reviewer")


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The queue in numbers; a count beyond :data:`COUNTED` says so instead of counting on.

    ``oldest`` is when the longest waiting one was handed in, None when nothing waits.
    """

    waiting: int
    late: int
    mine: int
    second: int
    third: int
    oldest: dt.datetime | None

    @staticmethod
    def shown(count: int) -> str:
        """A count as the page shows it."""
        return f"{COUNTED - 1}+" if count >= COUNTED else str(count)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A submission of the queue: one that waits, or one that was judged."""

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
    veiled: bool
    holder: str
    state: str = "waiting"
    featured: bool = False
    score: int | None = None
    reviewed_at: dt.datetime | None = None
    stage: str = "first"
    # By whoever reads: then others judge it now.
    seen: bool = False

    def late(self, now: dt.datetime) -> bool:
        """Whether it waits longer than the club promises, or was judged later than that."""
        until = self.reviewed_at if self.judged and self.reviewed_at else now
        return self.submitted_at < until - rules.TURNAROUND

    @property
    def judged(self) -> bool:
        """Whether nothing is to be done about it at present."""
        return self.state != "waiting"

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
    late: bool = False
    # The members of a group, as the groups know them; the room above hands them in.
    members: Select[int] | None = None
    # Who reads: what they have unveiled is named.
    viewer: int | None = None


def queue(session: Session, filters: Filters, *, now: dt.datetime, page: int) -> Page[QueueRow]:
    """What waits, oldest first; or what was judged, newest first: one statement along an index of that state."""
    query = _rows(filters.viewer).add_columns(
        Submission.state, Submission.featured, Submission.score, Submission.reviewed_at, Submission.stage,
        queries_second.judged_by(filters.viewer or 0).label("seen"),
    )  # fmt: skip
    waits = filters.state in ("", "waiting", "second", "third")
    query = _waiting(query, filters, now) if waits else _judged(query, filters)
    found = paginate(session, _places(query, filters), page=page)
    items = [QueueRow(*row) for row in found.items]
    return Page(items=items, page=found.page, per_page=found.per_page, has_next=found.has_next)


def next_free(session: Session, filters: Filters, *, member_id: int, now: dt.datetime) -> list[int]:
    """The ids of the first few that *member_id* could claim under *filters*: one statement."""
    query = _waiting(select(Submission.id), filters, now).where(
        Submission.member_id != member_id,
        ~queries_second.judged_by(member_id),
        Submission.claimed_until.is_(None)
        | (Submission.claimed_until <= now)
        | (Submission.claimed_by == member_id),
    )
    query = query.join(Assignment, Assignment.id == Submission.assignment_id)
    return list(session.scalars(_places(query, filters).limit(TRIED)))


def _waiting(query: Select[Any], filters: Filters, now: dt.datetime) -> Select[Any]:
    query = query.where(Submission.state == "waiting").order_by(Submission.submitted_at, Submission.id)
    if filters.mine is not None:
        query = query.where(Submission.claimed_by == filters.mine, Submission.claimed_until > now)
    if filters.state in ("second", "third"):
        query = query.where(Submission.stage == filters.state)
    if filters.late:
        query = query.where(Submission.submitted_at < now - rules.TURNAROUND)
    return query


def _judged(query: Select[Any], filters: Filters) -> Select[Any]:
    query = query.order_by(Submission.submitted_at.desc(), Submission.id.desc())
    if filters.state == "featured":
        query = query.where(Submission.featured, Submission.state == "accepted")
    else:
        query = query.where(Submission.state == filters.state)
    if filters.mine is not None:
        by_me = select(Review.submission_id).where(Review.reviewer_id == filters.mine)
        query = query.where(Submission.id.in_(by_me))
    return query


def stats(session: Session, *, member_id: int, now: dt.datetime) -> QueueStats:
    """How many wait, how many wait too long, how many I hold, and since when the longest waits.

    One statement, bounded however long the queue is: it reads no more than :data:`COUNTED` entries of an index.
    """
    waiting = select(Submission.id).where(Submission.state == "waiting")
    late = waiting.where(Submission.submitted_at < now - rules.TURNAROUND)
    mine = waiting.where(Submission.claimed_by == member_id, Submission.claimed_until > now)
    more = [waiting.where(Submission.stage == stage) for stage in ("second", "third")]
    counts = [
        select(func.count()).select_from(part.limit(COUNTED).subquery()).scalar_subquery()
        for part in (waiting, late, mine, *more)
    ]
    oldest = select(Submission.submitted_at).where(Submission.state == "waiting")
    oldest = oldest.order_by(Submission.submitted_at, Submission.id).limit(1)
    numbers: Any = session.execute(select(*counts, oldest.scalar_subquery())).one()
    return QueueStats(*numbers)


def desk_row(session: Session, submission_id: int, *, viewer: int | None = None) -> Any:
    """One submission beside which a rubric is filled in: one statement.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        _rows(viewer)
        .add_columns(
            Submission.state,
            Submission.version,
            Submission.score,
            Submission.featured,
            Submission.carried_over,
            Submission.stage,
            Submission.sampled,
            Assignment.rubric_id,
            Assignment.blind,
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
                Assignment.id,
                Assignment.title,
                Assignment.release,
                Course.id.label("course_id"),
                Course.title.label("course"),
            )
            .join(Course, Course.id == Assignment.course_id)
            .order_by(Course.position, Course.id, Assignment.position, Assignment.id)
        )
    )


def record(session: Session, filters: Filters, *, page: int) -> Page[Row[Any]]:
    """Every submission for the admins, newest first."""
    return paginate(session, _record(filters), page=page)


def export(session: Session, filters: Filters) -> Iterator[Row[Any]]:
    """The same as rows of a CSV, read while they are sent."""
    yield from session.execute(_record(filters).execution_options(yield_per=500))


def _record(filters: Filters) -> Select[Any]:
    query = _rows(filters.viewer).add_columns(
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
    return _narrow(query, filters)


def _rows(viewer: int | None) -> Any:
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
            *queries_blind.named(viewer),
            func.coalesce(func.nullif(Reviewer.nickname, ""), Reviewer.name, "").label("holder"),
        )
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == Submission.member_id)
        .outerjoin(Reviewer, Reviewer.id == Submission.claimed_by)
    )


def _places(query: Select[Any], filters: Filters) -> Select[Any]:
    if filters.assignment_id is not None:
        query = query.where(Submission.assignment_id == filters.assignment_id)
    if filters.course_id is not None:
        query = query.where(Assignment.course_id == filters.course_id)
    if filters.members is not None:
        query = query.where(
            Submission.member_id.in_(filters.members), queries_blind.in_crowd(filters.members, filters.viewer)
        )
    return query


def _narrow(query: Select[Any], filters: Filters) -> Select[Any]:
    query = _places(query, filters)
    if filters.q:
        # What a name finds has that name.
        query = query.where(~queries_blind.veiled(filters.viewer))
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
