"""The fingerprint of a frozen season: SHA-256 over its snapshot, each line put into words by the database.

A million rows as objects took most of the time of a closing; as lines of text they take a twentieth of it. What a line
says is :func:`rules.snapshot_line`, and tests hold that the databases say the same.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, Integer, String, case, cast, func, literal, or_, select, type_coerce
from sqlalchemy.orm import Session

from .models import Season, SnapshotRow

AT_ONCE = 50_000
"""Lines of a fetch: a few megabytes. On a busy machine each fetch waits for its turn twice."""


def line(dialect: str) -> ColumnElement[str]:
    """SQL over ``SnapshotRow``: :func:`rules.snapshot_line` without the end of the line."""
    r = SnapshotRow
    more = or_(r.bar != "", r.on_leave.is_(True))
    if dialect == "postgresql":
        # What is NULL is left out, with its comma.
        said = case((more, func.concat(r.bar, ",", cast(r.on_leave, Integer))))
        day = func.coalesce(func.to_char(r.last_day, "YYYY-MM-DD"), "-")
        core: Any = cast(r.core, Integer)
        return func.concat_ws(",", *_scores(day), core, r.safe_closings, said, type_=String)
    # Twice as fast as the texts joined one by one.
    said = case((more, func.printf(",%s,%d", r.bar, type_coerce(r.on_leave, Integer))), else_=literal(""))
    day = func.coalesce(type_coerce(r.last_day, String), "-")
    core = type_coerce(r.core, Integer)
    return func.printf("%d,%d,%d,%d,%d,%s,%d,%d%s", *_scores(day), core, r.safe_closings, said, type_=String)


def _scores(day: Any) -> tuple[Any, ...]:
    r = SnapshotRow
    return r.position, r.member_id, r.number, r.points, r.honours, day


def of(session: Session, season_id: int, *, by_place: bool = False) -> str:
    """The fingerprint of a season's snapshot, in order of member.

    Args:
        by_place: in order of place, as seasons were frozen before.
    """
    r = SnapshotRow
    session.flush()
    query = (
        select(line(session.get_bind().dialect.name))
        .where(r.season_id == season_id)
        .order_by(r.position if by_place else r.member_id)
    )
    connection = session.connection()
    statement = query.compile(connection, compile_kwargs={"literal_binds": True})
    # The driver's own rows: a text in each, of which nothing else needs to be made.
    postgres = connection.dialect.name == "postgresql"
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
    # Both say all of it; the second is asked only of a season from before, or of one that was tampered with.
    return any(season.snapshot_hash == of(session, season.id, by_place=old) for old in (False, True))
