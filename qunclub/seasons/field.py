"""The rows a season would be decided from if it closed now; those of a closed one are in :mod:`snapshot`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from qunclub.points.models import Standing

from .models import CoreSeat, Season
from .queries_floor import bar, on_leave, weighed
from .rules import Plan, Row, Ruling, plan_season
from .rules_formula import TIES, Formula


def earners(session: Session, season: Season, formula: Formula) -> Subquery:
    """SQL: the points of everybody who has some in the season.

    What was taken back after an earlier season's freeze can leave somebody below zero in this one: that is none.
    """
    if formula.weighted:
        every = weighed(session, season, formula).subquery("every")
        return select(every).where(every.c.points > 0).subquery("scored")
    s = Standing
    kept = select(s.member_id, s.number, s.points, s.honours, s.last_day)
    return kept.where(s.window_id == season.window_id, s.points > 0).subquery("scored")


def _order(formula: Formula, f: Any) -> list[Any]:
    """SQL: ``rules.order`` over the columns *f*."""
    ties = {"featured": f.honours.desc(), "earlier": f.last_day}
    return [f.points.desc(), *(ties[name] for name in formula.ties), f.number]


def ranked(
    session: Session, season: Season, *, first: int | None = None, after: int | None = None
) -> Select[*tuple[Any, ...]]:
    """SQL: everybody with points in the season and every core member, with their position.

    The points are put in order before anything is asked about their members: the usual order is that of the ranking's
    index. Whoever earned nothing comes after, by number.

    Args:
        first: of those with points only so many, the best. Not of points with weights: finding the best of them
            takes as long as finding all.
        after: only those with points who come after so many.
    """
    formula, c = season.formula, CoreSeat
    placed, earned = _placed(session, season, formula, first)
    p = placed.c
    live = c.left_at.is_(None)
    scored = (
        select(
            p.member_id,
            p.number,
            p.points,
            p.honours,
            p.last_day,
            c.id.is_not(None).label("core"),
            func.coalesce(c.safe_closings, 0).label("safe_closings"),
            _away(season, formula, c.member_id),
            p.position,
        )
        .select_from(placed)
        .outerjoin(c, (c.member_id == p.member_id) & live)
    )
    if after is not None:
        f = scored.where(p.position > after).subquery("field")
        return select(*f.c, bar(season, formula, f.c.member_id, of_all=True).label("bar"))
    many = select(func.count()).select_from(earned.subquery("counted")).scalar_subquery()
    behind = many + func.row_number().over(order_by=c.number)
    mine = earned.subquery("mine")
    silent = select(
        c.member_id,
        c.number,
        literal(0, Integer),
        literal(0, Integer),
        cast(null(), Date),
        true(),
        c.safe_closings,
        _away(season, formula, c.member_id),
        behind,
    ).where(live, ~select(mine.c.member_id).where(mine.c.member_id == c.member_id).exists())
    f = union_all(scored, silent).subquery("field")
    return select(*f.c, bar(season, formula, f.c.member_id, of_all=True).label("bar"))


def _placed(
    session: Session, season: Season, formula: Formula, first: int | None
) -> tuple[Any, Select[*tuple[Any, ...]]]:
    """SQL: those with points and their position, or the *first* of them; and the ids of all."""
    s = earners(session, season, formula) if formula.weighted else None
    if s is None:
        t: Any = Standing
        mine = [t.window_id == season.window_id, t.points > 0]
    else:
        t, mine = s.c, []
    order = _order(formula, t)
    position = func.row_number().over(order_by=order).label("position")
    found = select(t.member_id, t.number, t.points, t.honours, t.last_day, position).where(*mine)
    if s is None:
        if first is not None:
            found = found.order_by(*order).limit(first)
        return found.subquery("placed"), select(Standing.member_id).where(*mine)
    # The ledger is read once, however often it is asked.
    placed = found.cte("placed")
    return placed, select(placed.c.member_id)


def _away(season: Season, formula: Formula, member: Any) -> ColumnElement[bool]:
    return (on_leave(season, member) if formula.leaves else false()).label("on_leave")


def best(session: Session, season: Season, *, limit: int) -> list[Row]:
    """The best who are not core and may rise, best first; with the usual formula it costs the same at any size."""
    formula = season.formula
    if formula.weighted or formula.ties != TIES:
        r = ranked(session, season).subquery("ranked")
        query = select(r).where(~r.c.core, r.c.bar == "").order_by(r.c.position).limit(limit)
        return _rows(session, query)
    s = Standing
    seated = select(CoreSeat.id).where(CoreSeat.member_id == s.member_id, CoreSeat.left_at.is_(None)).exists()
    in_order = (
        select(s.member_id, s.number, s.points, s.honours, s.last_day)
        .where(s.window_id == season.window_id, s.points > 0, ~seated)
        .order_by(*_order(formula, s))
    )
    many = 2 * limit
    while True:
        # The first few, and then why any of them may not rise: asked in one, PostgreSQL would ask of all members.
        near = in_order.limit(many).subquery("near")
        why = bar(season, formula, near.c.member_id)
        found = session.execute(select(*near.c, why).order_by(*_order(formula, near.c))).all()
        able = [Row(*row[:5]) for row in found if not row[5]]
        if len(able) >= limit or len(found) < many:
            return able[:limit]
        many *= 8


def core_count(session: Session) -> int:
    """How many sit in the core now; never more than a few dozen."""
    return int(
        session.scalar(select(func.count()).select_from(CoreSeat).where(CoreSeat.left_at.is_(None))) or 0
    )


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> list[Row]:
    return [row(found) for found in session.execute(query)]


def row(found: Any) -> Row:
    """The row of the rules for what the database found, of the live field or of a snapshot."""
    return Row(
        member=found.member_id,
        number=found.number,
        points=found.points,
        honours=found.honours,
        last_day=found.last_day,
        core=bool(found.core),
        safe_closings=found.safe_closings,
        position=found.position,
        bar=found.bar,
        on_leave=bool(found.on_leave),
    )


def live(session: Session, season: Season) -> list[Row]:
    """The core members and the best of the others as they stand now, with their position among all."""
    r = ranked(session, season).subquery("ranked")
    eligible = case((r.c.core, 1), (r.c.bar != "", 1), else_=0)
    nth = func.row_number().over(partition_by=eligible, order_by=r.c.position).label("nth")
    counted = select(*r.c, nth).subquery("counted")
    enough = season.seats + core_count(session)
    c = counted.c
    query = select(counted).where(
        or_(c.core, c.position <= enough, and_(~c.core, c.bar == "", c.nth <= season.seats))
    )
    return _rows(session, query)


def live_row(session: Session, season: Season, member_id: int) -> Row | None:
    """One member as they stand now, with their position; None when they have no points and are not core."""
    r = ranked(session, season).subquery("ranked")
    return next(iter(_rows(session, select(r).where(r.c.member_id == member_id))), None)


def plan_of(season: Season, rows: list[Row], rulings: Sequence[Ruling] = ()) -> Plan:
    """The season's formula over *rows*."""
    return plan_season(rows, season.formula, rulings)
