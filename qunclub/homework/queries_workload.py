"""How much each instructor has and does: open works, judgements, turnaround, appeals; in one statement."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, and_, case, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from qunclub.members.models import Member

from . import queries_allocation, queries_second, rules
from .models import Attempt, Review, Submission
from .models_fair import WorkAppeal

JUDGED = ("first", "second", "third")
"""The judgements that work waits for; appeals and corrections have a time of their own."""


class seconds_between(FunctionElement[int]):  # named as it is read in a query
    """``seconds_between(later, earlier)``: whole seconds."""

    name = "seconds_between"
    inherit_cache = True
    type = Integer()


@compiles(seconds_between, "sqlite")
def _sqlite(element: seconds_between, compiler: SQLCompiler, **how: Any) -> str:
    later, earlier = (compiler.process(one, **how) for one in element.clauses)
    return f"CAST(round((julianday({later}) - julianday({earlier})) * 86400) AS INTEGER)"


@compiles(seconds_between, "postgresql")
def _postgres(element: seconds_between, compiler: SQLCompiler, **how: Any) -> str:
    later, earlier = (compiler.process(one, **how) for one in element.clauses)
    return f"CAST(round(extract(epoch FROM ({later} - {earlier}))) AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Load:
    """One instructor. ``median``, ``ninety`` in hours from handing in to judgement; None without a judgement.

    Attributes:
        open: waiting works that are meant for them now.
        held: works they hold now.
        judged: judgements of the period.
        within: percent of them within the promise, rounded down: only all of them are 100.
        oldest: when the longest waiting of ``open`` was handed in.
        upheld: appeals against their judgements that were upheld in the period.
        away: whether they are away now.
        active: whether they are an instructor still.
    """

    member_id: int
    name: str
    open: int = 0
    held: int = 0
    oldest: dt.datetime | None = None
    judged: int = 0
    median: float | None = None
    ninety: float | None = None
    within: int | None = None
    upheld: int = 0
    away: bool = False
    active: bool = True


def workload(
    session: Session, *, now: dt.datetime, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> list[Load]:
    """Every instructor, and whoever judged in the period, by name: one statement.

    Args:
        since: the period's start, None for all there is.
        until: its end, None for now.
    """
    turnaround = _turnaround(since, until).subquery()
    upheld = _upheld(since, until).subquery()
    waiting = Submission.state == "waiting"
    theirs = and_(waiting, Submission.allocated_to == Member.id)
    count = select(func.count(Submission.id)).correlate(Member)
    name = func.coalesce(func.nullif(Member.nickname, ""), Member.name)
    active = queries_second.is_instructor()
    query = (
        select(
            Member.id,
            name,
            count.where(theirs).scalar_subquery(),
            count.where(
                waiting, Submission.claimed_by == Member.id, Submission.claimed_until > now
            ).scalar_subquery(),
            select(func.min(Submission.submitted_at)).correlate(Member).where(theirs).scalar_subquery(),
            func.coalesce(turnaround.c.judged, 0),
            turnaround.c.median,
            turnaround.c.ninety,
            turnaround.c.within,
            func.coalesce(upheld.c.upheld, 0),
            queries_allocation.away(Member.id, now),
            active,
        )
        .outerjoin(turnaround, turnaround.c.reviewer_id == Member.id)
        .outerjoin(upheld, upheld.c.reviewer_id == Member.id)
        .where(or_(active, turnaround.c.judged.is_not(None)))
        .order_by(name, Member.id)
    )  # fmt: skip
    return [_load(row) for row in session.execute(query)]


def _load(row: Any) -> Load:
    ident, name, opened, held, oldest, judged, median, ninety, within, upheld, away, active = row
    return Load(
        ident, name, opened, held, oldest, judged, _hours(median), _hours(ninety),
        within * 100 // judged if judged else None, upheld, bool(away), bool(active),
    )  # fmt: skip


def _hours(seconds: int | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 1)


def _turnaround(since: dt.datetime | None, until: dt.datetime | None) -> Any:
    """Of each reviewer: how many, the median and the 90th percentile (nearest rank), how many within the promise."""
    seconds = seconds_between(Review.created_at, Attempt.submitted_at)
    ranked = select(
        Review.reviewer_id,
        seconds.label("seconds"),
        func.row_number().over(partition_by=Review.reviewer_id, order_by=(seconds, Review.id)).label("place"),
        func.count().over(partition_by=Review.reviewer_id).label("many"),
    ).join(Attempt, Attempt.id == Review.attempt_id)
    ranked = ranked.where(Review.reviewer_id.is_not(None), Review.stage.in_(JUDGED))
    if since is not None:
        ranked = ranked.where(Review.created_at >= since)
    if until is not None:
        ranked = ranked.where(Review.created_at < until)
    rows = ranked.subquery()
    promised = int(rules.TURNAROUND.total_seconds())

    def at(percent: int) -> Any:
        # The first place that has so many percent at or below it, without a fraction: ceil(many * percent / 100).
        place = (rows.c.many * percent + 99) // 100
        return func.max(case((rows.c.place == place, rows.c.seconds)))

    return select(
        rows.c.reviewer_id,
        func.count().label("judged"),
        at(50).label("median"),
        at(90).label("ninety"),
        func.sum(case((rows.c.seconds <= promised, 1), else_=0)).label("within"),
    ).group_by(rows.c.reviewer_id)


def _upheld(since: dt.datetime | None, until: dt.datetime | None) -> Any:
    query = (
        select(Review.reviewer_id, func.count(WorkAppeal.id.distinct()).label("upheld"))
        .join(WorkAppeal, WorkAppeal.attempt_id == Review.attempt_id)
        .where(WorkAppeal.state == "upheld", Review.stage.in_(JUDGED), Review.reviewer_id.is_not(None))
        .group_by(Review.reviewer_id)
    )
    if since is not None:
        query = query.where(WorkAppeal.decided_at >= since)
    if until is not None:
        query = query.where(WorkAppeal.decided_at < until)
    return query
