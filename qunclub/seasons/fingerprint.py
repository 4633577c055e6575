"""The fingerprint of a frozen season: SHA-256 over its snapshot, each line put into words by the database.

A million rows as objects took most of the time of a closing; as lines of text they take a twentieth of it. What a line
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
from .models import Season, SnapshotRow

AT_ONCE = 50_000
"""Lines of a part: a few megabytes."""
HINTS = {"enable_sort": "off", "enable_bitmapscan": "off"}
"""For PostgreSQL, while it reads: of a table that was filled in this very transaction it does not know that all of it
is wanted, in the order of its key."""


def line(dialect: str) -> ColumnElement[str]:
    """SQL over ``SnapshotRow``: :func:`rules.snapshot_line` without the end of the line.

    On PostgreSQL without brackets, which are cheaper put where the lines are joined.
    """
    r = SnapshotRow
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


def of(session: Session, season_id: int, *, before: bool = False, by_place: bool = False) -> str:
    """The fingerprint of a season's snapshot, in order of member.

    Args:
        before: in the words of :mod:`fingerprint_before`.
        by_place: in order of place, as the first seasons were frozen.
    """
    session.flush()
    dialect = session.get_bind().dialect.name
    if dialect == "postgresql":
        _hint(session, HINTS)
    said = fingerprint_before.line(dialect) if before else line(dialect)
    opening, closing = ("[", "]") if dialect == "postgresql" and not before else ("", "")
    part = _part(dialect, said, SnapshotRow.position if by_place else SnapshotRow.member_id, opening, closing)
    digest, last = hashlib.sha256(), -1
    while (found := session.execute(part, {"season": season_id, "after": last, "most": AT_ONCE}).one()).lines:
        digest.update(found.lines.encode() + b"\n")
        last = found.last
    if dialect == "postgresql":
        _hint(session, dict.fromkeys(HINTS, "DEFAULT"))
    return digest.hexdigest()


def _hint(session: Session, hints: Mapping[str, str]) -> None:
    for name, value in hints.items():
        session.execute(text(f"SET LOCAL {name} = {value}"))


def _part(
    dialect: str, said: ColumnElement[str], key: Any, opening: str, closing: str
) -> Select[str | None, int]:
    """SQL: the next lines in order of *key*, as one text: a million rows take longer to fetch."""
    r = SnapshotRow
    lines = (
        select(said.label("line"), key.label("key"))
        .where(r.season_id == bindparam("season"), key > bindparam("after"))
        .order_by(key)
        .limit(bindparam("most"))
        .subquery("lines")
    )
    c = lines.c
    if dialect == "postgresql":
        between = literal(f"{closing}\n{opening}")
        agg = func.string_agg(c.line, aggregate_order_by(between, c.key), type_=String)
        joined: Any = literal(opening) + agg + literal(closing)
    else:
        # In the order of the rows beneath: only newer SQLites take an order here.
        joined = func.group_concat(c.line, "\n", type_=String)
    return select(joined.label("lines"), func.max(c.key).label("last"))


def holds(session: Session, season: Season) -> bool:
    """Whether the snapshot is what was frozen."""
    # Each says all of it; the others are asked only of a season from before, or of one that was tampered with.
    return any(
        season.snapshot_hash == of(session, season.id, before=before, by_place=by_place)
        for before, by_place in ((False, False), (True, False), (True, True))
    )
