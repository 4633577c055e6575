"""Reads of a season's review: what differs from the last dry run, who was nominated, what was excepted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.members.models import Member

from . import field, services_review
from .models import Season
from .models_review import DryRun, Nomination, SeasonException
from .rules import Plan
from .rules_review import Change, differences, outcomes_of, plan_hash


@dataclass(frozen=True, slots=True)
class Excepted:
    """An exception and whom it is about."""

    id: int
    number: int
    name: str
    kind: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Nominated:
    """A nomination, whom it is about, and whether they would sit in the core as it stands."""

    number: int
    name: str
    reason: str
    by: str
    at: dt.datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Review:
    """What the admins' page shows beside the outcomes; *changes* against *last*, None when nobody tried yet.

    Attributes:
        proposal: the last one somebody stands by, if it still is what would happen.
        moved: whose outcome is another one than the formula alone would give, because of the exceptions.
    """

    last: DryRun | None
    changes: list[Change] | None
    proposal: DryRun | None
    exceptions: list[Excepted]
    nominations: list[Nominated]
    moved: list[Change]


def excepted(session: Session, season_id: int) -> list[Excepted]:
    """The exceptions of a season, without the facts."""
    rows = session.execute(
        select(SeasonException, Member.number, Member.nickname, Member.name)
        .join(Member, Member.id == SeasonException.member_id)
        .where(SeasonException.season_id == season_id, SeasonException.kind != "gone")
        .order_by(SeasonException.id)
    )
    return [
        Excepted(one.id, number or 0, nickname or name, one.kind, one.reason, one.by_name)
        for one, number, nickname, name in rows
    ]


published = excepted


def nominated(session: Session, season_id: int, plan: Plan) -> list[Nominated]:
    """Who was nominated, in order of number, then of time."""
    outcomes = {one.row.member: one.outcome for one in plan.outcomes}
    rows = session.execute(
        select(Nomination, Member.number, Member.nickname, Member.name)
        .join(Member, Member.id == Nomination.member_id)
        .where(Nomination.season_id == season_id)
        .order_by(Member.number, Nomination.id)
    )
    return [
        Nominated(
            number or 0, nickname or name, one.reason, one.by_name, one.at, outcomes.get(one.member_id, "")
        )
        for one, number, nickname, name in rows
    ]


def mine(session: Session, season_id: int, by_member_id: int) -> list[tuple[int, str, str]]:
    """Whom I nominated: number, name, reason."""
    rows = session.execute(
        select(Member.number, Member.nickname, Member.name, Nomination.reason)
        .join(Member, Member.id == Nomination.member_id)
        .where(Nomination.season_id == season_id, Nomination.by_member_id == by_member_id)
        .order_by(Nomination.id)
    )
    return [(number or 0, nickname or name, reason) for number, nickname, name, reason in rows]


def review(session: Session, season: Season, plan: Plan) -> Review:
    """The review of a season whose outcomes are *plan*."""
    last = services_review.last_run(session, season.id)
    proposal = services_review.last_run(session, season.id, proposed=True)
    now = outcomes_of(plan)
    standing = proposal is not None and season.state == "frozen" and proposal.plan_hash == plan_hash(now)
    return Review(
        last,
        None if last is None else differences(last.outcomes, now),
        proposal if standing else None,
        excepted(session, season.id),
        nominated(session, season.id, plan),
        moved(session, season, plan),
    )


def moved(session: Session, season: Season, plan: Plan) -> list[Change]:
    """Whose outcome the exceptions of a frozen season change, against the formula alone.

    Whoever left the club since the freeze is out of both: that is no exception anybody made.
    """
    if season.state != "frozen":
        return []
    rows, said = services_review.considered(session, season)
    gone = [one for one in said if one.kind == "gone"]
    if len(gone) == len(said):
        return []
    changes = differences(outcomes_of(field.plan_of(season, rows, gone)), outcomes_of(plan))
    return [one for one in changes if one.was != one.now]
