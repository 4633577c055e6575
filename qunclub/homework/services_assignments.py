"""Assignments and their rubrics are written, changed and published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import courses
from qunclub.courses.models import Course
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, locks, render_markdown, store

from . import rules, rules_levels, rules_points, rules_teams, services_levels
from .models import Assignment, Criterion, ReviewScore, Rubric, Submission
from .models_teams import Team
from .rules import CriterionSpec
from .rules_parts import Parts, check_parts
from .rules_work import Deadlines, check_deadlines

ANY_PARTS = Parts()
STATES = ("draft", "published")


def create_assignment(
    session: Session,
    *,
    course_id: int,
    slug: str,
    title: str,
    criteria: Sequence[CriterionSpec],
    now: dt.datetime,
    actor: Actor,
    brief_md: str = "",
    opens_at: dt.datetime | None = None,
    due_at: dt.datetime | None = None,
    cut_off_at: dt.datetime | None = None,
    late_policy: str = "accept",
    late_percent: int = 0,
    optional: bool = False,
    parts: Parts = ANY_PARTS,
    max_attempts: int | None = None,
    points_accepted: int | None = None,
    points_featured: int | None = None,
    team_min: int | None = None,
    team_max: int | None = None,
    state: str = "draft",
) -> Assignment:
    """Homework for a course, with a rubric of its own; the last of its course."""
    courses.check_slug(slug)
    rules.check_criteria(criteria)
    deadlines = Deadlines(opens_at, due_at, cut_off_at, late_policy, late_percent)
    check_deadlines(deadlines)
    check_parts(parts)
    rules_points.check_points(points_accepted, points_featured)
    rules_teams.check_sizes(team_min, team_max)
    if session.get(Course, course_id) is None:
        raise NotFound()
    _check_free(session, course_id, slug, None)
    rubric = Rubric(title=title)
    session.add(rubric)
    session.flush()
    _save_criteria(session, rubric.id, criteria)
    last = session.scalar(select(func.max(Assignment.position)).where(Assignment.course_id == course_id)) or 0
    assignment = Assignment(
        course_id=course_id,
        rubric_id=rubric.id,
        slug=slug,
        title=title,
        brief_md=brief_md,
        brief_html=render_markdown(brief_md) if brief_md else "",
        position=last + 1,
        state=state,
        opens_at=opens_at,
        due_at=due_at,
        cut_off_at=cut_off_at,
        late_policy=late_policy,
        late_percent=late_percent,
        optional=optional,
        text_part=parts.text,
        file_part=parts.files,
        file_kinds=",".join(parts.kinds),
        link_part=parts.link,
        max_attempts=max_attempts,
        points_accepted=points_accepted,
        points_featured=points_featured,
        team_min=team_min,
        team_max=team_max,
        version=1,
        created_at=now,
    )
    session.add(assignment)
    session.flush()
    _record(session, actor, "assignment.create", assignment, now)
    return assignment


def update_assignment(
    session: Session,
    *,
    assignment_id: int,
    version: int,
    slug: str,
    title: str,
    criteria: Sequence[CriterionSpec],
    now: dt.datetime,
    actor: Actor,
    brief_md: str = "",
    opens_at: dt.datetime | None = None,
    due_at: dt.datetime | None = None,
    cut_off_at: dt.datetime | None = None,
    late_policy: str = "accept",
    late_percent: int = 0,
    optional: bool = False,
    parts: Parts = ANY_PARTS,
    max_attempts: int | None = None,
    points_accepted: int | None = None,
    points_featured: int | None = None,
    team_min: int | None = None,
    team_max: int | None = None,
) -> Assignment:
    """Save an assignment and its rubric as the form has them.

    Raises:
        Stale: when somebody saved since the form was opened.
        Conflict: when a criterion that reviews already used would lose its meaning.
    """
    courses.check_slug(slug)
    rules.check_criteria(criteria)
    deadlines = Deadlines(opens_at, due_at, cut_off_at, late_policy, late_percent)
    check_deadlines(deadlines)
    check_parts(parts)
    rules_points.check_points(points_accepted, points_featured)
    rules_teams.check_sizes(team_min, team_max)
    assignment = locks.lock(session, Assignment, assignment_id)
    if assignment.version != version:
        raise Stale(
            N_(
                "Somebody else saved this while you were writing. Compare both texts below; yours is not lost."
            )
        )
    _check_free(session, assignment.course_id, slug, assignment_id)
    before = {
        "slug": assignment.slug,
        "title": assignment.title,
        "due_at": str(assignment.due_at or ""),
        "points": [assignment.points_accepted, assignment.points_featured],
    }
    assignment.slug, assignment.title = slug, title
    if brief_md != assignment.brief_md:
        assignment.brief_md, assignment.brief_html = brief_md, render_markdown(brief_md)
    assignment.opens_at, assignment.due_at, assignment.max_attempts = opens_at, due_at, max_attempts
    assignment.cut_off_at, assignment.optional = cut_off_at, optional
    assignment.late_policy, assignment.late_percent = late_policy, late_percent
    assignment.text_part, assignment.file_part = parts.text, parts.files
    assignment.file_kinds, assignment.link_part = ",".join(parts.kinds), parts.link
    if (assignment.team_max is None) != (team_max is None):
        _check_untouched(session, assignment_id)
    assignment.team_min, assignment.team_max = team_min, team_max
    assignment.points_accepted, assignment.points_featured = points_accepted, points_featured
    assignment.version += 1
    _save_criteria(session, assignment.rubric_id, criteria)
    _record(session, actor, "assignment.update", assignment, now, before=before)
    return assignment


def set_assignment_state(
    session: Session, *, assignment_id: int, state: str, now: dt.datetime, actor: Actor
) -> Assignment:
    """Publish an assignment, or take it back out of sight; what was handed in stays."""
    if state not in STATES:
        raise ValueError(state)
    assignment = locks.lock(session, Assignment, assignment_id)
    if assignment.state != state:
        assignment.state = state
        action = "assignment.publish" if state == "published" else "assignment.unpublish"
        _record(session, actor, action, assignment, now)
    return assignment


def _save_criteria(session: Session, rubric_id: int, criteria: Sequence[CriterionSpec]) -> None:
    query = select(Criterion).where(Criterion.rubric_id == rubric_id)
    kept = {one.id: one for one in session.scalars(query)}
    used = set(
        session.scalars(select(ReviewScore.criterion_id).where(ReviewScore.criterion_id.in_(kept)).distinct())
    )
    named = {one.criterion_id for one in criteria if one.criterion_id is not None}
    if named - set(kept):
        raise NotFound()
    if used - named:
        raise Conflict(N_("A criterion that reviews already used cannot be removed."))
    for one in criteria:
        row = kept.get(one.criterion_id) if one.criterion_id is not None else None
        if row is not None and row.id in used and row.max_points > one.max_points:
            raise Conflict(N_("The maximum of a criterion that reviews already used cannot be lowered."))
    if kept:
        services_levels.save_levels(session, dict.fromkeys(kept, ()))
    for ident, row in kept.items():
        if ident not in named:
            session.delete(row)
    # Positions are unique: step aside first, so that two criteria may change places.
    session.flush()
    session.execute(
        update(Criterion)
        .where(Criterion.rubric_id == rubric_id)
        .values(position=-Criterion.id)
        .execution_options(synchronize_session="fetch")
    )
    rows: list[tuple[Criterion, tuple[rules_levels.LevelSpec, ...]]] = []
    for place, one in enumerate(criteria, 1):
        row = kept.get(one.criterion_id) if one.criterion_id is not None else None
        if row is None:
            row = Criterion(rubric_id=rubric_id)
            session.add(row)
        row.position, row.title, row.description = place, one.title, one.description
        row.max_points, row.weight = one.max_points, one.weight
        rows.append((row, one.levels))
    session.flush()
    services_levels.save_levels(session, {row.id: levels for row, levels in rows})


def _check_untouched(session: Session, assignment_id: int) -> None:
    begun = select(Submission.id).where(Submission.assignment_id == assignment_id).limit(1)
    teams = select(Team.id).where(Team.assignment_id == assignment_id).limit(1)
    if session.scalar(begun) is not None or session.scalar(teams) is not None:
        raise Conflict(
            N_("Whether it is group work cannot change any more: teams or work are there already."),
            how=N_("Write another assignment, and take this one out of sight."),
        )


def _check_free(session: Session, course_id: int, slug: str, but: int | None) -> None:
    taken = select(Assignment.id).where(Assignment.course_id == course_id, Assignment.slug == slug)
    if but is not None:
        taken = taken.where(Assignment.id != but)
    if session.scalar(taken) is not None:
        raise Invalid(N_("Other homework of this course has this address already."), field="slug")


def _record(
    session: Session,
    actor: Actor,
    action: str,
    assignment: Assignment,
    now: dt.datetime,
    **details: object,
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"assignment:{assignment.id}",
        now=now,
        summary=assignment.title,
        details=dict(details),
    )
