"""What the review desk and the admins read: the queue, one submission, the record of all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, literal_column, select
from sqlalchemy.orm import Session, aliased

from qunclub import members
from qunclub.courses.models import Course
from qunclub.kernel import Marked, NotFound, Page, paginate, paginate_by_mark
from qunclub.kernel.unindexed import among, unindexed
from qunclub.members.models import Member

from . import queries_allocation, queries_blind, queries_second, queries_teams, rules, rules_allocation
from .models import Assignment, Review, Submission

COUNTED = 1_000
WAITING = ("", "waiting", "second", "third")
"""The states in which something is to be done."""
TRIED = 5
"""How many free ones a reviewer tries for when others claim at the same time."""
SMALL = 300
"""A group of so many is looked up member by member; of a larger one, the queue itself meets somebody soon enough."""
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
    team: str
    holder: str
    own: bool
    state: str = "waiting"
    featured: bool = False
    score: int | None = None
    reviewed_at: dt.datetime | None = None
    stage: str = "first"
    # By whoever reads: then others judge it now.
    seen: bool = False
    # For whom it is meant, while it waits.
    allocated_to: int | None = None
    meant: str = ""

    def late(self, now: dt.datetime) -> bool:
        """Whether it waits longer than the club promises, or was judged later than that."""
        until = self.reviewed_at if self.judged and self.reviewed_at else now
        return self.submitted_at < until - rules.TURNAROUND

    def kept_for_other(self, reader: int | None, now: dt.datetime) -> bool:
        """Whether the desk keeps it for another instructor than *reader*."""
        return rules_allocation.reserved(
            self.allocated_to, self.submitted_at, reader=reader, promise=rules.TURNAROUND, now=now
        )

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
    # The members of a group, and whether somebody is one, as the groups know them; the room above hands them in.
    members: Select[int] | None = None
    seated: Callable[[Any], ColumnElement[bool]] | None = None
    # What is meant for them.
    for_me: int | None = None
    # Who reads: what they have unveiled is named.
    viewer: int | None = None


def queue(session: Session, filters: Filters, *, now: dt.datetime, after: str = "") -> Page[QueueRow]:
    """What waits, oldest first; or what was judged, newest first; one's own judgements, the latest first.

    One statement along an index, two for a group; *after* is the mark of the page before.
    """
    query = _rows(filters.viewer).add_columns(
        Submission.state, Submission.featured, Submission.score, Submission.reviewed_at, Submission.stage,
        queries_second.judged_by(filters.viewer or 0).label("seen"), *queries_allocation.meant(),
    )  # fmt: skip
    narrowed = _narrowing(session, filters)
    waits = filters.state in WAITING
    query = _waiting(query, narrowed, now) if waits else _judged(query, narrowed)
    by_me = not waits and filters.mine is not None
    at, ident = (Review.created_at, Review.id) if by_me else (Submission.submitted_at, Submission.id)
    if by_me:
        query = query.add_columns(Review.created_at.label("judged_at"), Review.id.label("review_id"))
    marked = Marked(
        narrowed.off(at),
        ident,
        newest=not waits,
        of=lambda row: (row.judged_at, row.review_id) if by_me else (row.submitted_at, row.id),
    )
    found = paginate_by_mark(session, _places(query, narrowed), marked, after=after)
    items = [QueueRow(*row[: len(fields(QueueRow))]) for row in found.items]
    return replace(found, items=items)


def next_free(session: Session, filters: Filters, *, member_id: int, now: dt.datetime) -> list[int]:
    """The ids of the first few that *member_id* could claim under *filters*, first those that are meant for them.

    One statement, two for a group.
    """
    narrowed = _narrowing(session, filters)
    query = _waiting(select(Submission.id), narrowed, now).where(
        queries_teams.not_of(member_id),
        ~queries_second.judged_by(member_id),
        Submission.claimed_until.is_(None)
        | (Submission.claimed_until <= now)
        | (Submission.claimed_by == member_id),
    )
    query = query.join(Assignment, Assignment.id == Submission.assignment_id)
    query = _places(query.add_columns(Submission.submitted_at), narrowed)
    return queries_allocation.mine_first(
        session, query, off=narrowed.off, member_id=member_id, now=now, most=TRIED
    )


@dataclass(frozen=True, slots=True)
class _Narrowing:
    """Filters, and the members of a small group in person."""

    filters: Filters
    people: list[int] | None

    def off(self, column: Any) -> Any:
        """*column*, hidden from its index when the index of the members is to be followed instead."""
        return column if self.people is None else unindexed(column)


def _narrowing(session: Session, filters: Filters) -> _Narrowing:
    if filters.members is None:
        return _Narrowing(filters, None)
    people = list(session.scalars(filters.members.limit(SMALL + 1)))
    return _Narrowing(filters, people if len(people) <= SMALL or filters.seated is None else None)


def _waiting(query: Select[Any], narrowed: _Narrowing, now: dt.datetime) -> Select[Any]:
    filters = narrowed.filters
    query = query.where(narrowed.off(Submission.state) == "waiting")
    if filters.mine is not None:
        query = query.where(Submission.claimed_by == filters.mine, Submission.claimed_until > now)
    if filters.for_me is not None:
        query = query.where(Submission.allocated_to == filters.for_me)
    if filters.state in ("second", "third"):
        query = query.where(_staged(filters.state))
    if filters.late:
        query = query.where(narrowed.off(Submission.submitted_at) < now - rules.TURNAROUND)
    return query


def _judged(query: Select[Any], narrowed: _Narrowing) -> Select[Any]:
    filters, state = narrowed.filters, narrowed.off(Submission.state)
    if filters.mine is not None:
        # Along one's own judgements, each work at the last of them.
        later = aliased(Review)
        again = exists().where(
            later.submission_id == Review.submission_id,
            unindexed(later.reviewer_id) == filters.mine,
            later.id > Review.id,
        )
        query = query.join(Review, Review.submission_id == Submission.id)
        query = query.where(Review.reviewer_id == filters.mine, ~again)
        state = unindexed(Submission.state)
    if filters.state == "featured":
        return query.where(Submission.featured, state == "accepted")
    return query.where(state == filters.state)


def _staged(stage: str) -> ColumnElement[bool]:
    """That a ``Submission`` waits for that judgement, in words in which SQLite knows the index's own condition."""
    return and_(Submission.stage == stage, Submission.stage != literal_column("'first'"))


