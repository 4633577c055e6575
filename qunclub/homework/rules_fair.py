"""The rules of fair judgement: who may appeal and what it costs, and what a better answer is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from qunclub.kernel import N_, Conflict

ANSWER_WITHIN = dt.timedelta(days=7)
"""How soon an appeal is answered; the desk shows what waits longer."""
MAX_REASON = 4_000
RANK = {"return": 0, "accept": 1, "feature": 2}


@dataclass(frozen=True, slots=True)
class Span:
    """The time that tokens are counted in: from ``starts_at`` until before ``ends_at`` (None: no end is set yet)."""

    starts_at: dt.datetime
    ends_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an appeal may cost: tokens for each member and span, and days after the review."""

    tokens: int
    days: int
    span: Span


def token_span(
    now: dt.datetime, zone: ZoneInfo, season: tuple[dt.datetime | None, dt.datetime | None] | None
) -> Span:
    """The season that runs at *now*; without one, the calendar year in the club's time zone."""
    if season is not None and season[0] is not None and season[0] <= now:
        starts, ends = season
        if starts is not None and (ends is None or now < ends):
            return Span(starts, ends)
    year = now.astimezone(zone).year
    return Span(
        dt.datetime(year, 1, 1, tzinfo=zone).astimezone(dt.UTC),
        dt.datetime(year + 1, 1, 1, tzinfo=zone).astimezone(dt.UTC),
    )


def tokens_left(tokens: int, paid: int) -> int:
    """How many appeals are left when *paid* of them are open or were declined.

    >>> tokens_left(3, 1), tokens_left(1, 2)
    (2, 0)
    """
    return max(0, tokens - paid)


def appeal_until(reviewed_at: dt.datetime, days: int) -> dt.datetime:
    """The moment after which a review stands."""
    return reviewed_at + dt.timedelta(days=days)


def in_force(state: str, verdict: str) -> bool:
    """Whether *verdict* is what a submission in *state* is judged: not when it waits or was reopened."""
    return state == ("returned" if verdict == "return" else "accepted")


def refuse_appeal(
    *, judged: bool, reviewed_at: dt.datetime | None, appealed: bool, left: int, days: int, now: dt.datetime
) -> Conflict | None:
    """Why a judgement cannot be appealed now; None when it can.

    Args:
        judged: whether a verdict of the present attempt is in force.
        appealed: whether this attempt was appealed before.
        left: the author's tokens.
    """
    if not judged or reviewed_at is None:
        return Conflict(N_("There is no review in force to appeal against."))
    if appealed:
        return Conflict(N_("This review was appealed already; each attempt can be appealed once."))
    if now > appeal_until(reviewed_at, days):
        return Conflict(N_("The time to appeal is over."))
    if left < 1:
        return Conflict(N_("You have no appeal left for now."))
    return None


def better(before: tuple[str, int], after: tuple[str, int]) -> bool:
    """Whether a judgement (verdict, score) is better for its author in one thing and worse in none.

    >>> better(("accept", 70), ("accept", 71)), better(("accept", 70), ("return", 90))
    (True, False)
    """
    was, now = (RANK[before[0]], before[1]), (RANK[after[0]], after[1])
    return now != was and now[0] >= was[0] and now[1] >= was[1]
