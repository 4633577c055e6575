"""Pure rules of hints: how far a member is from both lines, what would close the distance, and when one is told.

What would close it is found by the rules in force: only kinds that earn, each with the points it gives and the caps
that are left to this member. A hint never promises more than a rule gives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .rules import Plan, Row

DOABLE = (
    "homework_accepted", "answer_best", "lesson_completed", "event_hosted", "topic_led", "lesson_delivered",
    "referral_stayed", "check_in_streak",
)  # fmt: skip
"""Kinds that somebody can set out to earn; being featured or given points by hand is not among them."""

DOABLE_BY_CORE = ("piece_delivered", "review_by_core")
MOST_TIMES = 30
MOST_WAYS = 3

RISK, NEAR = "risk", "near"
EVERY = dt.timedelta(days=7)
BEFORE_END = dt.timedelta(days=3)
SETTLED = dt.timedelta(days=2)
LATE = dt.timedelta(days=2)
HOUR = dt.time(9)


@dataclass(frozen=True, slots=True)
class Lines:
    """Points to earn to get over each line, if the season closed now; 0 or less is how far above it one is.

    Attributes:
        up: the line of promotion; None when no seat becomes free.
        down: the line of elimination; None when nobody leaves.
    """

    up: int | None
    down: int | None


def lines(row: Row, plan: Plan) -> Lines:
    """How far *row* is from both lines; whoever is over one by the formula is never told to be under it."""
    outcome = next((one for one in plan.outcomes if one.row.member == row.member), None)
    what = outcome.outcome if outcome is not None else ""
    up = down = None
    if plan.rise_above is not None:
        up = plan.rise_above + 1 - row.points
        if what == "promoted":
            up = min(0, up)
    if plan.leave_below is not None:
        down = plan.leave_below + 1 - row.points
        if what == "kept":
            down = min(0, plan.leave_below - row.points)
        elif what == "eliminated" and outcome is not None and outcome.facts.get("line") is not None:
            down = outcome.facts["line"] + 1 - row.points
    return Lines(up, down)


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind that earns now, for one member: what one, two, three … of it come to in the days that are left."""

    kind: str
    sums: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """*count* times one kind, which comes to *points* of the season."""

    kind: str
    count: int
    points: int


@dataclass(frozen=True, slots=True)
class Way:
    """What would close a distance: one kind several times, or several kinds when none does alone."""

    parts: tuple[Part, ...]

    @property
    def points(self) -> int:
        """What it comes to."""
        return sum(part.points for part in self.parts)

    @property
    def count(self) -> int:
        """How many things are to be done."""
        return sum(part.count for part in self.parts)


def ways(gap: int, offers: Iterable[Offer], *, most: int = MOST_WAYS) -> list[Way]:
    """The nearest ways to earn *gap* points: those with the fewest things to do first.

    Each way reaches the gap and has nothing to spare: with one thing less it does not. None when nothing reaches it.
    """
    if gap <= 0:
        return []
    known = [(offer.kind, offer.sums) for offer in offers]
    alone = []
    for place, (kind, sums) in enumerate(known):
        count = next((n for n, points in enumerate(sums, start=1) if points >= gap), None)
        if count is not None:
            alone.append((count, place, Way((Part(kind, count, sums[count - 1]),))))
    if alone:
        return [way for _count, _place, way in sorted(alone, key=lambda one: one[:2])[:most]]
    together = _together(gap, known)
    return [together] if together is not None else []


def _together(gap: int, known: Sequence[tuple[str, Sequence[int]]]) -> Way | None:
    counts = [0] * len(known)

    def sums(counted: Sequence[int]) -> int:
        return sum(known[at][1][n - 1] for at, n in enumerate(counted) if n)

    def step(at: int) -> int:
        had = known[at][1]
        n = counts[at]
        return 0 if n >= len(had) else had[n] - (had[n - 1] if n else 0)

    while sums(counts) < gap:
        best = max(range(len(known)), key=lambda at: (step(at), -at), default=None)
        if best is None or step(best) <= 0 or sum(counts) >= MOST_TIMES:
            return None
        counts[best] += 1
    for at in sorted(range(len(known)), key=step):
        while counts[at] and sums([n - (place == at) for place, n in enumerate(counts)]) >= gap:
            counts[at] -= 1
    return Way(tuple(Part(known[at][0], n, known[at][1][n - 1]) for at, n in enumerate(counts) if n))


def days_left(now: dt.datetime, ends_at: dt.datetime) -> int:
    """How many days there still are to earn in, the one that runs among them; 0 once the season is over."""
    return max(0, -((now - ends_at) // dt.timedelta(days=1)))


def week(now: dt.datetime, starts_at: dt.datetime, ends_at: dt.datetime, zone: dt.tzinfo) -> dt.date | None:
    """The day of the weekly letter that is due, None when none is.

    Letters go out at nine in the morning of the club, three days before the end and every seven days before that, not
    in the first two days of a season; two days after its moment a letter is too old to be sent.
    """
    if not starts_at <= now < ends_at:
        return None
    last = (ends_at - BEFORE_END).astimezone(zone).date()
    today = now.astimezone(zone).date()
    day = last - EVERY * max(0, -((today - last) // EVERY))
    if day > today:
        day -= EVERY
    moment = dt.datetime.combine(day, HOUR, zone).astimezone(dt.UTC)
    if now < moment:
        day -= EVERY
        moment = dt.datetime.combine(day, HOUR, zone).astimezone(dt.UTC)
    if moment < starts_at + SETTLED or now - moment >= LATE:
        return None
    return day
