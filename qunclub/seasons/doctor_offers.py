"""Promise 8 between two results: a seat has one offer at a time, and only who may sit is asked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from .models import CoreSeat, Decision, Season
from .models_offers import SeatOffer

PROMISE = 8
PATIENCE = dt.timedelta(hours=1)


def came_later(season_id: Any, since: Any) -> ColumnElement[bool]:
    """SQL: whether a core seat began after the result of *season_id* and not by it."""
    return (
        select(SeatOffer.id)
        .where(SeatOffer.taken_id == CoreSeat.id, SeatOffer.season_id == season_id)
        .exists()
    )


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Findings of offers, in one statement."""
    o = SeatOffer
    rose_or_left = (
        select(Decision.id)
        .where(Decision.season_id == o.season_id, Decision.member_id == o.member_id)
        .exists()
    )
    taken = select(CoreSeat.id).where(CoreSeat.id == o.taken_id, CoreSeat.member_id == o.member_id).exists()
    given = select(CoreSeat.id).where(CoreSeat.id == o.seat_id, CoreSeat.left_at.is_not(None)).exists()
    seats = select(Season.seats).where(Season.id == o.season_id).scalar_subquery()
    sitting = select(func.count(CoreSeat.id)).where(CoreSeat.left_at.is_(None)).scalar_subquery()
    live = select(func.count(o.id)).where(o.state == "open").correlate(None).scalar_subquery()
    looks = {
        "offers nobody ended though their deadline is long past": and_(
            o.state == "open", o.until < now - PATIENCE
        ),
        "offers to members whom the same result had decided about": rose_or_left,
        "accepted offers without a core seat": or_(
            and_(o.state == "accepted", ~taken), and_(o.state != "accepted", o.taken_id.is_not(None))
        ),
        "offers of seats that nobody gave back": ~given,
        "more seats offered than are free": and_(o.state == "open", sitting + live > seats),
    }
    rows = session.execute(
        union_all(*(select(literal(what), o.id).where(wrong) for what, wrong in looks.items()))
    ).all()
    found = []
    for what in looks:
        ids = [ident for said, ident in rows if said == what]
        if ids:
            found.append(Finding(PROMISE, f"{what}: {ids[:5]}", {"offers": ids[:100]}))
    return found
