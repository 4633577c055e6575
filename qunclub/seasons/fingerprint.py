"""The fingerprint of a frozen season: SHA-256 over its snapshot, each line put into words by the database.

A million rows as objects took most of the time of a closing; as lines of text they take a twentieth of it. What a line
says is :func:`rules.snapshot_line`, and tests hold that the databases say the same. Of the ways to say it, an array of
JSON is the quickest on both: a list of values with its own separators was twice as slow.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, Integer, String, cast, func, select, text, type_coerce
from sqlalchemy.orm import Session

from . import fingerprint_before
from .models import Season, SnapshotRow

AT_ONCE = 50_000
"""Lines of a fetch: a few megabytes. On a busy machine each fetch waits for its turn twice."""


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
    r = SnapshotRow
    session.flush()
    connection = session.connection()
    dialect = connection.dialect.name
    query = (
        select(fingerprint_before.line(dialect) if before else line(dialect))
        .where(r.season_id == season_id)
        .order_by(r.position if by_place else r.member_id)
    )
    statement = query.compile(connection, compile_kwargs={"literal_binds": True})
    # The driver's own rows: a text in each, of which nothing else needs to be made.
    postgres = dialect == "postgresql"
    if postgres:
        # For this transaction only: to_char for the days took as long as all the rest of a line.
        session.execute(text("SET LOCAL datestyle = 'ISO'"))
    cursor = connection.connection.cursor(*(("fingerprint",) if postgres else ()))
    digest = hashlib.sha256()
    try:
        cursor.execute(str(statement))
        while part := cursor.fetchmany(AT_ONCE):
            digest.update("\n".join([said for (said,) in part]).encode() + b"\n")
    finally:
        cursor.close()
    return digest.hexdigest()


def holds(session: Session, season: Season) -> bool:
    """Whether the snapshot is what was frozen."""
    # Each says all of it; the others are asked only of a season from before, or of one that was tampered with.
    return any(
        season.snapshot_hash == of(session, season.id, before=before, by_place=by_place)
        for before, by_place in ((False, False), (True, False), (True, True))
    )
