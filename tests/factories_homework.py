"""Assignments and submissions for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from qunclub import homework, points
from qunclub.courses.models import Course
from qunclub.homework import services_plans
from qunclub.homework.models import Assignment, Submission
from qunclub.kernel import Access, Actor
from qunclub.members.models import Member
from tests.factories import Make
from tests.factories_courses import course as make_course
from tests.factories_members import member as make_member


def assignment(
    make: Make,
    *,
    course: Course | None = None,
    criteria: Sequence[tuple[str, int, int]] = (("Clear", 10, 60), ("True", 10, 40)),
    due_at: dt.datetime | None = None,
    state: str = "published",
    title: str = "One page",
    **values: Any,
) -> Assignment:
    """Published homework with a rubric of two criteria; point rules are there too."""
    points.ensure_rules(make.session, now=make.now)
    return homework.create_assignment(
        make.session,
        course_id=(course or make_course(make)).id,
        slug=values.pop("slug", f"work-{make.next()}"),
        title=title,
        criteria=[homework.CriterionSpec(name, most, weight) for name, most, weight in criteria],
        due_at=due_at,
        state=state,
        brief_md=values.pop("brief_md", "Make **one** page."),
        now=make.now,
        actor=Actor.system("test"),
        **values,
    )


def submission(
    make: Make,
    assignment: Assignment,
    *,
    member: Member | None = None,
    body_md: str = "My work.",
    at: dt.datetime | None = None,
    files: Sequence[homework.StoredFile] = (),
) -> Submission:
    """Work handed in by *member* (or a new member with a number)."""
    author = member or make_member(make, number=True)
    actor = Actor(author.user_key, author.name, author.email, frozenset({"member"}), author.id)
    return homework.submit(
        make.session,
        assignment_id=assignment.id,
        member_id=author.id,
        body_md=body_md,
        files=files,
        access=Access(True, "pass"),
        now=at or make.now,
        actor=actor,
    )


def featured(make: Make, *, assignment: Assignment | None = None, consented: bool = False) -> Submission:
    """Featured work, in the showcase when its author *consented*."""
    row = submission(make, assignment or make.assignment())
    homework.review(
        make.session,
        submission_id=row.id,
        version=row.version,
        verdict="feature",
        scores={},
        comment_md="",
        score=95,
        actor=Actor.system("test"),
        now=make.now,
    )
    if consented:
        homework.consent(make.session, submission_id=row.id, member_id=row.member_id, now=make.now)
    return row


def judging(make: Make, assignment: Assignment, *, version: int = 0, **values: Any) -> Assignment:
    """Change how *assignment* is judged: every setting that is not named is off."""
    row = make.session.get_one(Assignment, assignment.id)
    return homework.set_judging(
        make.session,
        assignment_id=row.id,
        version=version or row.version,
        wanted=homework.Judging(**values),
        now=make.now,
        actor=Actor.system("test"),
    )


def allocation(
    make: Make,
    *,
    course_id: int | None = None,
    assignment_id: int | None = None,
    mode: str = "evenly",
    people: dict[int, set[int]] | None = None,
) -> None:
    """The plan of a course or an assignment, the first or the next one."""
    kept = services_plans.kept(make.session, course_id=course_id, assignment_id=assignment_id)
    services_plans.set_plan(
        make.session,
        course_id=course_id,
        assignment_id=assignment_id,
        mode=mode,
        people=people or {},
        version=kept.version,
        actor=Actor.system("test"),
        now=make.now,
    )
