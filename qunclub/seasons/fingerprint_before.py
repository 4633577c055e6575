"""The words in which snapshots were hashed until November 2026; seasons frozen then are still held to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, String, case, cast, func, literal, or_, type_coerce

from .models import SnapshotRow


def line(dialect: str) -> ColumnElement[str]:
    """SQL over ``SnapshotRow``: a row's values with commas between, and its bar and leave where there are any."""
    r = SnapshotRow
    more = or_(r.bar != "", r.on_leave.is_(True))
    if dialect == "postgresql":
        # What is NULL is left out, with its comma.
        said = case((more, func.concat(r.bar, ",", cast(r.on_leave, Integer))))
        day = func.coalesce(func.to_char(r.last_day, "YYYY-MM-DD"), "-")
        core: Any = cast(r.core, Integer)
        return func.concat_ws(",", *_scores(day), core, r.safe_closings, said, type_=String)
    said = case((more, func.printf(",%s,%d", r.bar, type_coerce(r.on_leave, Integer))), else_=literal(""))
    day = func.coalesce(type_coerce(r.last_day, String), "-")
    core = type_coerce(r.core, Integer)
    return func.printf("%d,%d,%d,%d,%d,%s,%d,%d%s", *_scores(day), core, r.safe_closings, said, type_=String)


def _scores(day: Any) -> tuple[Any, ...]:
    r = SnapshotRow
    return r.position, r.member_id, r.number, r.points, r.honours, day
