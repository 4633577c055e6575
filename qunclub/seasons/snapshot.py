"""How everybody stood when a season was frozen: what its closing is decided from, whatever comes later.

The first places and the core are rows; everybody else stands on :mod:`sheets`.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Integer,
    Select,
    TextClause,
    insert,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

from . import field, fingerprint, sheets
from .models import HEAD, CoreSeat, Season, SnapshotRow, SnapshotSheet
from .rules import Row

COLUMNS = (
    "member_id", "number", "points", "honours", "last_day", "core", "safe_closings", "position", "bar", "on_leave",
)  # fmt: skip
# In the words of the indexes' own conditions, by which both databases find them.
IN_CORE = text("core")


def freeze(session: Session, season: Season) -> None:
    """Keep how everybody stands, as rows and sheets."""
    if session.get_bind().dialect.name == "postgresql":
        # For this transaction only: a million rows are put in order in memory, not on the disk.
        session.execute(text("SET LOCAL work_mem = '256MB'"))
    if season.formula.weighted:
        # The ledger is read for it, which is what takes long: once.
        _keep_rows(session, season, None)
    elif _keep_rows(session, season, HEAD) >= HEAD:
        _keep_sheets(session, season)
        _take_out_core(session, season)


def _keep_rows(session: Session, season: Season, first: int | None) -> int:
    ranked = field.ranked(session, season, first=first).subquery("ranked")
    # In the order of the key, which is quickest.
    rows = select(literal(season.id), *(ranked.c[name] for name in COLUMNS)).order_by(ranked.c.member_id)
    kept = session.execute(
        insert(SnapshotRow).from_select(["season_id", *COLUMNS], rows),
        execution_options={"preserve_rowcount": True},
    )
    return cast(CursorResult[Any], kept).rowcount


def _keep_sheets(session: Session, season: Season) -> None:
    dialect = session.get_bind().dialect.name
    r = field.ranked(session, season, after=HEAD).subquery("ranked").c
    sheet = r.member_id // literal_column(str(sheets.EACH), Integer)
    lines = fingerprint.joined(dialect, fingerprint.line(dialect, r), r.position)
    query = select(literal(season.id), sheet, lines).group_by(sheet)
    session.execute(insert(SnapshotSheet).from_select(["season_id", "sheet", "lines"], query))


def _take_out_core(session: Session, season: Season) -> None:
    """Whoever sits in the core has a row, however far down."""
    r = SnapshotRow
    rows = select(r.member_id).where(r.season_id == season.id, r.member_id == CoreSeat.member_id)
    query = select(CoreSeat.member_id).where(CoreSeat.left_at.is_(None), ~rows.exists())
    for row in sheets.take_out(session, season.id, set(session.scalars(query))):
        values = {name: getattr(row, name) for name in COLUMNS if name != "member_id"}
        session.add(SnapshotRow(season_id=season.id, member_id=row.member, **values))
    session.flush()


def rows_of(session: Session, season_id: int, members: Collection[int]) -> dict[int, Row]:
    """How *members* stood when the season was frozen, by member: without whoever had no points and was not core."""
    r = SnapshotRow
    found = {
        row.member: row for row in _rows(session, _of(r.season_id == season_id, r.member_id.in_(members)))
    }
    rest = set(members) - found.keys()
    return found | {row.member: row for row in sheets.rows(session, season_id, rest)} if rest else found


def row_of(session: Session, season_id: int, member_id: int) -> Row | None:
    """How a member stood when the season was frozen; None when they had no points and were not core."""
    return rows_of(session, season_id, [member_id]).get(member_id)


def of_member(session: Session, member_id: int) -> list[tuple[Season, Row]]:
    """How a member stood in every season that was frozen, the first one first: three statements."""
    frozen = session.scalars(
        select(Season).where(Season.snapshot_hash != "").order_by(Season.starts_at, Season.id)
    ).all()
    ids, r = [season.id for season in frozen], SnapshotRow
    mine = _of(r.season_id.in_(ids), r.member_id == member_id).add_columns(r.season_id)
    found = {one.season_id: field.row(one) for one in session.execute(mine)}
    found |= sheets.of_member(session, ids, member_id)
    return [(season, found[season.id]) for season in frozen if season.id in found]


def by_place(session: Session, season_id: int) -> Iterator[Row]:
    """Everybody by position, a few thousand at a time."""
    query = _of(SnapshotRow.season_id == season_id).order_by(SnapshotRow.position)
    rows = map(field.row, session.execute(query, execution_options={"yield_per": 1000}))
    return heapq.merge(rows, sheets.by_place(session, season_id), key=lambda row: row.position)


def deciding(session: Session, season: Season, named: Collection[int] = ()) -> list[Row]:
    """The core members of the snapshot, the best of the others, and who is *named*."""
    r = SnapshotRow
    mine = r.season_id == season.id
    core = _rows(session, _of(mine, IN_CORE))
    best = len(core) + season.seats
    rows = {row.member: row for row in core}
    rows |= {row.member: row for row in _rows(session, _of(mine, *in_head(best), r.position <= best))}
    if best > HEAD:
        rows |= {row.member: row for row in sheets.every(session, season.id) if row.position <= best}
    if named:
        rows |= rows_of(session, season.id, named)
    # Whoever may not rise leaves room for others further down; as many more as were named.
    wanted = season.seats + len(named)
    if sum(1 for row in rows.values() if not row.core and not row.bar) < wanted:
        rows |= {row.member: row for row in best_able(session, season.id, wanted)}
    return list(rows.values())


def best_able(session: Session, season_id: int, most: int) -> list[Row]:
    """The best of those who are not core and may rise, by position."""
    r = SnapshotRow
    able = (r.season_id == season_id, r.core.is_(False), r.bar == "")
    # First those whose places are in order in an index; only where few of them may rise, those behind.
    found: list[Row] = []
    for near in (in_head(), ()):
        found = _rows(session, _of(*able, *near).order_by(r.position).limit(most))
        if len(found) == most:
            return found
    return found + sheets.best_able(session, season_id, most - len(found))


def in_head(most: int = 0) -> tuple[TextClause, ...]:
    """SQL: the condition of the index over the snapshot's first places, unless *most* places are more than it has."""
    return () if most > HEAD else (text(f"position <= {HEAD}"),)


def _of(*which: ColumnElement[bool] | TextClause) -> Select[*tuple[Any, ...]]:
    return select(*(getattr(SnapshotRow, name) for name in COLUMNS)).where(*which)


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> list[Row]:
    return [field.row(found) for found in session.execute(query)]
