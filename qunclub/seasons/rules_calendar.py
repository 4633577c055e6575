"""Pure rules of the calendar: seasons by week, month, quarter or free dates, without gap or overlap.

Days are the club's: a season begins with the first moment of a day in the club's time zone, whatever clocks do there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from qunclub.kernel import N_, Invalid

WEEK, MONTH, QUARTER, FREE = "week", "month", "quarter", "free"
KINDS = (WEEK, MONTH, QUARTER, FREE)
MOST = 24
"""How many seasons are planned at once."""

MOST_DATES = MOST + 1
NUMBER, WHEN = "{n}", "{when}"


@dataclass(frozen=True, slots=True)
class Slot:
    """One season of the calendar: ``[starts_at, ends_at)`` in UTC, and the word its address and name are made with."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    word: str


def day_begins(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """The first moment of *day* in *zone*, in UTC: where clocks leap over midnight it is the moment of the leap."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def first_day(kind: str, day: dt.date) -> dt.date:
    """The first day of a week (Monday), month or quarter that is not before *day*."""
    if kind == WEEK:
        return day + dt.timedelta(days=-day.weekday() % 7)
    if kind == MONTH:
        return day if day.day == 1 else _month(day, 1)
    if kind == QUARTER:
        start = day.replace(day=1, month=day.month - (day.month - 1) % 3)
        return day if day == start else _month(start, 3)
    return day


def next_day(kind: str, day: dt.date) -> dt.date:
    """The first day of what follows the week, month or quarter that begins on *day*."""
    if kind == WEEK:
        return day + dt.timedelta(days=7)
    return _month(day, 1 if kind == MONTH else 3)


def _month(day: dt.date, later: int) -> dt.date:
    months = day.year * 12 + day.month - 1 + later
    return dt.date(months // 12, months % 12 + 1, 1)


def word_of(kind: str, day: dt.date) -> str:
    """What a season that begins on *day* is called in its address: 2026-w07, 2026-04, 2026-q2, 2026-04-15."""
    if kind == WEEK:
        year, week, _day = day.isocalendar()
        return f"{year}-w{week:02}"
    if kind == MONTH:
        return f"{day:%Y-%m}"
    if kind == QUARTER:
        return f"{day.year}-q{(day.month + 2) // 3}"
    return day.isoformat()


def slots(kind: str, first: dt.date, count: int, zone: dt.tzinfo) -> list[Slot]:
    """The next *count* weeks, months or quarters, the first one beginning on *first* or soon after.

    Raises:
        Invalid: on ``count`` or ``first``.
    """
    if not 1 <= count <= MOST:
        raise Invalid(N_("Plan between 1 and %(most)s seasons at once."), field="count", most=MOST)
    if not 2000 <= first.year <= 2999:
        raise Invalid(N_("Choose a day of this century."), field="first")
    days = [first_day(kind, first)]
    for _one in range(count):
        days.append(next_day(kind, days[-1]))
    return between(kind, days, zone)


def between(kind: str, days: Sequence[dt.date], zone: dt.tzinfo) -> list[Slot]:
    """Seasons from each of *days* to the next.

    Raises:
        Invalid: on ``dates``, when they are too few, too many or not in order.
    """
    if not 2 <= len(days) <= MOST_DATES:
        raise Invalid(
            N_(
                "Write between 2 and %(most)s dates: the first day of each season, and the day after the last one."
            ),
            field="dates",
            most=MOST_DATES,
        )
    made = [
        Slot(day_begins(day, zone), day_begins(following, zone), word_of(kind, day))
        for day, following in pairwise(days)
    ]
    if any(slot.starts_at >= slot.ends_at for slot in made):
        raise Invalid(N_("Each date comes after the one before it."), field="dates")
    return made


def parse_dates(text: str) -> list[dt.date]:
    """Dates as an admin writes them, one after the other: 2026-04-01 2026-05-20, with spaces, commas or lines between.

    Raises:
        Invalid: on ``dates``.
    """
    found = []
    for part in re.split(r"[\s,;，、；]+", text.strip()):
        try:
            day = dt.date.fromisoformat(part)
            if not 2000 <= day.year <= 2999:
                raise ValueError(part)
            found.append(day)
        except ValueError:
            raise Invalid(
                N_("Write dates such as 2026-04-01; “%(text)s” is none."), field="dates", text=part[:20]
            ) from None
        if len(found) > MOST_DATES:
            break
    return found


def named(pattern: str, number: int, slot: Slot) -> str:
    """The name of a season by *pattern*, in which ``{n}`` is its *number* and ``{when}`` its word."""
    return " ".join(pattern.replace(NUMBER, str(number)).replace(WHEN, slot.word).split())


def clash(
    made: Iterable[Slot], there: Iterable[tuple[dt.datetime, dt.datetime, str]]
) -> tuple[Slot, str] | None:
    """The first of *made* that overlaps a season that is *there* (start, end, name), and that one's name."""
    known = list(there)
    for slot in made:
        for starts_at, ends_at, name in known:
            if starts_at < slot.ends_at and slot.starts_at < ends_at:
                return slot, name
    return None
