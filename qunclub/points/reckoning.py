"""The standings of a date for the command line: made anew from the ledger, with places."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Invalid

from . import rules
from .models import Standing
from .queries_history import standings_at
from .queries_ranking import Score, window_by_key

Row = tuple[int | None, int, int, int, dt.date | None]


@dataclass(frozen=True, slots=True)
class Reckoned:
    """Place (None: has nothing), number, points, featured works, last day of each; whether what is kept differs."""

    rows: list[Row]
    differs: bool


def moment_of(text: str, zone: dt.tzinfo | ZoneInfo) -> dt.datetime:
    """The moment *text* names: a day is meant to its end, a time without a zone is the club's.

    Raises:
        Invalid: when it is neither.
    """
    try:
        if len(text) == 10:
            day = dt.date.fromisoformat(text) + dt.timedelta(days=1)
            return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC) - dt.timedelta(microseconds=1)
        moment = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Invalid(N_("Write a day or a moment such as 2026-03-31 or 2026-03-31T18:00.")) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)


def standings(session: Session, season: str, moment: dt.datetime, *, compare: bool) -> Reckoned:
    """How everybody stood at *moment*, best first.

    Args:
        season: its address; empty for all time.
        compare: whether this must be what is kept at present.

    Raises:
        Invalid: when no such season was ever opened.
    """
    window = window_by_key(session, f"season:{season}" if season else rules.ALL_TIME)
    if window is None:
        if not season:
            return Reckoned([], False)
        raise Invalid(N_("No season that was opened has this address."))
    found = standings_at(session, window.id, moment)
    differs = compare and _kept(session, window.id) != sorted(found, key=lambda one: one.member_id)
    return Reckoned(_placed(found), differs)


def _placed(found: list[Score]) -> list[Row]:
    rows: list[Row] = []
    for index, one in enumerate(found):
        place: int | None = index + 1 if one.points > 0 else None
        if index and one.points > 0 and found[index - 1].points == one.points:
            place = rows[-1][0]
        rows.append((place, one.number, one.points, one.honours, one.last_day))
    return rows


def _kept(session: Session, window_id: int) -> list[Score]:
    s = Standing
    query = select(s.member_id, s.number, s.points, s.honours, s.last_day).where(s.window_id == window_id)
    return [Score(*row) for row in session.execute(query.order_by(s.member_id))]
