"""Who may not rise whatever their points, who is on leave, and what points of different weight come to: in SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    case,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from qunclub import groups, house, points
from qunclub.homework.models import Submission
from qunclub.homework.models_teams import WorkShare
from qunclub.members import ERASED
from qunclub.members.models import Member
from qunclub.passes.models import Pass

from .models import CoreSeat, Season, SeasonLeave
from .rules_floor import Facts
from .rules_formula import Formula


def bar(season: Season, formula: Formula, member: Any, *, of_all: bool = False) -> ColumnElement[str]:
    """SQL: why *member* (a column) may not rise, empty when they may.

    What is asked is asked of the end of the season, so that the answer does not depend on when one looks.

    Args:
        of_all: for a query about everybody: those to whom a condition applies are gathered once. Without it each
            question is a look at an index, made for each row.
    """

    def applies(people: Select[Any], who: Any) -> ColumnElement[bool]:
        return member.in_(people) if of_all else people.where(who == member).exists()

    asked = [
        (applies(*_shut()), "suspended"),
        (applies(*groups.barred(season.group_id, season.ends_at)), "put_out"),
    ]
    if formula.clean_days:
        asked.append((applies(*_offenders(season.ends_at, formula.clean_days)), "violation"))
    if formula.reentry:
        asked.append((applies(*_eliminated_lately(season, formula.reentry)), "waiting"))
    if formula.need_pass:
        asked.append((~applies(*_holders(season.ends_at)), "no_pass"))
    if formula.min_works:
        asked.append((~_diligent(season, formula.min_works, member, of_all=of_all), "few_works"))
    if formula.min_days:
        late = season.ends_at - dt.timedelta(days=formula.min_days)
        asked.append((applies(*_numbered_after(late)), "few_days"))
    return case(*((true, literal(code)) for true, code in asked), else_=literal("", String))


People = tuple[Select[Any], Any]
"""SQL: the members to whom something applies, and the column that names them."""


def _shut() -> People:
    # Another name for the table: the question may be asked for each row of members.
    m = aliased(Member)
    # Who left the club is no member any more either.
    shut = or_(m.suspended_at.is_not(None), m.user_key.startswith(ERASED, autoescape=True))
    return select(m.id).where(shut), m.id


def _offenders(moment: dt.datetime, days: int) -> People:
    return house.open_violations(since=moment - dt.timedelta(days=days), until=moment)


def has_violation(member: Any, moment: dt.datetime, days: int) -> ColumnElement[bool]:
    """SQL: whether *member* (a column) has an open violation of the house rules at a moment; never when 0 *days*."""
    if not days:
        return false()
    people, who = _offenders(moment, days)
    return people.where(who == member).exists()


def _numbered_after(moment: dt.datetime) -> People:
    m = aliased(Member)
    return select(m.id).where(or_(m.numbered_at.is_(None), m.numbered_at > moment)), m.id


def _eliminated_lately(season: Season, seasons: int) -> People:
    s = Season
    before = (
        select(s.id, s.published_at)
        .where(s.state.in_(("published", "closed")), s.starts_at < season.starts_at)
        .order_by(s.starts_at.desc())
        .limit(seasons)
        .subquery("before")
    )
    # A seat that was ended for a violation counts as if the result before it had ended it.
    since = select(func.min(before.c.published_at)).scalar_subquery()
    left = or_(
        CoreSeat.left_season_id.in_(select(before.c.id)),
        (CoreSeat.left_reason == "removed") & (CoreSeat.left_at > since),
    )
    return select(CoreSeat.member_id).where(left), CoreSeat.member_id


def _holders(moment: dt.datetime) -> People:
    good = or_(
        Pass.ends_at.is_(None), Pass.ends_at >= moment, Pass.renews.is_(True), Pass.grace_until >= moment
    )
    return select(Pass.member_id).where(Pass.state == "active", good), Pass.member_id


def holds_pass(member: Any, moment: dt.datetime) -> ColumnElement[bool]:
    """SQL: whether *member* (a column) holds a pass that is good at a moment."""
    people, who = _holders(moment)
    return people.where(who == member).exists()


def _accepted(season: Season) -> tuple[People, People]:
    """Accepted works of the season, a row each: those done alone, and those of teams, for each of the team."""
    s, share = Submission, WorkShare
    good = (
        s.state == "accepted",
        s.carried_over.is_(False),
        s.reviewed_at >= season.starts_at,
        s.reviewed_at < season.ends_at,
    )
    alone = select(s.member_id).where(s.team_id.is_(None), *good)
    together = select(share.member_id).join(s, s.id == share.submission_id).where(*good)
    return (alone, s.member_id), (together, share.member_id)


def _works(season: Season, member: Any) -> ColumnElement[int]:
    """SQL: how many accepted works *member* (a column) has in the season."""
    alone, together = (
        people.with_only_columns(func.count()).where(who == member).correlate_except(Submission, WorkShare)
        for people, who in _accepted(season)
    )
    return alone.scalar_subquery() + together.scalar_subquery()


def _diligent(season: Season, works: int, member: Any, *, of_all: bool) -> ColumnElement[bool]:
    if not of_all:
        return _works(season, member) >= works
    (alone, _mine), (together, _ours) = _accepted(season)
    done = union_all(alone, together).subquery("done").c
    many = select(done.member_id).group_by(done.member_id).having(func.count() >= works)
    found: ColumnElement[bool] = member.in_(many)
    return found


def on_leave(season: Season, member: Any) -> ColumnElement[bool]:
    """SQL: whether *member* (a column) is on leave in the season."""
    return (
        select(SeasonLeave.id)
        .where(SeasonLeave.season_id == season.id, SeasonLeave.member_id == member)
        .exists()
    )


def bars(session: Session, season: Season, formula: Formula, member_ids: Collection[int]) -> dict[int, str]:
    """Why each of these members may not rise: one statement."""
    rows = session.execute(
        select(Member.id, bar(season, formula, Member.id)).where(Member.id.in_(member_ids))
    )
    return {ident: why for ident, why in rows}


def facts_of(session: Session, season: Season, formula: Formula, member_id: int) -> Facts:
    """What the floor asks about, of one member: at most two statements."""
    m = Member.id
    late, who = _eliminated_lately(season, max(1, formula.reentry))
    row = session.execute(
        select(
            holds_pass(m, season.ends_at) if formula.need_pass else false(),
            _works(season, m) if formula.min_works else literal(0),
            Member.numbered_at,
            late.where(who == m).exists() if formula.reentry else false(),
        ).where(m == member_id)
    ).one()
    days, violations = formula.clean_days, []
    if days:
        since = season.ends_at - dt.timedelta(days=days)
        violations = house.open_violations_of(session, member_id=member_id, since=since, until=season.ends_at)
    broke = tuple((one.at, one.muted, one.muted_until) for one in violations)
    return Facts(bool(row[0]), int(row[1]), row[2], bool(row[3]), broke)


def weighed(session: Session, season: Season, formula: Formula) -> Select[*tuple[Any, ...]]:
    """SQL: the points of the season with their weights, from the ledger: as ``Standing`` has them without.

    It reads every line of the season.
    """
    window = points.Span(season.window_id or 0, season.starts_at, season.ends_at)
    everybody = points.ledger_sums(session, window=window, weights=dict(formula.weights))
    return everybody.where(Member.number.is_not(None))
