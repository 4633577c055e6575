"""What members earned by some kinds already: what is left of the caps, for hints; nothing is decided by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, aliased

from .models import LedgerEntry
from .rules import recordable
from .rules_limits import Had

LATELY = 500
DAY = dt.timedelta(days=1)


def had(
    session: Session,
    member_ids: Collection[int],
    kinds: Collection[str],
    *,
    starts_at: dt.datetime,
    now: dt.datetime,
) -> dict[tuple[int, str], Had]:
    """By member and kind what counts since *starts_at* and on the UTC day of *now*: one statement."""
    if not member_ids or not kinds:
        return {}
    line, undone = LedgerEntry, aliased(LedgerEntry)
    day = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = (line.counts_at >= day) & (line.counts_at < day + DAY)
    inside = line.counts_at >= starts_at
    query = (
        select(
            line.member_id,
            line.kind,
            func.sum(case((today, line.amount), else_=0)),
            func.sum(case((today, 1), else_=0)),
            func.sum(case((inside, line.amount), else_=0)),
        )
        .where(
            line.member_id.in_(member_ids),
            line.kind.in_(kinds),
            line.counts_at >= min(starts_at, day),
            line.reverses_id.is_(None),
            ~select(undone.id).where(undone.reverses_id == line.id).exists(),
        )
        .group_by(line.member_id, line.kind)
    )
    return {
        (member, kind): Had(int(points), int(many), int(season))
        for member, kind, points, many, season in session.execute(query)
    }


def usual(session: Session, kinds: Collection[str]) -> dict[str, int]:
    """What one of each of *kinds* came to of late, rounded down; the ledger's last lines are looked at, not all."""
    late = (
        select(LedgerEntry.kind, LedgerEntry.amount, LedgerEntry.lost, LedgerEntry.reverses_id)
        .order_by(LedgerEntry.counts_at.desc())
        .limit(LATELY)
        .subquery()
    )
    query = (
        select(late.c.kind, func.sum(late.c.amount + late.c.lost), func.count())
        .where(late.c.kind.in_(kinds), late.c.reverses_id.is_(None))
        .group_by(late.c.kind)
    )
    return {kind: int(points) // many for kind, points, many in session.execute(query)}


def idle(session: Session) -> frozenset[str]:
    """Kinds that no room gives, and that nothing gave of late: one statement."""
    kinds = recordable()
    return frozenset(kinds) - usual(session, kinds).keys()
