"""Reads of appeals and corrections: one's own, those of a season, and who may decide."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from qunclub.members.models import Member

from . import rules_appeals, snapshot
from .models import Decision, Season
from .models_appeals import SeasonAppeal, SeasonCorrection
from .models_undo import SeasonJournal
from .rules import Row
from .rules_appeals import Case


def of_member(session: Session, season_id: int, member_id: int) -> SeasonAppeal | None:
    """A member's appeal against the present result."""
    query = select(SeasonAppeal).where(
        SeasonAppeal.season_id == season_id, SeasonAppeal.member_id == member_id, SeasonAppeal.state != "void"
    )
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def case_of(session: Session, season: Season, member_id: int) -> Case:
    """What the rules ask about a member's result."""
    outcome = session.scalar(
        select(Decision.outcome).where(Decision.season_id == season.id, Decision.member_id == member_id)
    )
    if outcome is None:
        row = snapshot.row_of(session, season.id, member_id)
        # Whoever sat in the core and has no decision lost the seat before the result, not by it.
        outcome = "none" if row is not None and not row.core else ""
    return Case(
        season.published_at if season.state == "published" else None,
        season.formula.appeal_days,
        outcome,
        of_member(session, season.id, member_id) is not None,
    )


@dataclass(frozen=True, slots=True)
class Mine:
    """What a member's page of a result says of appealing; *refused* is a code, empty when they can."""

    appeal: SeasonAppeal | None
    correction: SeasonCorrection | None
    refused: str
    until: dt.datetime | None


def mine(session: Session, season: Season, member_id: int, now: dt.datetime) -> Mine:
    """My appeal, what came of it, or whether I may."""
    case = case_of(session, season, member_id)
    correction = session.scalars(
        select(SeasonCorrection).where(
            SeasonCorrection.season_id == season.id, SeasonCorrection.member_id == member_id
        )
    ).one_or_none()
    return Mine(
        of_member(session, season.id, member_id), correction, rules_appeals.refused(case, now), case.until
    )


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction and whom it is about."""

    member_id: int
    number: int
    name: str
    outcome: str
    spare_reason: str
    at: dt.datetime


def corrections(session: Session, season_id: int) -> list[Corrected]:
    """What was corrected after appeals, in order; everybody reads it."""
    rows = session.execute(
        select(SeasonCorrection, Member.number, Member.nickname, Member.name)
        .join(Member, Member.id == SeasonCorrection.member_id)
        .where(SeasonCorrection.season_id == season_id)
        .order_by(SeasonCorrection.id)
    )
    return [
        Corrected(one.member_id, number or 0, nickname or name, one.outcome, one.spare_reason, one.decided_at)
        for one, number, nickname, name in rows
    ]


@dataclass(frozen=True, slots=True)
class Appealed:
    """An appeal for admins."""

    appeal: SeasonAppeal
    number: int
    name: str
    points: int
    position: int


def of_season(session: Session, season_id: int) -> list[Appealed]:
    """Every appeal of a season, open ones first: at most three statements."""
    found = session.execute(
        select(
            SeasonAppeal,
            Member.number,
            Member.nickname,
            Member.name,
        )
        .join(Member, Member.id == SeasonAppeal.member_id)
        .where(SeasonAppeal.season_id == season_id)
        .order_by(SeasonAppeal.state != "open", SeasonAppeal.id)
    ).all()
    stood = snapshot.rows_of(session, season_id, {one.member_id for one, *_who in found})
    nowhere = Row(0, 0)
    rows = [(*line, stood.get(line[0].member_id, nowhere)) for line in found]
    return [
        Appealed(one, number or 0, nickname or name, row.points, row.position)
        for one, number, nickname, name, row in rows
    ]


def open_of(session: Session, season_id: int) -> int:
    """How many wait to be decided."""
    query = select(func.count()).where(SeasonAppeal.season_id == season_id, SeasonAppeal.state == "open")
    return session.scalar(query) or 0


def admins_beside(session: Session, member_id: int) -> int:
    """How many admins the club has by its own roles, without one member and without who is suspended."""
    query = select(func.count(Member.id)).where(
        cast(Member.roles, Text).contains('"admin"'), Member.suspended_at.is_(None), Member.id != member_id
    )
    return session.scalar(query) or 0


def publisher(session: Session, season_id: int) -> str:
    """The key of who published the result; empty when nobody knows (any more)."""
    found = session.get(SeasonJournal, season_id)
    return found.by_key if found is not None else ""
