"""A member's list of homework: what there is, how theirs stands, what to do about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.kernel import reads
from qunclub.kernel.unindexed import unindexed

from . import queries_extensions, queries_teams, rules, rules_work
from .models import Assignment, Submission
from .rules_points import USUAL


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
    closes_at: dt.datetime | None = None
    optional: bool = False
    most: int = USUAL
    """The points it earns with the best score."""
    together: bool = False
    """Whether it is group work."""


@cache
def _work(of_course: bool) -> Select[*tuple[Any, ...]]:
    mine = (
        select(Submission)
        .where(Submission.id.in_(queries_teams.works_of(bindparam("member"))))
        .subquery("mine")
    )
    query: Select[*tuple[Any, ...]] = (
        select(
            Assignment.id,
            Assignment.title,
            Assignment.course_id,
            Course.slug,
            Course.title,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.max_attempts,
            mine.c.state,
            mine.c.attempt,
            mine.c.score,
            mine.c.featured,
            mine.c.submitted_at,
            Assignment.state,
            Course.state,
            Assignment.cut_off_at,
            Assignment.late_policy,
            Assignment.late_percent,
            Assignment.optional,
            mine.c.withdrawn,
            Assignment.points_accepted,
            Assignment.team_max,
        )
        .join(Course, Course.id == Assignment.course_id)
        .outerjoin(
            mine,
            unindexed(mine.c.assignment_id) == Assignment.id,
        )
        .where((Assignment.state == "published") | mine.c.id.is_not(None))
        .order_by(Course.position, Course.id, Assignment.position, Assignment.id)
    )
    return query.where(Assignment.course_id == bindparam("course")) if of_course else query


def work_list(
    session: Session,
    *,
    member_id: int | None,
    now: dt.datetime,
    course_id: int | None = None,
    group_ids: Collection[int] = (),
) -> list[WorkItem]:
    """Every published assignment, and those the member has handed in, with the member's state: two statements.

    Args:
        group_ids: the member's groups, for what they were given more time for; dates are the member's own.
    """
    more = (
        queries_extensions.of_member(session, member_id=member_id, group_ids=group_ids) if member_id else {}
    )
    of_course = {} if course_id is None else {"course": course_id}
    query = _work(course_id is not None)
    items = []
    for row in reads.rows(session, query, member=member_id or 0, **of_course):
        (ident, title, course, slug, course_title, opens, due, most, state, attempt, score, featured, at) = (
            row[:13]
        )
        own = rules_work.extended(
            rules_work.Deadlines(opens, due, row[15], row[16], row[17]), more.get(ident, ())
        )
        action = rules.next_action(
            state=state,
            attempt=(attempt or 0) - (row[19] or 0),
            max_attempts=most,
            opens_at=opens,
            due_at=own.due_at,
            now=now,
            closes_at=own.closes_at,
        )
        items.append(
            WorkItem(
                assignment_id=ident,
                title=title,
                course_id=course,
                course_slug=slug,
                course_title=course_title,
                opens_at=opens,
                due_at=own.due_at,
                max_attempts=most,
                state=state,
                attempt=attempt or 0,
                score=score,
                featured=bool(featured),
                submitted_at=at,
                published=row[13] == "published" and row[14] == "published",
                action=action,
                closes_at=own.closes_at,
                optional=row[18],
                together=row[21] is not None,
                most=USUAL if row[20] is None else row[20],
            )
        )
    return items
