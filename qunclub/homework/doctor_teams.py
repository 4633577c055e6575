"""The promises of group work: points equal the verdict for everybody, and consent is everybody's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry, PointRule

from .models import Attempt, Review, ShowcaseEntry, Submission
from .models_teams import Team, TeamMember, WorkShare


def checks() -> list[tuple[int, str, Select[Any]]]:
    """(promise, what is wrong, the ids of it) as ``doctor.check`` wants them."""
    return [
        (6, "accepted works of teams that somebody in them did not earn", _unpaid()),
        (6, "works of teams whose points differ from their verdict, or were given twice", _overpaid()),
        (6, "works of teams held by one of the team, or without a share of who handed them in", _shares()),
        (9, "works of teams in the showcase without everybody's consent", _consents()),
    ]


def earns() -> ColumnElement[Any]:
    """``rules_points.accepted_points`` of ``Attempt`` in SQL."""
    own = (Attempt.points_accepted * Submission.score + 50) // 100
    return case((Attempt.points_accepted.is_(None), Submission.score), else_=own)


def _sources() -> list[ColumnElement[str]]:
    """Every source under which ``WorkShare`` may have earned with the judgement ``Review`` of ``Attempt``."""
    first = (
        literal("submission:")
        .concat(cast(Submission.id, String))
        .concat(":m")
        .concat(cast(WorkShare.member_id, String))
        .concat(":accepted")
    )
    again = first.concat(":").concat(cast(Attempt.n, String))
    return [first, again, again.concat(":").concat(cast(Review.id, String))]


def _held() -> Any:
    reversal = aliased(LedgerEntry)
    return ~exists().where(reversal.reverses_id == LedgerEntry.id)


def _judged(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .join(WorkShare, WorkShare.submission_id == Submission.id)
        .join(Attempt, Attempt.submission_id == Submission.id)
        .join(Review, Review.attempt_id == Attempt.id)
    )


def _unpaid() -> Select[Any]:
    # As with work done alone: before the rule took its present form it may have been off.
    return (
        _judged(Submission.id)
        .join(Member, Member.id == WorkShare.member_id)
        .outerjoin(PointRule, PointRule.kind == "homework_accepted")
        .where(
            Attempt.n == Submission.attempt,
            Review.counts,
            Submission.state == "accepted",
            Submission.carried_over.is_(False),
            earns() > 0,
            or_(
                PointRule.kind.is_(None),
                and_(PointRule.active.is_(True), Submission.reviewed_at >= PointRule.updated_at),
            ),
            Submission.reviewed_at >= Member.numbered_at,
            ~exists().where(LedgerEntry.source.in_(_sources()), _held()),
        )
        .distinct()
        .order_by(Submission.id)
    )


def _overpaid() -> Select[Any]:
    live = (
        _judged(Submission.id)
        .join(LedgerEntry, LedgerEntry.source.in_(_sources()))
        .where(_held())
        .group_by(Submission.id, WorkShare.member_id)
    )
    wrong = or_(
        Submission.state != "accepted",
        LedgerEntry.member_id != WorkShare.member_id,
        and_(Attempt.n == Submission.attempt, LedgerEntry.amount + LedgerEntry.lost != earns()),
    )
    return live.having(
        or_(func.count(LedgerEntry.id.distinct()) > 1, func.sum(case((wrong, 1), else_=0)) > 0)
    ).order_by(Submission.id)


def _shares() -> Select[Any]:
    held = exists().where(
        WorkShare.submission_id == Submission.id, WorkShare.member_id == Submission.claimed_by
    )
    kept = exists().where(
        WorkShare.submission_id == Submission.id, WorkShare.member_id == Submission.member_id
    )
    strange = exists().where(Team.id == Submission.team_id, Team.assignment_id != Submission.assignment_id)
    moved = exists().where(
        TeamMember.team_id == Team.id,
        TeamMember.assignment_id != Team.assignment_id,
        Team.id == Submission.team_id,
    )
    return (
        select(Submission.id)
        .where(Submission.team_id.is_not(None), or_(held, ~kept, strange, moved))
        .order_by(Submission.id)
    )


def _consents() -> Select[Any]:
    silent = exists().where(
        WorkShare.submission_id == ShowcaseEntry.submission_id, WorkShare.consented_at.is_(None)
    )
    return (
        select(ShowcaseEntry.id)
        .where(ShowcaseEntry.consented_at.is_not(None), silent)
        .order_by(ShowcaseEntry.id)
    )
