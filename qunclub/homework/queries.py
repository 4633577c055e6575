"""What a member reads of one assignment: the brief, the rubric, all their attempts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.courses.models import Course
from qunclub.kernel import NotFound, reads

from . import queries_blind, queries_teams
from .models import (
    Assignment,
    Attempt,
    Criterion,
    ShowcaseEntry,
    Submission,
    SubmissionFile,
)
from .models_levels import CriterionLevel
from .rules_levels import LevelSpec
from .rules_points import USUAL


@dataclass(frozen=True, slots=True)
class Worth:
    """What homework earns at present."""

    accepted: bool
    on_time: int
    featured: int
    most: int = USUAL
    featured_on: bool = False

    def of(self, accepted: int | None, featured: int | None) -> Worth:
        """What one assignment earns that says so itself; None leaves it to the club's rule."""
        more = self.featured if featured is None or not self.featured_on else featured
        return replace(self, most=USUAL if accepted is None else accepted, featured=more)


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion of a rubric, with the points of one review when there is one."""

    id: int
    title: str
    description: str
    max_points: int
    weight: int
    percent: int
    levels: tuple[LevelSpec, ...] = ()


def worth(session: Session) -> Worth:
    """What the rules give for homework now: one statement."""
    found = {kind: rule.amount for kind, rule in points.rules_in_force(session).items() if rule.active}
    return Worth(
        "homework_accepted" in found,
        found.get("homework_on_time", 0),
        found.get("homework_featured", 0),
        featured_on="homework_featured" in found,
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
            Assignment.link_part,
            Assignment.points_accepted,
            Assignment.points_featured,
            Assignment.team_min,
            Assignment.team_max,
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
        select(
            Criterion.id,
            Criterion.title,
            Criterion.description,
            Criterion.max_points,
            Criterion.weight,
            CriterionLevel.points,
            CriterionLevel.title.label("level"),
            CriterionLevel.description.label("level_text"),
        )
        .outerjoin(CriterionLevel, CriterionLevel.criterion_id == Criterion.id)
        .where(Criterion.rubric_id == bindparam("rubric"))
        .order_by(Criterion.position, CriterionLevel.position)
    )


def criteria(session: Session, rubric_id: int) -> list[CriterionView]:
    """The criteria of a rubric in order with their levels, and their share of the whole: one statement."""
    levels: dict[int, list[LevelSpec]] = defaultdict(list)
    found: dict[int, Any] = {}
    for row in reads.rows(session, _criteria(), rubric=rubric_id):
        found[row.id] = row
        if row.points is not None:
            levels[row.id].append(LevelSpec(row.points, row.level, row.level_text))
    whole = sum(row.weight for row in found.values()) or 1
    return [
        CriterionView(
            row.id,
            row.title,
            row.description,
            row.max_points,
            row.weight,
            round(row.weight * 100 / whole),
            tuple(levels[row.id]),
        )
        for row in found.values()
    ]


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
            Submission.member_id,
            Submission.team_id,
            queries_blind.unreleased().label("unreleased"),
            ShowcaseEntry.id.label("entry_id"),
            ShowcaseEntry.consented_at,
            ShowcaseEntry.sentence,
            ShowcaseEntry.hidden_at,
            ShowcaseEntry.hidden_reason,
        )
        .outerjoin(ShowcaseEntry, ShowcaseEntry.submission_id == Submission.id)
        .where(
            Submission.assignment_id == bindparam("assignment"),
            Submission.id.in_(queries_teams.works_of(bindparam("member"))),
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
            Submission.id.label("submission_id"),
            Submission.member_id,
        )
        .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(SubmissionFile.id == file_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row
