"""Blind review in SQL: every list of the desk and the admins takes names through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel.unindexed import among
from qunclub.members.models import Member

from . import queries_teams, rules_blind
from .models import Assignment, Attempt, Submission, SubmissionFile
from .models_fair import WorkAppeal
from .models_judging import Unveil

if TYPE_CHECKING:
    from .queries_attempts import AttemptView
    from .queries_fair import FairView


# Under names of their own: a list of appeals asks of each whether another is open.
_Appeal = aliased(WorkAppeal, name="open_appeal")


def unreleased() -> ColumnElement[bool]:
    """Whether a submission's verdict is still to come, or is being looked at again."""
    appealed = (
        select(_Appeal.id)
        .where(_Appeal.submission_id == Submission.id, _Appeal.state == "open")
        .correlate(Submission)
        .exists()
    )
    return or_(Submission.state.in_(rules_blind.UNRELEASED), appealed)


def veiled(viewer: int | None) -> ColumnElement[bool]:
    """``rules_blind.hidden`` in SQL, for ``Submission`` joined with its ``Assignment``.

    Args:
        viewer: the member who reads: an admin who has unveiled a work reads its author's name.
    """
    looked = (
        select(Unveil.id)
        .where(Unveil.submission_id == Submission.id, Unveil.admin_id == (viewer or 0))
        .correlate(Submission)
        .exists()
    )
    return and_(Assignment.blind != "", unreleased(), ~looked)


def named(
    viewer: int | None,
) -> tuple[ColumnElement[Any], ColumnElement[Any], ColumnElement[bool], ColumnElement[str]]:
    """(number, author, veiled, team) of ``Member`` and the team of ``Submission``, which is empty for work done alone.

    Of a veiled work the number is null, author and team are empty.
    """
    behind = veiled(viewer)
    name = func.coalesce(func.nullif(Member.nickname, ""), Member.name)
    return (
        case((behind, None), else_=Member.number).label("number"),
        case((behind, ""), else_=name).label("author"),
        behind.label("veiled"),
        case((behind, ""), else_=queries_teams.team_names()).label("team"),
    )


def open_attempts(session: Session, attempt_ids: Sequence[int], *, viewer: int | None) -> frozenset[int]:
    """Those of *attempt_ids* whose authors *viewer* may read: one statement, none without any."""
    if not attempt_ids:
        return frozenset()
    query = (
        select(Attempt.id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Attempt.id.in_(attempt_ids), ~veiled(viewer))
    )
    return frozenset(session.scalars(query))


def in_crowd(members: Select[int] | Sequence[int], viewer: int | None) -> ColumnElement[bool]:
    """Whether a work may be shown under a filter by group: not when that would tell who wrote it.

    Args:
        members: those of the group; in person when they are few: then it is their works that are looked up.
    """
    other = aliased(Submission)
    theirs = (
        queries_teams.any_author(lambda member: member.in_(members), other)
        if isinstance(members, Select)
        else among(other.id, queries_teams.works_of_any(members))
    )
    crowded = (
        select(other.assignment_id)
        .where(other.state == "waiting", theirs)
        .group_by(other.assignment_id)
        .having(func.count() >= rules_blind.CROWD)
    )
    return or_(~veiled(viewer), and_(Submission.state == "waiting", Submission.assignment_id.in_(crowded)))


def masked(attempts: Sequence[AttemptView]) -> list[AttemptView]:
    """The same attempts with files that are called by their place."""
    return [
        replace(
            one,
            files=tuple(
                replace(file, name=rules_blind.file_name(place, file.name))
                for place, file in enumerate(one.files, 1)
            ),
        )
        for one in attempts
    ]


def unnamed(attempts: Sequence[AttemptView], name: str) -> list[AttemptView]:
    """The same attempts with *name* in the place of every reviewer's: what the author reads until the release."""
    return [
        replace(one, review=replace(one.review, reviewer_name=name)) if one.review else one
        for one in attempts
    ]


def unnamed_fair(fair: FairView, name: str) -> FairView:
    """The same history with *name* in the place of everybody who judged."""
    lines = [SimpleNamespace(**{**one._mapping, "actor_name": name}) for one in fair.lines]
    others = [SimpleNamespace(**{**one._mapping, "reviewer_name": name}) for one in fair.others]
    return replace(fair, lines=lines, others=others)


def file_name_shown(session: Session, file_id: int, *, viewer: int | None) -> str | None:
    """What *viewer* reads as the name of a file of a veiled work; None when its own name is shown: one statement."""
    other = aliased(SubmissionFile)
    row = session.execute(
        select(
            SubmissionFile.name,
            veiled(viewer).label("veiled"),
            select(func.count())
            .where(other.attempt_id == SubmissionFile.attempt_id, other.id <= SubmissionFile.id)
            .scalar_subquery()
            .label("place"),
        )
        .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(SubmissionFile.id == file_id)
    ).one()
    return rules_blind.file_name(row.place, row.name) if row.veiled else None


def unveils(session: Session, assignment_id: int) -> Sequence[Any]:
    """Who looked behind the works of an assignment, the newest first: one statement."""
    return session.execute(
        select(Unveil.submission_id, Unveil.admin_name, Unveil.reason, Unveil.at)
        .join(Submission, Submission.id == Unveil.submission_id)
        .where(Submission.assignment_id == assignment_id)
        .order_by(Unveil.id.desc())
        .limit(50)
    ).all()
