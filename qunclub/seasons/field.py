"""The rows a closing is decided from: the live ones of an open season, the frozen ones of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Date,
    Integer,
    Select,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from qunclub.points.models import Standing

from .models import CoreSeat, Season, SnapshotRow
from .rules import Plan, Row, plan_season

COLUMNS = ("member_id", "number", "points", "honours", "last_day", "core", "safe_closings", "position")


def _ranked(season: Season) -> Select[*tuple[Any, ...]]:
    """SQL: everybody with points in the season and every core member, with their position."""
    s, c = Standing, CoreSeat
    live = (c.member_id == s.member_id) & c.left_at.is_(None)
    in_window = s.window_id == season.window_id
    scored = (
        select(
            s.member_id,
            s.number,
            s.points,
            s.honours,
            s.last_day,
            c.id.is_not(None).label("core"),
            func.coalesce(c.safe_closings, 0).label("safe_closings"),
        )
        .outerjoin(c, live)
        .where(in_window)
    )
    silent = select(
        c.member_id,
        c.number,
        literal(0, Integer),
        literal(0, Integer),
        cast(null(), Date),
        true(),
        c.safe_closings,
    ).where(c.left_at.is_(None), ~select(s.member_id).where(in_window, s.member_id == c.member_id).exists())
    f = union_all(scored, silent).subquery("field")
    nothing_last = case((f.c.last_day.is_(None), 1), else_=0)
    order = (nothing_last, f.c.points.desc(), f.c.honours.desc(), f.c.last_day, f.c.number)
    return select(*f.c, func.row_number().over(order_by=order).label("position"))


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
    )


def live(session: Session, season: Season) -> list[Row]:
    """The core members and the best of the others as they stand now, with their position among all."""
    ranked = _ranked(season).subquery("ranked")
    enough = season.seats + core_count(session)
    query = select(ranked).where(or_(ranked.c.core, ranked.c.position <= enough))
    return _rows(session, query)


def freeze(session: Session, season: Season) -> None:
    """Copy everybody's standing into the snapshot, in one statement."""
    ranked = _ranked(season).subquery("ranked")
    columns = ["season_id", *COLUMNS]
    session.execute(
        insert(SnapshotRow).from_select(
            columns, select(literal(season.id), *(ranked.c[name] for name in COLUMNS))
        )
    )


def stream(session: Session, season_id: int) -> Iterator[Row]:
    """The snapshot's rows by position, a few hundred at a time."""
    query = (
        select(*(getattr(SnapshotRow, name) for name in COLUMNS))
        .where(SnapshotRow.season_id == season_id)
        .order_by(SnapshotRow.position)
    )
    for found in session.execute(query, execution_options={"yield_per": 1000}):
        yield _row(found)


def frozen(session: Session, season: Season) -> list[Row]:
    """The core members of the snapshot and the best of the others."""
    r = SnapshotRow
    cores = select(func.count()).where(r.season_id == season.id, r.core.is_(True)).scalar_subquery()
    query = select(*(getattr(r, name) for name in COLUMNS)).where(
        r.season_id == season.id, or_(r.core.is_(True), r.position <= cores + season.seats)
    )
    return _rows(session, query)


def plan_of(season: Season, rows: list[Row]) -> Plan:
    """The season's formula over *rows*."""
    return plan_season(rows, seats=season.seats, eliminate=season.eliminate, min_points=season.min_points)
