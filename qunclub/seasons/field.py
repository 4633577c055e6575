"""The rows a closing is decided from: the live ones of an open season, the frozen ones of a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    TextClause,
    and_,
    case,
    cast,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from qunclub.points.models import Standing

from .models import HEAD, CoreSeat, Season, SnapshotRow
from .queries_floor import bar, on_leave, weighed
from .rules import Plan, Row, Ruling, plan_season
from .rules_formula import TIES, Formula

COLUMNS = (
    "member_id", "number", "points", "honours", "last_day", "core", "safe_closings", "position", "bar", "on_leave",
)  # fmt: skip


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


def _ranked(session: Session, season: Season) -> Select[*tuple[Any, ...]]:
    """SQL: everybody with points in the season and every core member, with their position.

    The points are put in order before anything is asked about their members: the usual order is that of the ranking's
    index. Whoever earned nothing comes after, by number.
    """
    formula, c = season.formula, CoreSeat
    placed, earned = _placed(session, season, formula)
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
    many = select(func.count()).select_from(earned.subquery("counted")).scalar_subquery()
    after = many + func.row_number().over(order_by=c.number)
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
        after,
    ).where(live, ~select(mine.c.member_id).where(mine.c.member_id == c.member_id).exists())
    f = union_all(scored, silent).subquery("field")
    return select(*f.c, bar(season, formula, f.c.member_id, of_all=True).label("bar"))


def _placed(session: Session, season: Season, formula: Formula) -> tuple[Any, Select[*tuple[Any, ...]]]:
    """SQL: those with points and their position; and their ids alone."""
    s = earners(session, season, formula) if formula.weighted else None
    if s is None:
        t: Any = Standing
        mine = [t.window_id == season.window_id, t.points > 0]
    else:
        t, mine = s.c, []
    position = func.row_number().over(order_by=_order(formula, t)).label("position")
    ranked = select(t.member_id, t.number, t.points, t.honours, t.last_day, position).where(*mine)
    if s is None:
        return ranked.subquery("placed"), select(Standing.member_id).where(*mine)
    # The ledger is read once, however often it is asked.
    placed = ranked.cte("placed")
    return placed, select(placed.c.member_id)


def _away(season: Season, formula: Formula, member: Any) -> ColumnElement[bool]:
    return (on_leave(season, member) if formula.leaves else false()).label("on_leave")


def best(session: Session, season: Season, *, limit: int) -> list[Row]:
    """The best who are not core and may rise, best first; with the usual formula it costs the same at any size."""
    formula = season.formula
    if formula.weighted or formula.ties != TIES:
        ranked = _ranked(session, season).subquery("ranked")
        query = (
            select(ranked).where(~ranked.c.core, ranked.c.bar == "").order_by(ranked.c.position).limit(limit)
        )
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
    return [_row(found) for found in session.execute(query)]


def _row(found: Any) -> Row:
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
    ranked = _ranked(session, season).subquery("ranked")
    eligible = case((ranked.c.core, 1), (ranked.c.bar != "", 1), else_=0)
    nth = func.row_number().over(partition_by=eligible, order_by=ranked.c.position).label("nth")
    counted = select(*ranked.c, nth).subquery("counted")
    enough = season.seats + core_count(session)
    c = counted.c
    query = select(counted).where(
        or_(c.core, c.position <= enough, and_(~c.core, c.bar == "", c.nth <= season.seats))
    )
    return _rows(session, query)


def live_row(session: Session, season: Season, member_id: int) -> Row | None:
    """One member as they stand now, with their position; None when they have no points and are not core."""
    ranked = _ranked(session, season).subquery("ranked")
    return next(iter(_rows(session, select(ranked).where(ranked.c.member_id == member_id))), None)


def freeze(session: Session, season: Season) -> None:
    """Copy everybody's standing into the snapshot, in one statement and in the order of its key, which is quickest."""
    ranked = _ranked(session, season).subquery("ranked")
    columns = ["season_id", *COLUMNS]
    rows = select(literal(season.id), *(ranked.c[name] for name in COLUMNS)).order_by(ranked.c.member_id)
    if session.get_bind().dialect.name == "postgresql":
        # For this transaction only: a million rows are put in order in memory, not on the disk.
        session.execute(text("SET LOCAL work_mem = '256MB'"))
    session.execute(insert(SnapshotRow).from_select(columns, rows))


def stream(session: Session, season_id: int) -> Iterator[Row]:
    """The snapshot's rows by position, a few hundred at a time."""
    query = (
        select(*(getattr(SnapshotRow, name) for name in COLUMNS))
        .where(SnapshotRow.season_id == season_id)
        .order_by(SnapshotRow.position)
    )
    for found in session.execute(query, execution_options={"yield_per": 1000}):
        yield _row(found)


def frozen(session: Session, season: Season, named: Collection[int] = ()) -> list[Row]:
    """The core members of the snapshot, the best of the others, and who is *named*."""
    r = SnapshotRow
    mine = r.season_id == season.id
    core = _rows(session, _of_snapshot(mine, IN_CORE))
    best = len(core) + season.seats
    rows = {row.member: row for row in core}
    rows |= {
        row.member: row for row in _rows(session, _of_snapshot(mine, *in_head(best), r.position <= best))
    }
    if named:
        rows |= {row.member: row for row in _rows(session, _of_snapshot(mine, r.member_id.in_(named)))}
    # Whoever may not rise leaves room for others further down; as many more as were named.
    wanted = season.seats + len(named)
    if sum(1 for row in rows.values() if not row.core and not row.bar) < wanted:
        outside = (mine, r.core.is_(False), r.bar == "")
        for near in (in_head(), ()):
            more = _rows(session, _of_snapshot(*outside, *near).order_by(r.position).limit(wanted))
            if len(more) == wanted:
                break
        rows |= {row.member: row for row in more}
    return list(rows.values())


# In the words of the indexes' own conditions, by which both databases find them.
IN_CORE = text("core")


def in_head(most: int = 0) -> tuple[TextClause, ...]:
    """SQL: the condition of the index over the snapshot's first places, unless *most* places are more than it has."""
    return () if most > HEAD else (text(f"position <= {HEAD}"),)


def _of_snapshot(*which: ColumnElement[bool] | TextClause) -> Select[*tuple[Any, ...]]:
    return select(*(getattr(SnapshotRow, name) for name in COLUMNS)).where(*which)


def plan_of(season: Season, rows: list[Row], rulings: Sequence[Ruling] = ()) -> Plan:
    """The season's formula over *rows*."""
    return plan_season(rows, season.formula, rulings)
