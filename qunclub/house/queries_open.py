"""Who has an open violation at a moment: what rooms above ask before they give somebody a seat or a role."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from .models import Mute, Sanction, Violation

MOST = 20


def _runs(mute: Any, until: dt.datetime) -> ColumnElement[bool]:
    return and_(
        mute.sanction_id == Sanction.id,
        or_(mute.until.is_(None), mute.until > until),
        or_(mute.lifted_at.is_(None), mute.lifted_at > until),
    )


def open_violations(*, since: dt.datetime, until: dt.datetime) -> tuple[Select[Any], Any]:
    """SQL: the members with a violation that is open at *until*, and the column that names them.

    A violation is open when its sanction was not taken back, and it is of *since* or later, or the mute that followed
    it still runs at *until*. What happened at *until* or later is not looked at; when a sanction is taken back does
    not matter: then there was no violation. To be used inside another query; along the index by member and time when
    that asks of one member.
    """
    taken_back, mute = aliased(Sanction), aliased(Mute)
    muted = exists().where(_runs(mute, until))
    stands = (
        select(Violation.member_id)
        .join(Sanction, and_(Sanction.violation_id == Violation.id, Sanction.overturns_id.is_(None)))
        .outerjoin(taken_back, taken_back.overturns_id == Sanction.id)
        .where(Violation.at < until, taken_back.id.is_(None), or_(Violation.at >= since, muted))
    )
    return stands, Violation.member_id


@dataclass(frozen=True, slots=True)
class OpenViolation:
    """One of them: when it was, and whether a mute for it runs then, and until when (None: until it is lifted)."""

    at: dt.datetime
    muted: bool
    muted_until: dt.datetime | None


def open_violations_of(
    session: Session, *, member_id: int, since: dt.datetime, until: dt.datetime
) -> list[OpenViolation]:
    """Those of one member that are open at *until*, the newest first: one statement."""
    stands, who = open_violations(since=since, until=until)
    mine = stands.outerjoin(Mute, _runs(Mute, until)).where(who == member_id)
    query = mine.with_only_columns(Violation.at, Mute.id, Mute.until)
    rows = session.execute(query.order_by(Violation.at.desc(), Violation.id.desc()).limit(MOST))
    return [OpenViolation(at, mute is not None, ends) for at, mute, ends in rows]
