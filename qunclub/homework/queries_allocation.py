"""What allocation reads: plans, instructors who are there, who may not judge a work, and whom the desk keeps it for."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from qunclub.courses.models import Course
from qunclub.kernel.ports import GroupBook
from qunclub.members.models import Member

from . import queries_second, queries_teams, rules
from .models import Assignment, Attempt, Review, Submission
from .models_allocation import AllocationPerson, AllocationPlan, InstructorAway
from .models_teams import WorkShare
from .rules_allocation import Hand, Plan

Allocated = aliased(Member, name="allocated")


def authored_by(member: Any) -> ColumnElement[bool]:
    """Whether *member* (an id or a column) is one of a ``Submission``'s authors."""
    return queries_teams.is_of(member)


def authors(session: Session, ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Who wrote each of *ids*, a team's with everybody of it: one statement."""
    alone = select(Submission.id, Submission.member_id).where(Submission.id.in_(ids))
    shared = select(WorkShare.submission_id, WorkShare.member_id).where(WorkShare.submission_id.in_(ids))
    found: dict[int, set[int]] = defaultdict(set)
    for ident, member_id in session.execute(union_all(alone, shared)):
        found[ident].add(member_id)
    return {ident: frozenset(people) for ident, people in found.items()}


def kept_from(session: Session, ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Who may not judge each of *ids*: its authors and whoever has judged its present attempt. Two statements."""
    found = authors(session, ids)
    judged = (
        select(Submission.id, Review.reviewer_id)
        .join(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .join(Review, Review.attempt_id == Attempt.id)
        .where(Submission.id.in_(ids), Review.reviewer_id.is_not(None))
    )
    for ident, member_id in session.execute(judged):
        found[ident] |= {cast(int, member_id)}
    return found


def planned() -> ColumnElement[bool]:
    """Whether there is a plan for an ``Assignment``, its own or its course's."""
    return exists().where(_plan_of_assignment())


def _plan_of_assignment() -> ColumnElement[bool]:
    return or_(
        AllocationPlan.assignment_id == Assignment.id, AllocationPlan.course_id == Assignment.course_id
    )


def plans(session: Session, assignment_ids: Collection[int]) -> dict[int, Plan]:
    """The plan of each assignment: its own, or its course's; those without one are left out. One statement."""
    query = (
        select(
            Assignment.id,
            Assignment.blind,
            AllocationPlan.assignment_id,
            AllocationPlan.mode,
            AllocationPerson.member_id,
            AllocationPerson.group_id,
        )
        .join(AllocationPlan, _plan_of_assignment())
        .outerjoin(AllocationPerson, AllocationPerson.plan_id == AllocationPlan.id)
        .where(Assignment.id.in_(assignment_ids))
    )
    found: dict[tuple[int, bool], tuple[str, bool, dict[int, set[int]]]] = {}
    for ident, blind, own, mode, member_id, group_id in session.execute(query):
        _mode, _blind, people = found.setdefault((ident, own is not None), (mode, bool(blind), {}))
        if member_id is not None:
            people.setdefault(member_id, set()).update(() if group_id is None else (group_id,))
    return {
        ident: Plan(mode, {one: frozenset(theirs) for one, theirs in people.items()}, hidden)
        for (ident, own), (mode, hidden, people) in found.items()
        if own or (ident, True) not in found
    }


def away(member: Any, now: dt.datetime) -> ColumnElement[bool]:
    """Whether *member* (a column) is away at *now*."""
    return exists().where(
        InstructorAway.member_id == member, InstructorAway.starts_at <= now, InstructorAway.ends_at > now
    )


def hands(session: Session, ids: Collection[int] | None, *, now: dt.datetime) -> list[Hand]:
    """The instructors (of *ids*, or all) who are there, with what each has open: one statement along indexes."""
    mine = Submission.allocated_to == Member.id
    opened = select(func.count(Submission.id)).where(mine, Submission.state == "waiting")
    last = select(func.max(Submission.allocated_at)).where(mine)
    query = select(
        Member.id, opened.correlate(Member).scalar_subquery(), last.correlate(Member).scalar_subquery()
    ).where(queries_second.is_instructor(), ~away(Member.id, now))
    if ids is not None:
        query = query.where(Member.id.in_(ids))
    return [Hand(*row) for row in session.execute(query.order_by(Member.id))]


def seats(
    session: Session, book: GroupBook, group_ids: Iterable[int], members: Collection[int]
) -> dict[int, frozenset[int]]:
    """In which of *group_ids* each of *members* sits: one statement for each group."""
    found: dict[int, set[int]] = defaultdict(set)
    for group_id in sorted(set(group_ids)):
        query = select(Member.id).where(Member.id.in_(members), Member.id.in_(book.members_of(group_id)))
        for member_id in session.scalars(query):
            found[member_id].add(group_id)
    return {member_id: frozenset(groups) for member_id, groups in found.items()}


def unfit(now: dt.datetime) -> Select[int]:
    """Waiting works that are meant for somebody who cannot judge them: no instructor any more, away, author or judge.

    Not what they hold at the moment: whoever works on something in their holidays may end it.
    """
    fit = exists().where(Member.id == Submission.allocated_to, queries_second.is_instructor())
    return (
        select(Submission.id)
        .where(
            Submission.state == "waiting",
            Submission.allocated_to.is_not(None),
            or_(~fit, away(Submission.allocated_to, now), _wrong()),
            ~_at_work(now),
        )
        .order_by(Submission.id)
    )


def _wrong() -> ColumnElement[bool]:
    judged = (
        select(Review.id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .where(
            Review.submission_id == Submission.id,
            Review.reviewer_id == Submission.allocated_to,
            Attempt.n == Submission.attempt,
        )
        .correlate(Submission)
        .exists()
    )
    return or_(authored_by(Submission.allocated_to), judged)


def _at_work(now: dt.datetime) -> ColumnElement[bool]:
    return and_(Submission.claimed_by.is_not(None), Submission.claimed_until > now)


def misallocated() -> Select[int]:
    """Waiting works that are meant for their author, for whoever has judged them, or for no instructor (the doctor)."""
    fit = exists().where(Member.id == Submission.allocated_to, queries_second.is_instructor())
    return (
        select(Submission.id)
        .where(Submission.state == "waiting", Submission.allocated_to.is_not(None), or_(~fit, _wrong()))
        .order_by(Submission.id)
    )


def open_works(member_id: int | None, *, now: dt.datetime) -> Select[int]:
    """What waits for *member_id* (None: for nobody by name) and is held by nobody, the longest waiting first."""
    whose = Submission.allocated_to.is_(None) if member_id is None else Submission.allocated_to == member_id
    return (
        select(Submission.id)
        .where(Submission.state == "waiting", whose, ~_at_work(now))
        .order_by(Submission.submitted_at, Submission.id)
    )


def not_for_others(member_id: int, now: dt.datetime) -> ColumnElement[bool]:
    """Whether *member_id* may take a waiting ``Submission``; see ``rules_allocation.reserved``."""
    return or_(
        Submission.allocated_to.is_(None),
        Submission.allocated_to == member_id,
        Submission.submitted_at < now - rules.TURNAROUND,
    )


def mine_first(
    session: Session,
    query: Select[Any],
    *,
    off: Callable[[Any], Any],
    member_id: int,
    now: dt.datetime,
    most: int,
) -> list[int]:
    """Of *query*'s (id, submitted_at): what is meant for *member_id*, then what they may take; oldest first each.

    One statement of two parts, each along its index and at most *most* long.
    """
    parts = [
        query.where(condition).order_by(off(Submission.submitted_at), Submission.id).limit(most).subquery()
        for condition in (
            Submission.allocated_to == member_id,
            off(Submission.allocated_to).is_distinct_from(member_id) & not_for_others(member_id, now),
        )
    ]
    both = union_all(
        *(
            select(literal(place).label("place"), part.c.id, part.c.submitted_at)
            for place, part in enumerate(parts)
        )
    ).subquery()
    ordered = select(both.c.id).order_by(both.c.place, both.c.submitted_at, both.c.id).limit(most)
    return list(session.scalars(ordered))


def meant() -> tuple[Any, Any]:
    """For whom a ``Submission`` is meant: (id, name), of which the name is empty when it is for everybody."""
    name = (
        select(func.coalesce(func.nullif(Allocated.nickname, ""), Allocated.name))
        .where(Allocated.id == Submission.allocated_to)
        .correlate(Submission)
        .scalar_subquery()
    )
    return Submission.allocated_to, func.coalesce(name, "").label("meant")


def aways(session: Session, *, now: dt.datetime, member_id: int | None = None) -> list[Row[Any]]:
    """Who is or will be away, or one of them: one statement."""
    name = func.coalesce(func.nullif(Member.nickname, ""), Member.name).label("name")
    query = (
        select(
            InstructorAway.id,
            InstructorAway.member_id,
            InstructorAway.starts_at,
            InstructorAway.ends_at,
            InstructorAway.reason,
            InstructorAway.set_by,
            name,
        )
        .join(Member, Member.id == InstructorAway.member_id)
        .where(InstructorAway.ends_at > now)
        .order_by(InstructorAway.starts_at, InstructorAway.id)
    )
    if member_id is not None:
        query = query.where(InstructorAway.member_id == member_id)
    return list(session.execute(query))


def listed(session: Session) -> list[Row[Any]]:
    """Every course and every assignment with a plan of its own: (course id, assignment id, titles, mode, people)."""
    people = (
        select(func.count(AllocationPerson.member_id.distinct()))
        .where(AllocationPerson.plan_id == AllocationPlan.id)
        .correlate(AllocationPlan)
        .scalar_subquery()
        .label("people")
    )
    courses = (
        select(Course.id, Course.title, Course.position, AllocationPlan.mode, people)
        .outerjoin(AllocationPlan, AllocationPlan.course_id == Course.id)
        .order_by(Course.position, Course.id)
    )
    return list(session.execute(courses))


def overrides(session: Session) -> list[Row[Any]]:
    """Every assignment with its course, and its own mode where it has one: one statement."""
    return list(
        session.execute(
            select(Assignment.id, Assignment.title, Assignment.course_id, AllocationPlan.mode)
            .outerjoin(AllocationPlan, AllocationPlan.assignment_id == Assignment.id)
            .order_by(Assignment.position, Assignment.id)
        )
    )
