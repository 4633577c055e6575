"""The formula of a season, as a pure function, and the bounds of its settings.

Members are ordered by points, then featured works, then the earlier day of the last points, then the lower number;
who earned nothing comes last. If all core seats are taken, the lowest ``eliminate`` of the core members who are not
protected leave (fewer if fewer may). Then free seats go to the best-ranked members who are not core, did not just
leave, and have at least ``min_points``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from qunclub.kernel import N_, Conflict, Invalid

MOST_SEATS = 10_000

# What may follow what. Nothing leads back: a season closes once.
STATES = ("draft", "open", "frozen", "published", "closed")
STEPS = {"open": "draft", "frozen": "open", "published": "frozen", "closed": "published"}


@dataclass(frozen=True, slots=True)
class Row:
    """One member as a closing sees them.

    Attributes:
        last_day: of their last points in the season; None when they earned nothing.
        safe_closings: closings at which they may not leave; counts for core members only.
        position: their place among all, when the caller knows it.
    """

    member: int
    number: int
    points: int = 0
    honours: int = 0
    last_day: dt.date | None = None
    core: bool = False
    safe_closings: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a closing decides for one member.

    Attributes:
        place: among the core members (1 is the best) for who is kept or leaves; among the risers for who rises.
        position: among all members of the season.
        reason: a code; ``explain`` turns it into a sentence.
        facts: numbers of that sentence.
    """

    row: Row
    outcome: str
    reason: str
    place: int
    position: int
    facts: dict[str, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The member's number."""
        return self.row.number


@dataclass(frozen=True, slots=True)
class Plan:
    """What closing now would do.

    Attributes:
        promoted: best first. kept: best first. eliminated: worst last.
        free: seats to give after the eliminated left.
        rise_above: points of the last who rises when all free seats are given, else the least points needed; None
            when no seat is free.
        leave_below: points of the best who leaves; None when nobody does.
    """

    core_before: int
    promoted: tuple[Outcome, ...]
    kept: tuple[Outcome, ...]
    eliminated: tuple[Outcome, ...]
    free: int
    seats_given: bool
    rise_above: int | None
    leave_below: int | None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Everybody's, the risers first."""
        return (*self.promoted, *self.kept, *self.eliminated)

    @property
    def core_after(self) -> list[int]:
        """Numbers of the core afterwards, in order."""
        return sorted(outcome.number for outcome in (*self.kept, *self.promoted))


def order(row: Row) -> tuple[bool, int, int, dt.date, int]:
    """The sort key of a season's ranking, the same as that of every ranking of the club."""
    return (row.last_day is None, -row.points, -row.honours, row.last_day or dt.date.max, row.number)


def plan_season(rows: Iterable[Row], *, seats: int, eliminate: int, min_points: int = 1) -> Plan:
    """Who rises, stays and leaves; the same for the same members in whatever order they come.

    Of members who are not core only the best *seats* matter, so a caller may leave out the others.
    """
    ranked = sorted(rows, key=order)
    position = {row.member: row.position or place for place, row in enumerate(ranked, start=1)}
    core = [row for row in ranked if row.core]
    place = {row.member: index for index, row in enumerate(core, start=1)}
    full = len(core) >= seats
    may_leave = [row for row in core if row.safe_closings == 0]
    leaving = may_leave[-eliminate:] if full and eliminate else []
    gone = {row.member for row in leaving}
    staying = [row for row in core if row.member not in gone]
    free = max(0, seats - len(staying))
    rising = [row for row in ranked if not row.core and row.points >= max(1, min_points)][:free]
    last_safe = next((row.points for row in reversed(may_leave) if row.member not in gone), None)
    common = {"core": len(core), "seats": seats}

    def outcome(row: Row, what: str, reason: str, at: int, **facts: int | None) -> Outcome:
        told = {"points": row.points, **common, **{k: v for k, v in facts.items() if v is not None}}
        return Outcome(row, what, reason, at, position[row.member], told)

    def kept(row: Row) -> Outcome:
        if not full:
            reason = "seats_free"
        elif not eliminate:
            reason = "nobody_leaves"
        elif row.safe_closings:
            reason = "protected"
        else:
            reason = "above_line"
        line = leaving[0].points if leaving else None
        return outcome(row, "kept", reason, place[row.member], line=line, left=len(leaving))

    line_up = rising[-1].points if rising else None
    return Plan(
        core_before=len(core),
        promoted=tuple(
            outcome(row, "promoted", "best_ranked", index, free=free, line=line_up)
            for index, row in enumerate(rising, start=1)
        ),
        kept=tuple(kept(row) for row in staying),
        eliminated=tuple(
            outcome(row, "eliminated", "lowest", place[row.member], line=last_safe, left=len(leaving))
            for row in leaving
        ),
        free=free,
        seats_given=len(rising) == free,
        rise_above=None if not free else rising[-1].points if len(rising) == free else max(1, min_points) - 1,
        leave_below=leaving[0].points if leaving else None,
    )


def safe_after(safe_closings: int) -> int:
    """The protection that is left after one more closing."""
    return max(0, safe_closings - 1)


def why_not(row: Row, plan: Plan, *, min_points: int) -> str:
    """Why a member who is not core did not rise: a code for ``explain``."""
    if row.last_day is None or row.points <= 0:
        return "no_points"
    if row.points < min_points:
        return "below_minimum"
    if not plan.free:
        return "no_seat"
    return "below_line"


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a member is from the line that concerns them, if the season closed now.

    Attributes:
        side: ``rises``, ``below`` (not core), ``stays``, ``leaves``, ``protected``, ``closed`` (no seat to rise to).
        points: to earn to get over the line, or the lead over it; 0 where there is no line.
    """

    side: str
    points: int = 0


def distance(row: Row, plan: Plan, *, seats: int) -> Distance:
    """Where *row* stands to its line. One point more than whoever stands at the line is always enough."""
    outcome = next((one for one in plan.outcomes if one.row.member == row.member), None)
    if outcome is None:
        if plan.rise_above is None:
            return Distance("closed")
        return Distance("below", max(1, plan.rise_above + 1 - row.points))
    if outcome.outcome == "promoted":
        return Distance("rises", 0 if plan.rise_above is None else max(0, row.points - plan.rise_above))
    if outcome.outcome == "kept":
        if outcome.reason == "protected":
            return Distance("protected")
        lead = 0 if plan.leave_below is None else row.points - plan.leave_below
        return Distance("stays", max(0, lead))
    over = outcome.facts.get("line")
    return Distance("leaves", 0 if over is None else over + 1 - row.points)


def check_formula(
    *,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    seats: int,
    eliminate: int,
    protection: int,
    min_points: int,
    capacity: int | None = None,
) -> None:
    """Refuse a formula that cannot be kept.

    Args:
        capacity: of the core group, when there is one.

    Raises:
        Invalid: naming the field.
    """
    if ends_at <= starts_at:
        raise Invalid(N_("A season ends after it starts."), field="ends_at")
    if not 1 <= seats <= MOST_SEATS:
        raise Invalid(N_("A core group has between 1 and %(most)s seats."), field="seats", most=MOST_SEATS)
    # More than there are seats is no error: fewer leave when fewer may.
    if not 0 <= eliminate <= MOST_SEATS:
        raise Invalid(N_("Between 0 and %(most)s last places leave."), field="eliminate", most=MOST_SEATS)
    if not 0 <= protection <= 12:
        raise Invalid(N_("Protection lasts between 0 and 12 closings."), field="protection")
    if not 1 <= min_points <= 10_000:
        raise Invalid(N_("Whoever rises needs between 1 and 10000 points."), field="min_points")
    if capacity is not None and capacity < seats:
        raise Invalid(
            N_("The core group has %(capacity)s seats; the season cannot give more."),
            field="seats",
            capacity=capacity,
        )


def check_step(state: str, to: str) -> None:
    """Refuse a step that does not follow.

    Raises:
        Conflict: naming what the season is.
    """
    if STEPS[to] == state:
        return
    if STATES.index(state) < STATES.index(to):
        raise Conflict(
            {
                "draft": N_("This season is still a draft; open it first."),
                "open": N_("This season is still open; freeze it first."),
                "frozen": N_("This season is not published yet; publish it first."),
            }[state]
        )
    raise Conflict(
        {
            "open": N_("This season is open already."),
            "frozen": N_("This season is frozen already."),
            "published": N_("This season is published already."),
            "closed": N_("This season is closed already."),
        }[state]
    )


def snapshot_line(row: Row) -> str:
    """One row of the snapshot as it is hashed."""
    day = row.last_day.isoformat() if row.last_day else "-"
    return (
        f"{row.position},{row.member},{row.number},{row.points},{row.honours},{day},"
        f"{int(row.core)},{row.safe_closings}\n"
    )


def snapshot_hash(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows in order of position, read one by one."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(snapshot_line(row).encode())
    return digest.hexdigest()


def tally(rows: Sequence[Any]) -> dict[str, int]:
    """How many of each outcome."""
    counted = {"promoted": 0, "kept": 0, "eliminated": 0}
    for row in rows:
        counted[row.outcome] += 1
    return counted
