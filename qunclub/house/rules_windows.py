"""Speaking windows: weekly hours by the club's clock, across midnight and the changes of the clock.

A window in the hour that the clock skips moves with it; in the hour that comes twice it lasts through both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

DAY = 24 * 60
MOST = 50
WEEK = dt.timedelta(days=7)
_LINE = re.compile(r"([\d,，、\s-]+)\s+(\d{1,2}):(\d{2})\s*[-–—~～至到]\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One weekly window: *weekday* (Monday is 0), *opens* and *closes* in minutes since midnight.

    One that closes no later than it opens ends on the next day.
    """

    weekday: int
    opens: int
    closes: int


def from_json(rows: Iterable[Sequence[int]]) -> tuple[Window, ...]:
    """Windows as a schedule keeps them."""
    return tuple(Window(*row) for row in rows)


def checked(windows: Iterable[Window], *, field: str = "windows") -> tuple[Window, ...]:
    """The windows in order, each once.

    Raises:
        Invalid: when one is no time of a week, or there are more than :data:`MOST`.
    """
    found = tuple(sorted(set(windows)))
    for one in found:
        if not (0 <= one.weekday <= 6 and 0 <= one.opens < DAY and 0 <= one.closes < DAY):
            raise Invalid(N_("A window opens and closes between 00:00 and 23:59."), field=field)
    if len(found) > MOST:
        raise Invalid(N_("At most %(most)s windows; join those that touch."), field=field, most=MOST)
    return found


def parse(text: str, *, field: str = "windows") -> tuple[Window, ...]:
    """Read lines such as ``5 20:00-22:00`` or ``1-5 21:00-00:30``: days (Monday is 1), from, to.

    >>> parse("5 20:00-22:00")
    (Window(weekday=4, opens=1200, closes=1320),)

    Raises:
        Invalid: for a line that is not one.
    """
    found: list[Window] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip().replace("：", ":"))
        days = _days(match[1]) if match else None
        times = [int(part) for part in match.groups()[1:]] if match else []
        if times[2:] == [24, 0]:
            times[2] = 0  # midnight, as people write the end of a day
        if match is None or not days or times[0] > 23 or times[2] > 23 or times[1] > 59 or times[3] > 59:
            raise Invalid(
                N_("Line %(number)s is no window. Write days and hours like 5 20:00-22:00, Monday is 1."),
                field=field,
                number=number,
            )
        found += [Window(day - 1, times[0] * 60 + times[1], times[2] * 60 + times[3]) for day in days]
    return checked(found, field=field)


def _days(text: str) -> list[int] | None:
    days: list[int] = []
    for part in re.split(r"[,，、\s]+", text.strip()):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return None
        start, end = int(first), int(last or first)
        if not 1 <= start <= end <= 7:
            return None
        days += range(start, end + 1)
    return days


def clock(minutes: int) -> str:
    """Minutes since midnight as ``20:05``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The same hours on several days, as pages tell them."""

    days: tuple[int, ...]
    opens: str
    closes: str
    next_day: bool


def grouped(windows: Sequence[Window]) -> list[Hours]:
    """The windows, days with the same hours together."""
    hours: dict[tuple[int, int], list[int]] = {}
    for one in windows:
        hours.setdefault((one.opens, one.closes), []).append(one.weekday)
    return [
        Hours(tuple(days), clock(opens), clock(closes), closes <= opens)
        for (opens, closes), days in hours.items()
    ]


def write(windows: Sequence[Window]) -> str:
    """What :func:`parse` reads, days with the same hours together."""
    return "\n".join(
        f"{','.join(str(day + 1) for day in one.days)} {one.opens}-{one.closes}" for one in grouped(windows)
    )


def spans(
    windows: Sequence[Window], *, now: dt.datetime, zone: dt.tzinfo
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """(from, to) in UTC of the windows around *now*: from two days before it to nine days after, unordered."""
    today = now.astimezone(zone).date()
    for offset in range(-2, 10):
        day = today + dt.timedelta(days=offset)
        for one in windows:
            if one.weekday != day.weekday():
                continue
            end = day if one.closes > one.opens else day + dt.timedelta(days=1)
            start = _utc(day, one.opens, zone)
            # Of an hour that comes twice the later one; of one that is skipped the moment it would have been.
            stop = max(_utc(end, one.closes, zone), _utc(end, one.closes, zone, fold=1))
            if start < stop:
                yield start, stop


def _utc(day: dt.date, minutes: int, zone: dt.tzinfo, *, fold: int = 0) -> dt.datetime:
    wall = dt.time(minutes // 60, minutes % 60, fold=fold)
    return dt.datetime.combine(day, wall, zone).astimezone(dt.UTC)


def closes_at(windows: Sequence[Window], *, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
    """When the open time around *now* ends, windows that touch taken together; None while all are shut."""
    end: dt.datetime | None = None
    for start, stop in sorted(spans(windows, now=now, zone=zone)):
        if start <= (end or now) < stop:
            end = stop
    return end


def opens_at(windows: Sequence[Window], *, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
    """The first moment from *now* on at which a window is open: *now* itself when one is; None without windows."""
    found = [max(start, now) for start, stop in spans(windows, now=now, zone=zone) if stop > now]
    return min(found, default=None)
