"""The fingerprint of a frozen season: SHA-256 over its snapshot, each row put into words by the database.

The rows come first, in order of member, then the sheets as they are kept. A million rows as objects took most of the
time of a closing; as lines of text they take a twentieth of it. What a line
says is :func:`rules.snapshot_line`, and tests hold that the databases say the same. Of the ways to say it, these are
the quickest: on PostgreSQL ``to_char`` alone took as long as the rest of a line, on SQLite ``printf`` twice as long as
an array of JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from . import fingerprint_before
from .models import Season, SnapshotRow, SnapshotSheet
from .sheets import EACH

AT_ONCE = 50_000
"""Lines of a part: a few megabytes."""
HINTS = {"enable_sort": "off", "enable_bitmapscan": "off"}
"""For PostgreSQL, while it reads: of a table that was filled in this very transaction it does not know that all of it
is wanted, in the order of its key."""


def line(dialect: str, r: Any = SnapshotRow) -> ColumnElement[str]:
    """SQL over ``SnapshotRow``, or the columns *r*: :func:`rules.snapshot_line` without the end of the line.

    On PostgreSQL without brackets, which are cheaper put where the lines are joined (:func:`joined`).
    """
    scores = (r.position, r.member_id, r.number, r.points, r.honours)
    # Most rows have nothing of this to say.
    more = or_(r.core, r.safe_closings > 0, r.bar != "", r.on_leave)
    if dialect != "postgresql":
        last = cast(func.julianday(type_coerce(r.last_day, String)) - literal_column("2440587.5"), Integer)
        head = (*scores, func.coalesce(last, -1))
        flags = type_coerce(r.core, Integer), r.safe_closings, r.bar, type_coerce(r.on_leave, Integer)
        return case((more, func.json_array(*head, *flags, type_=String)), else_=func.json_array(*head))
    # What is NULL is left out, with its comma; of what may be in a bar, nothing needs to be escaped.
    since: Any = func.coalesce(type_coerce(r.last_day, Integer) - literal_column("date '1970-01-01'"), -1)
    rest = cast(r.core, Integer), r.safe_closings, func.concat('"', r.bar, '"'), cast(r.on_leave, Integer)
    rare = case((more, func.concat_ws(",", *rest)))
    return func.concat_ws(",", *scores, since, rare, type_=String)


def joined(dialect: str, said: Any, order: Any, *, bare: bool = False) -> ColumnElement[str]:
    """SQL: the lines *said*, one under the other, as they are hashed.

    Args:
        order: on PostgreSQL the order of the lines; on SQLite, of which only newer ones take an order here, they come
            in that of the rows beneath.
        bare: without brackets, for words that have none.
    """
    if dialect != "postgresql":
        return func.group_concat(said, "\n", type_=String)
    opening, closing = ("", "") if bare else ("[", "]")
    between = literal(f"{closing}\n{opening}")
    agg: Any = func.string_agg(said, aggregate_order_by(between, order), type_=String)
    whole: ColumnElement[str] = agg if bare else literal(opening) + agg + literal(closing)
    return whole


def of(session: Session, season_id: int, *, before: bool = False, by_place: bool = False) -> str:
    """The fingerprint of a season's snapshot: its rows in order of member, then its sheets.

    Args:
        before: the rows in the words of :mod:`fingerprint_before`.
        by_place: the rows in order of place, as the first seasons were frozen.
    """
    session.flush()
    dialect = session.get_bind().dialect.name
    if dialect == "postgresql":
        _hint(session, HINTS)
    said = fingerprint_before.line(dialect) if before else line(dialect)
    key = SnapshotRow.position if by_place else SnapshotRow.member_id
    digest = hashlib.sha256()
    s = SnapshotSheet
    _add(session, digest, _part(dialect, season_id, SnapshotRow.season_id, said, key, bare=before), AT_ONCE)
    _add(
        session, digest, _part(dialect, season_id, s.season_id, s.lines, s.sheet, bare=True), AT_ONCE // EACH
    )
    if dialect == "postgresql":
        _hint(session, dict.fromkeys(HINTS, "DEFAULT"))
    return digest.hexdigest()


def _add(session: Session, digest: Any, part: Select[str | None, int], most: int) -> None:
    last = -1
    while (found := session.execute(part, {"after": last, "most": most}).one()).lines:
        digest.update(found.lines.encode() + b"\n")
        last = found.last


def _hint(session: Session, hints: Mapping[str, str]) -> None:
    for name, value in hints.items():
        session.execute(text(f"SET LOCAL {name} = {value}"))


def _part(
    dialect: str, season_id: int, of_season: Any, said: Any, key: Any, *, bare: bool
) -> Select[str | None, int]:
    """SQL: the next lines in order of *key*, as one text: a million rows take longer to fetch."""
    lines = (
        select(said.label("line"), key.label("key"))
        .where(of_season == season_id, key > bindparam("after"))
        .order_by(key)
        .limit(bindparam("most"))
        .subquery("lines")
    )
    c = lines.c
    return select(joined(dialect, c.line, c.key, bare=bare).label("lines"), func.max(c.key).label("last"))


def holds(session: Session, season: Season) -> bool:
    """Whether the snapshot is what was frozen."""
    # Each says all of it; the others are asked only of a season from before, or of one that was tampered with.
    return any(
        season.snapshot_hash == of(session, season.id, before=before, by_place=by_place)
        for before, by_place in ((False, False), (True, False), (True, True))
    )