def stats(session: Session, *, member_id: int, now: dt.datetime) -> QueueStats:
    """How many wait, how many wait too long, how many I hold, and since when the longest waits.

    One statement, bounded however long the queue is: it reads no more than :data:`COUNTED` entries of an index.
    """
    waiting = select(Submission.id).where(Submission.state == "waiting")
    late = waiting.where(Submission.submitted_at < now - rules.TURNAROUND)
    mine = waiting.where(Submission.claimed_by == member_id, Submission.claimed_until > now)
    # Along the small index of the stages; that of all that waits would be read to its end.
    staged = select(Submission.id).where(unindexed(Submission.state) == "waiting")
    more = [staged.where(_staged(stage)) for stage in ("second", "third")]
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
            *queries_allocation.meant(),
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


def record(session: Session, filters: Filters, *, after: str = "") -> Page[Row[Any]]:
    """Every submission for the admins, newest first; *after* is the mark of the page before."""
    return paginate_by_mark(session, _record(session, filters), _recorded(filters), after=after)


def export(session: Session, filters: Filters) -> Iterator[Row[Any]]:
    """The same as rows of a CSV, read while they are sent."""
    query = _record(session, filters).order_by(*_recorded(filters).order())
    yield from session.execute(query.execution_options(yield_per=500))


def _recorded(filters: Filters) -> Marked:
    # Each order is that of an index: a page of a long record costs what a page of a short one does.
    if filters.state:
        return Marked(
            Submission.submitted_at, Submission.id, newest=True, of=lambda row: (row.submitted_at, row.id)
        )
    # Whose works a search finds is looked up by them, not read past along the whole record.
    ident = unindexed(Submission.id) if filters.q else Submission.id
    return Marked(ident, ident, newest=True, of=lambda row: (row.id, row.id), number=True)


def _record(session: Session, filters: Filters) -> Select[Any]:
    query = _rows(filters.viewer).add_columns(
        Submission.state,
        Submission.version,
        Submission.score,
        Submission.featured,
        Submission.carried_over,
        Submission.reviewed_at,
    )
    if filters.state:
        query = query.where(Submission.state == filters.state)
    query = _places(query, _narrowing(session, filters))
    q = filters.q
    if q:
        # What a name finds has that name.
        query = query.where(~queries_blind.veiled(filters.viewer))
    if q.isdecimal():
        meant = aliased(Member)
        return query.where(_by_any(select(meant.id).where(meant.number == int(q[:9]))))
    return query.where(_by_any(members.meant(session, q))) if q else query


def _by_any(people: Any) -> ColumnElement[bool]:
    """What any of *people* handed in, or their teams."""
    return among(Submission.id, queries_teams.works_of_any(people))


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
            queries_teams.is_of(viewer or 0).label("own"),
        )
        .join(Assignment, Assignment.id == unindexed(Submission.assignment_id))
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == Submission.member_id)
        .outerjoin(Reviewer, Reviewer.id == Submission.claimed_by)
    )


def _places(query: Select[Any], narrowed: _Narrowing) -> Select[Any]:
    filters = narrowed.filters
    if filters.assignment_id is not None:
        query = query.where(narrowed.off(Submission.assignment_id) == filters.assignment_id)
    if filters.course_id is not None:
        query = query.where(Assignment.course_id == filters.course_id)
    if filters.members is not None:
        few = filters.members if narrowed.people is None else narrowed.people
        query = query.where(queries_blind.in_crowd(few, filters.viewer))
    if narrowed.people is not None:
        query = query.where(_by_any(narrowed.people))
    elif filters.seated is not None:
        query = query.where(queries_teams.any_author(filters.seated))
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
