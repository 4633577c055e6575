"""An admin says how the works of a course or an assignment are allocated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.kernel import N_, Actor, Forbidden, Invalid, Stale, locks, store

from . import queries_second
from .models import Assignment
from .models_allocation import AllocationPerson, AllocationPlan
from .rules_allocation import MODES, WITH_PEOPLE


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan as its form shows it; version 0 and no mode where there is none."""

    mode: str = ""
    people: tuple[int, ...] = ()
    groups: tuple[tuple[int, int], ...] = ()
    version: int = 0


def kept(session: Session, *, course_id: int | None = None, assignment_id: int | None = None) -> Kept:
    """The plan of a course or the own one of an assignment: two statements at most."""
    row = session.scalars(_plan(course_id, assignment_id)).one_or_none()
    if row is None:
        return Kept()
    people = session.execute(
        select(AllocationPerson.member_id, AllocationPerson.group_id)
        .where(AllocationPerson.plan_id == row.id)
        .order_by(AllocationPerson.id)
    ).all()
    return Kept(
        row.mode,
        tuple(dict.fromkeys(member_id for member_id, _group in people)),
        tuple((member_id, group_id) for member_id, group_id in people if group_id is not None),
        row.version,
    )


def set_plan(
    session: Session,
    *,
    mode: str,
    people: Mapping[int, Collection[int]],
    version: int,
    actor: Actor,
    now: dt.datetime,
    course_id: int | None = None,
    assignment_id: int | None = None,
) -> None:
    """Change how works are allocated from now on; what waits stays with whom it is.

    Args:
        mode: one of ``rules_allocation.MODES``; empty takes the plan of an assignment away, which follows its course.
        people: the instructors, each with the groups they are responsible for.
        version: of the plan when the form was opened; 0 when there was none.

    Raises:
        Forbidden: for whoever is no admin.
        Stale: when somebody saved it since.
        Invalid: naming the field.
    """
    if not actor.has("admin"):
        raise Forbidden(N_("Only admins allocate the works of others."))
    if mode not in MODES and not (mode == "" and assignment_id is not None):
        raise Invalid(N_("Choose how works are allocated."), field="mode")
    if mode == "named" and not people:
        raise Invalid(N_("Choose at least one instructor."), field="people")
    if mode == "group" and not any(people.values()):
        raise Invalid(N_("Say who is responsible for at least one group."), field="groups")
    known = {row.id for row in queries_second.instructors(session)}
    if not set(people) <= known:
        raise Invalid(N_("Choose instructors from the list."), field="people")
    # Two first saves meet at the course or the assignment itself.
    if assignment_id is not None:
        title = locks.lock(session, Assignment, assignment_id).title
    else:
        title = locks.lock(session, Course, course_id or 0).title
    row = session.scalars(
        _plan(course_id, assignment_id).execution_options(populate_existing=True)
    ).one_or_none()
    if (row.version if row else 0) != version:
        raise Stale(N_("Somebody else changed this allocation meanwhile. Look at it again, then save."))
    before = row.mode if row else ""
    if row is None and mode:
        row = AllocationPlan(course_id=course_id, assignment_id=assignment_id, mode=mode, version=0)
        session.add(row)
        session.flush()
    if row is not None:
        session.execute(delete(AllocationPerson).where(AllocationPerson.plan_id == row.id))
        row.mode, row.version = mode, row.version + 1
        if not mode:
            session.delete(row)
        elif mode in WITH_PEOPLE:
            session.add_all(
                AllocationPerson(plan_id=row.id, member_id=member_id, group_id=group_id)
                for member_id, groups in sorted(people.items())
                for group_id in (sorted(groups) if mode == "group" else (None,))
            )
    store.record(
        session,
        actor=actor,
        action="allocation.plan",
        target=f"assignment:{assignment_id}" if assignment_id is not None else f"course:{course_id}",
        now=now,
        summary=title,
        details={
            "before": before,
            "after": mode,
            "people": {str(who): sorted(groups) for who, groups in sorted(people.items())},
        },
    )
    session.flush()


def _plan(course_id: int | None, assignment_id: int | None) -> Select[AllocationPlan]:
    if assignment_id is not None:
        return select(AllocationPlan).where(AllocationPlan.assignment_id == assignment_id)
    return select(AllocationPlan).where(AllocationPlan.course_id == course_id)
