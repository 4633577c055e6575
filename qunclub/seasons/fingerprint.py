"""The fingerprint of a frozen season: SHA-256 over its snapshot, each line put into words by the database.

A million rows as objects took most of the time of a closing; as lines of text they take a twentieth of it. What a line
says is :func:`rules.snapshot_line`, and tests hold that the databases say the same. Of the ways to say it, an array of
JSON is the quickest on both: a list of values with its own separators was twice as slow.
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
    cast,
    func,
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
HINTS = {"datestyle": "'ISO'", "enable_sort": "off", "enable_bitmapscan": "off"}
"""For PostgreSQL, while it reads. ``to_char`` for the days took as long as all the rest of a line; and of a table that
was filled in this very transaction it does not know that all of it is wanted, in the order of its key."""


def line(dialect: str) -> ColumnElement[str]:
    """SQL over ``SnapshotRow``: :func:`rules.snapshot_line` without the end of the line."""
    r = SnapshotRow
    scores = (r.position, r.member_id, r.number, r.points, r.honours)
    if dialect != "postgresql":
        day = func.coalesce(type_coerce(r.last_day, String), "")
        flags = type_coerce(r.core, Integer), r.safe_closings, r.bar, type_coerce(r.on_leave, Integer)
        return func.json_array(*scores, day, *flags, type_=String)
    said: list[Any] = ["["]
    for value in scores:
        said += [value, ","]
    # NULL is said as nothing; of what may be in a bar, nothing needs to be escaped.
    said += ['"', r.last_day, '",', cast(r.core, Integer), ",", r.safe_closings]
    said += [',"', r.bar, '",', cast(r.on_leave, Integer), "]"]
    return func.concat(*said, type_=String)


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
    part = _part(dialect, said, SnapshotRow.position if by_place else SnapshotRow.member_id)
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


def _part(dialect: str, said: ColumnElement[str], key: Any) -> Select[str | None, int]:
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
        joined = func.string_agg(c.line, aggregate_order_by(text("E'\\n'"), c.key), type_=String)
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
