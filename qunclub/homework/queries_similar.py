"""Works that are like another one: a hint for its reviewer, never a judgement, and never shown to members."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from qunclub.courses.models import Course
from qunclub.courses.models_media import Media
from qunclub.kernel import NotFound
from qunclub.members.models import Member

from . import queries_teams, rules_similar
from .models import Assignment, Attempt, Submission, SubmissionFile
from .models_similar import WorkBand
from .rules_remarks import plain_text

LOOKED_AT = 12
"""How many likely ones are compared exactly, those with the most bands in common first."""


@dataclass(frozen=True, slots=True)
class Similar:
    """Another member's attempt: how much of the two texts is alike, and which files are the very same."""

    attempt_id: int
    submission_id: int
    n: int
    author: str
    assignment: str
    course: str
    percent: int
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """An attempt as it stands beside another."""

    attempt_id: int
    submission_id: int
    member_id: int
    n: int
    author: str
    assignment: str
    course: str
    body_html: str
    brief_html: str
    submitted_at: Any


def similar(session: Session, *, attempt_id: int) -> list[Similar]:
    """What is like an attempt, the likest first, one attempt of each work: three statements, however many there are.

    Other works of its authors and of their teams, and what an author took back, are not looked at; nor files that the
    course itself gives out.
    """
    me = session.execute(
        select(Attempt.submission_id, Attempt.body_html, Assignment.brief_html, Assignment.course_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Attempt.id == attempt_id)
    ).one_or_none()
    if me is None:
        return []
    files: dict[int, list[str]] = defaultdict(list)
    rows: dict[int, Any] = {}
    for row, name in _by_file(session, attempt_id, me.submission_id, me.course_id):
        files[row.attempt_id].append(name)
        rows[row.attempt_id] = row
    for row in session.execute(_by_band(attempt_id, me.submission_id)):
        rows[row.attempt_id] = row
    body, brief = plain_text(me.body_html), plain_text(me.brief_html)
    found: dict[int, Similar] = {}
    for row in rows.values():
        their_brief = plain_text(row.brief_html)
        percent = rules_similar.likeness(
            rules_similar.shingles(body, brief, their_brief),
            rules_similar.shingles(plain_text(row.body_html), brief, their_brief),
        )
        one = Similar(
            row.attempt_id,
            row.submission_id,
            row.n,
            row.author,
            row.assignment,
            row.course,
            percent,
            tuple(files[row.attempt_id]),
        )
        best = found.get(row.submission_id)
        if (percent >= rules_similar.HINT or one.files) and (best is None or _rank(one) > _rank(best)):
            found[row.submission_id] = one
    return sorted(found.values(), key=_rank, reverse=True)


def _rank(one: Similar) -> tuple[int, int, int]:
    return one.percent, len(one.files), one.attempt_id


def _columns() -> Any:
    return select(
        Attempt.id.label("attempt_id"),
        Attempt.submission_id,
        Attempt.n,
        Attempt.body_html,
        Attempt.submitted_at,
        Submission.member_id,
        Assignment.title.label("assignment"),
        Assignment.brief_html,
        Course.title.label("course"),
        func.coalesce(func.nullif(Member.nickname, ""), Member.name).label("author"),
    )


def _joined(query: Any) -> Any:
    return (
        query.join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == Submission.member_id)
    )


def _by_band(attempt_id: int, submission_id: int) -> Select[Any]:
    mine, other = aliased(WorkBand), aliased(WorkBand)
    hits = func.count().label("hits")
    likely = (
        select(other.attempt_id, hits)
        .select_from(mine)
        .join(other, (other.value == mine.value) & (other.attempt_id != mine.attempt_id))
        .join(Attempt, Attempt.id == other.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(mine.attempt_id == attempt_id, _of_others(submission_id), Attempt.withdrawn_at.is_(None))
        .group_by(other.attempt_id)
        .order_by(hits.desc(), other.attempt_id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    query: Select[Any] = _joined(_columns().join(likely, likely.c.attempt_id == Attempt.id))
    return query


def _by_file(session: Session, attempt_id: int, submission_id: int, course_id: int) -> list[tuple[Any, str]]:
    mine, other = aliased(SubmissionFile), aliased(SubmissionFile)
    given = exists().where(Media.course_id == course_id, Media.sha256 == mine.sha256)
    query = _joined(
        _columns()
        .add_columns(mine.name.label("file"))
        .join(other, other.attempt_id == Attempt.id)
        .join(mine, (mine.sha256 == other.sha256) & (mine.attempt_id == attempt_id))
    ).where(_of_others(submission_id), Attempt.withdrawn_at.is_(None), ~given)
    query = query.order_by(Attempt.id.desc()).limit(LOOKED_AT)
    return [(row, row.file) for row in session.execute(query)]


def _of_others(submission_id: int) -> ColumnElement[bool]:
    """Whether ``Submission`` has no author in common with this one."""
    theirs = queries_teams.authors_of(submission_id)
    return Submission.id.not_in(queries_teams.works_of_any(theirs))


def related(session: Session, submission_id: int, other_id: int) -> bool:
    """Whether two works have an author in common: one statement."""
    query = select(Submission.id).where(Submission.id == other_id, _of_others(submission_id))
    return session.scalar(query) is None


def beside(session: Session, attempt_id: int) -> Beside:
    """An attempt with what it is about: one statement.

    Raises:
        NotFound: when there is none, or its author took it back.
    """
    row = session.execute(
        _joined(_columns()).where(Attempt.id == attempt_id, Attempt.withdrawn_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound()
    return Beside(**row._mapping)
