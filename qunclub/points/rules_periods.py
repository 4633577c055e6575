"""Pure rules of the weeks and months of a club: when they begin and end, which are due, which are let go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

KINDS = ("week", "month")
KEPT = {"week": 8, "month": 13}
"""How many ended weeks and months keep their ranking; an older one can be made anew from the ledger."""

Ends = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Period:
    """A week (Monday to Sunday) or a month as the club's calendar has it, ``[starts_at, ends_at)`` in UTC."""

    kind: str
    key: str
    starts_at: dt.datetime
    ends_at: dt.datetime


def _first(kind: str, day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday()) if kind == "week" else day.replace(day=1)


def _next(kind: str, first: dt.date) -> dt.date:
    return _first(kind, first + dt.timedelta(days=7 if kind == "week" else 31))


def _key(kind: str, first: dt.date) -> str:
    if kind == "month":
        return f"month:{first:%Y-%m}"
    year, week, _day = first.isocalendar()
    return f"week:{year}-W{week:02}"


def period(kind: str, day: dt.date, zone: dt.tzinfo) -> Period:
    """The week or the month that holds *day*, from midnight to midnight in *zone*."""
    first = _first(kind, day)
    begin, end = (
        dt.datetime.combine(one, dt.time(), zone).astimezone(dt.UTC) for one in (first, _next(kind, first))
    )
    return Period(kind, _key(kind, first), begin, end)


def due(now: dt.datetime, zone: dt.tzinfo, known: Mapping[str, Ends]) -> list[Period]:
    """The weeks and months that should be open at *now*, the running and the next, and are not among *known*.

    A period begins where the one before it ended, also when the club's zone was changed meanwhile: no line counts in
    two weeks, and none in no week.

    Args:
        known: the ends of the periods that were opened, by key.
    """
    ends = dict(known)
    found = []
    today = now.astimezone(zone).date()
    for kind in KINDS:
        first = _first(kind, today)
        before = _key(kind, _first(kind, first - dt.timedelta(days=1)))
        for day in (first, _next(kind, first)):
            here = period(kind, day, zone)
            if here.key not in ends:
                # In a zone farther west the last period may run once more: it ends where the next begins.
                after = _key(kind, _next(kind, day))
                begin = ends[before][1] if before in ends else here.starts_at
                end = ends[after][0] if after in ends else here.ends_at
                if begin < end:
                    ends[here.key] = (begin, end)
                    found.append(Period(kind, here.key, begin, end))
            before = here.key
    return found


def over(now: dt.datetime, known: Mapping[str, Ends]) -> Collection[str]:
    """The keys of *known* periods that ended so long ago that their rankings are let go."""
    gone: list[str] = []
    for kind in KINDS:
        ended = sorted(
            ((ends, key) for key, (_, ends) in known.items() if key.startswith(f"{kind}:") and ends <= now),
            reverse=True,
        )
        gone += [key for _ends, key in ended[KEPT[kind] :]]
    return gone
