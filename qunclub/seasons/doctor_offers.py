"""Promise 8 between two results: a seat has one offer at a time, and only who may sit is asked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from .models import CoreSeat, Decision, Season
from .models_appeals import SeasonAppeal, SeasonCorrection
from .models_offers import SeatOffer

PROMISE = 8
PATIENCE = dt.timedelta(hours=1)


def came_later(season_id: Any, since: Any) -> ColumnElement[bool]:
    """SQL: whether a core seat began after the result of *season_id* and not by it."""
    taken = select(SeatOffer.id).where(SeatOffer.taken_id == CoreSeat.id, SeatOffer.season_id == season_id)
    given = select(SeasonCorrection.id).where(
        SeasonCorrection.seat_id == CoreSeat.id, SeasonCorrection.decided_at >= since
    )
    return or_(taken.exists(), given.exists())


def corrected(decision: Any) -> ColumnElement[bool]:
    """SQL: whether a decision was corrected after an appeal."""
    c = SeasonCorrection
    return select(c.id).where(c.season_id == decision.season_id, c.member_id == decision.member_id).exists()


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Findings of offers and of appeals, in two statements."""
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
    spare = (
        select(func.count(SeasonCorrection.id))
        .where(SeasonCorrection.season_id == o.season_id, SeasonCorrection.spare.is_(True))
        .scalar_subquery()
    )
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
        "more seats offered than are free": and_(o.state == "open", sitting + live > seats + spare),
    }
    rows = session.execute(
        union_all(*(select(literal(what), o.id).where(wrong) for what, wrong in looks.items()))
    ).all()
    found = []
    for what in looks:
        ids = [ident for said, ident in rows if said == what]
        if ids:
            found.append(Finding(PROMISE, f"{what}: {ids[:5]}", {"offers": ids[:100]}))
    return [*found, *_appeals(session)]


def _appeals(session: Session) -> list[Finding]:
    """Every upheld appeal has its correction and nothing else has one; none waits for a season that is put away."""
    a, c = SeasonAppeal, SeasonCorrection
    upheld = and_(a.state == "upheld", c.id.is_(None))
    stray = and_(a.state != "upheld", c.id.is_not(None))
    late = and_(a.state == "open", Season.state != "published")
    wrong = (
        select(a.id)
        .join(Season, Season.id == a.season_id)
        .outerjoin(c, c.appeal_id == a.id)
        .where(or_(upheld, stray, late))
        .order_by(a.id)
    )
    ids = list(session.scalars(wrong.limit(100)))
    if not ids:
        return []
    return [
        Finding(PROMISE, f"appeals and corrections that do not fit (appeal): {ids[:5]}", {"appeals": ids})
    ]
