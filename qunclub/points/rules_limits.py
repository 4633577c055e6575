"""Pure rules of limits: how much of what a line would earn remains, so that nobody farms points."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from qunclub.kernel import N_, Invalid

MOST = 1_000_000
MOST_STEPS = 5
MOST_DAYS = 366

WHY = {
    "day": N_("more than a day gives"),
    "season": N_("more than a season gives"),
    "steps": N_("each further one of a day gives less"),
    "self": N_("nobody gives points to themselves"),
    "ring": N_("two who give points to each other"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one kind may give one member; without any argument nothing is limited.

    Attributes:
        day: the most points of a UTC day.
        season: the most points of a season.
        steps: (n, percent), rising: from the line after the n-th of a UTC day on, a line gives *percent* of its points.
        ring_days: nothing for a member who gave points to the giver within so many days; 0 asks nothing.
    """

    day: int | None = None
    season: int | None = None
    steps: tuple[tuple[int, int], ...] = ()
    ring_days: int = 0

    @property
    def counting(self) -> bool:
        """Whether earlier lines must be counted."""
        return self.day is not None or self.season is not None or bool(self.steps)

    def to_json(self) -> dict[str, Any]:
        """As it is kept; empty when nothing is limited."""
        facts: dict[str, Any] = {"day": self.day, "season": self.season}
        kept = {name: value for name, value in facts.items() if value is not None}
        if self.steps:
            kept["steps"] = [list(step) for step in self.steps]
        if self.ring_days:
            kept["ring_days"] = self.ring_days
        return kept

    @staticmethod
    def of(kept: Mapping[str, Any] | None) -> Limits:
        """From what is kept."""
        if not kept:
            return NONE
        steps = tuple((int(n), int(percent)) for n, percent in kept.get("steps", ()))
        return Limits(kept.get("day"), kept.get("season"), steps, int(kept.get("ring_days", 0)))


NONE = Limits()


@dataclass(frozen=True, slots=True)
class Had:
    """What a member has of one kind already: points and lines of the day, points of the season (None: none runs)."""

    day_points: int = 0
    day_lines: int = 0
    season_points: int | None = None

    def after(self, given: int) -> Had:
        """What they have with one more line of *given* points."""
        season = None if self.season_points is None else self.season_points + given
        return Had(self.day_points + given, self.day_lines + 1, season)


def check(limits: Limits) -> None:
    """Refuse limits that no rule may have.

    Raises:
        Invalid: on field ``day``, ``season``, ``steps`` or ``ring_days``.
    """
    for field, value in (("day", limits.day), ("season", limits.season)):
        if value is not None and not 0 <= value <= MOST:
            raise Invalid(N_("A limit is between 0 and %(most)s, or empty."), field=field, most=MOST)
    if not 0 <= limits.ring_days <= MOST_DAYS:
        raise Invalid(N_("Between 0 and %(most)s days."), field="ring_days", most=MOST_DAYS)
    counts = [n for n, _percent in limits.steps]
    percents = [percent for _n, percent in limits.steps]
    bad = len(counts) > MOST_STEPS or any(n < 1 for n in counts) or min(percents, default=0) < 0
    rising = all(a < b for a, b in pairwise(counts))
    falling = all(a > b for a, b in zip([100, *percents], percents, strict=False))
    if bad or not (rising and falling):
        raise Invalid(_STEPS, field="steps")


_STEPS = N_(
    "Write steps such as 3:50, 10:0 – after 3 of a day half, after 10 nothing; counts rise, percents fall."
)


def parse_steps(text: str) -> tuple[tuple[int, int], ...]:
    """Steps as an admin writes them, ``3:50, 10:0``.

    Raises:
        Invalid: on field ``steps``.
    """
    try:
        pairs = [
            part.split(":") for part in text.replace("，", ",").replace("：", ":").split(",") if part.strip()
        ]
        return tuple((int(n), int(percent)) for n, percent in pairs)
    except ValueError:
        raise Invalid(_STEPS, field="steps") from None


def written_steps(steps: Iterable[tuple[int, int]]) -> str:
    """As :func:`parse_steps` reads them."""
    return ", ".join(f"{n}:{percent}" for n, percent in steps)


def allowed(limits: Limits, asked: int, had: Had) -> tuple[int, str]:
    """How much of *asked* a line gives to somebody who *had* that already, and which limit took most of the rest.

    Returns:
        Points between 0 and *asked*; a key of :data:`WHY`, empty when nothing is lost.
    """
    given, why = asked, ""
    percent = next((share for n, share in reversed(limits.steps) if had.day_lines >= n), 100)
    if percent < 100:
        given, why = asked * percent // 100, "steps"
    for name, most, there in (
        ("day", limits.day, had.day_points),
        ("season", limits.season, had.season_points),
    ):
        if most is not None and there is not None and there + given > most:
            given, why = max(0, most - there), name
    return given, why if given < asked else ""


def returns(limits: Limits, moment: dt.datetime, given_back: dt.datetime | None) -> bool:
    """Whether this is a ring: the member gave points to the giver at *given_back*, within the days before *moment*."""
    if not limits.ring_days or given_back is None:
        return False
    return abs(moment - given_back) < dt.timedelta(days=limits.ring_days)
