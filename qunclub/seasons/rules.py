"""The closing of a season as a pure function, and the steps of its life.

Members are ordered by points, then by what the formula tells equal ones apart with, last by the lower number; who
earned nothing comes last. If all core seats are taken, the lowest of the core members who are neither protected nor
on leave leave, as many as the formula says (fewer if fewer may, or if fewer are outranked). Then free seats go to the
best-ranked members who are not core, did not just leave, may rise, and have at least ``min_points``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from qunclub.kernel import N_, Conflict

from .rules_formula import FINAL_BARS, TIES, Formula

EPOCH = dt.date(1970, 1, 1)

# What may follow what. Nothing leads back but taking a result back (services_undo), before the season is closed.
STATES = ("draft", "announced", "open", "frozen", "published", "closed")
# A season whose start is past already is opened from its draft.
STEPS = {
    "announced": ("draft",), "open": ("draft", "announced"), "frozen": ("open",),
    "published": ("frozen",), "closed": ("published",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One member as a closing sees them.

    Attributes:
        last_day: of their last points in the season; None when they earned nothing.
        safe_closings: closings at which they may not leave; counts for core members only.
        position: their place among all, when the caller knows it.
        bar: why they may not rise whatever their points (of ``rules_formula.BARS``); empty when they may. Of core
            members only ``suspended`` matters: they leave.
        on_leave: whether they took leave and may not leave the core; counts for core members only.
    """

    member: int
    number: int
    points: int = 0
    honours: int = 0
    last_day: dt.date | None = None
    core: bool = False
    safe_closings: int = 0
    position: int = 0
    bar: str = ""
    on_leave: bool = False


RULINGS = ("keep", "promote", "exclude", "gone")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was said about one member beside the formula.

    Attributes:
        kind: ``keep`` (stays though among the last), ``promote`` (rises before the others while a seat is free),
            ``exclude`` (does not rise, or leaves), ``gone`` (no exception but a fact: left since the freeze).
    """

    member: int
    kind: str


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
        held: whoever has the points to rise and may not, best first: among as many first places as there are seats and
            core members.
    """

    core_before: int
    promoted: tuple[Outcome, ...]
    kept: tuple[Outcome, ...]
    eliminated: tuple[Outcome, ...]
    free: int
    seats_given: bool
    rise_above: int | None
    leave_below: int | None
    held: tuple[Row, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Everybody's, the risers first."""
        return (*self.promoted, *self.kept, *self.eliminated)

    @property
    def core_after(self) -> list[int]:
        """Numbers of the core afterwards, in order."""
        return sorted(outcome.number for outcome in (*self.kept, *self.promoted))


def order(row: Row, ties: Sequence[str] = TIES) -> tuple[Any, ...]:
    """The sort key of a season's ranking; with the usual *ties* the same as that of every ranking of the club."""
    told = {"featured": -row.honours, "earlier": row.last_day or dt.date.max}
    return (row.last_day is None, -row.points, *(told[name] for name in ties), row.number)


def plan_season(rows: Iterable[Row], formula: Formula, rulings: Iterable[Ruling] = ()) -> Plan:
    """Who rises, stays and leaves; the same for the same members in whatever order they come.

    Of members who are not core only the best *seats* of those who may rise matter (and those of *rulings*), so a
    caller may leave out the others. A ruling changes the outcome of its member and of one other at most: whoever
    is kept takes a seat from the last who would rise, whoever is barred leaves it to the next.
    """
    said = {one.member: one.kind for one in rulings}
    ranked = sorted(rows, key=lambda row: order(row, formula.ties))
    position = {row.member: row.position or place for place, row in enumerate(ranked, start=1)}
    ranked = [row for row in ranked if said.get(row.member) != "gone"]
    everybody = [row for row in ranked if row.core]
    place = {row.member: index for index, row in enumerate(everybody, start=1)}
    core = [row for row in everybody if row.bar != "suspended"]
    full = len(core) >= formula.seats
    may_leave = [row for row in core if row.safe_closings == 0 and not row.on_leave]
    named = {row.member for row in ranked if not row.core and _promoted(row, said)}
    least = max(1, formula.min_points)
    outside = [row for row in ranked if not row.core and said.get(row.member) != "exclude"]
    may_rise = [row for row in outside if row.member in named or (not row.bar and row.points >= least)]
    leaving = _leaving(core, may_leave, may_rise, formula) if full else []
    lowest = {row.member for row in leaving}
    spared = {row.member for row in leaving if said.get(row.member) == "keep"}
    sent = {row.member for row in core if said.get(row.member) == "exclude"}
    gone = ((lowest - spared) | sent) | {row.member for row in everybody if row.bar == "suspended"}
    staying = [row for row in everybody if row.member not in gone]
    free = max(0, formula.seats - len(staying))
    first = {row.member for row in [row for row in may_rise if row.member in named][:free]}
    earned = [row for row in may_rise if row.member not in named][: free - len(first)]
    up = first | {row.member for row in earned}
    rising = [row for row in may_rise if row.member in up]
    last_safe = next((row.points for row in reversed(may_leave) if row.member not in lowest), None)
    common = {"core": len(everybody), "seats": formula.seats}

    def outcome(row: Row, what: str, reason: str, at: int, **facts: int | None) -> Outcome:
        told = {"points": row.points, **common, **{k: v for k, v in facts.items() if v is not None}}
        return Outcome(row, what, reason, at, position[row.member], told)

    def kept(row: Row) -> Outcome:
        if row.member in spared:
            reason = "exception"
        elif not full:
            reason = "seats_free"
        elif not formula.leaving:
            reason = "nobody_leaves"
        elif row.on_leave:
            reason = "on_leave"
        elif row.safe_closings:
            reason = "protected"
        else:
            reason = "above_line" if leaving else "not_outranked"
        line = leaving[0].points if leaving else None
        return outcome(row, "kept", reason, place[row.member], line=line, left=len(leaving))

    def left(row: Row) -> Outcome:
        reason = "suspended" if row.bar == "suspended" else "exception" if row.member in sent else "lowest"
        return outcome(row, "eliminated", reason, place[row.member], line=last_safe, left=len(leaving))

    line_up = earned[-1].points if earned else None
    given = len(rising) == free
    last = order(earned[-1], formula.ties) if earned and given else None
    above = _rise_above(line_up, core, may_leave, leaving, formula, least - 1)
    return Plan(
        core_before=len(everybody),
        promoted=tuple(
            outcome(
                row, "promoted", "exception" if row.member in first else "best_ranked", index, free=free, line=line_up
            )
            for index, row in enumerate(rising, start=1)
        ),
        kept=tuple(kept(row) for row in staying),
        eliminated=tuple(left(row) for row in everybody if row.member in gone),
        free=free,
        seats_given=given,
        rise_above=least - 1 if free and not given else above,
        leave_below=leaving[0].points if leaving else None,
        held=tuple(
            replace(row, position=position[row.member])
            for row in (outside if free else [])
            if row.bar and row.member not in named and row.points >= least
            and position[row.member] <= formula.seats + len(everybody)
            and (not given or (last is not None and order(row, formula.ties) < last))
        ),
    )  # fmt: skip


def _promoted(row: Row, said: Mapping[int, str]) -> bool:
    return said.get(row.member) == "promote" and row.bar not in FINAL_BARS


def _leaving(
    core: Sequence[Row], may_leave: Sequence[Row], may_rise: Sequence[Row], formula: Formula
) -> list[Row]:
    """The lowest of a full core, the best of them first."""
    many = min(formula.leaving, len(may_leave))
    if formula.only_outranked:
        # What is over the seats leaves anyway; then the lowest for the best, the next for the next, while outranked.
        over = len(core) - formula.seats
        worst = may_leave[::-1]
        pairs = zip(worst[over:many], may_rise, strict=False)
        outranked = takewhile(lambda pair: order(pair[1], formula.ties) < order(pair[0], formula.ties), pairs)
        many = min(many, over) + sum(1 for _pair in outranked)
    return list(may_leave[len(may_leave) - many :])


def _rise_above(
    line: int | None,
    core: Sequence[Row],
    may_leave: Sequence[Row],
    leaving: Sequence[Row],
    formula: Formula,
    least: int,
) -> int | None:
    """Points that one more than is enough to rise, when all free seats are given."""
    lines = [] if line is None else [line]
    if formula.only_outranked and len(core) >= formula.seats:
        stayed = may_leave[: len(may_leave) - len(leaving)]
        if stayed and len(leaving) < formula.leaving and len(leaving) >= len(core) - formula.seats:
            lines.append(stayed[-1].points)
    return max(least, min(lines)) if lines else None


def safe_after(safe_closings: int) -> int:
    """The protection that is left after one more closing."""
    return max(0, safe_closings - 1)


def why_not(row: Row, plan: Plan, formula: Formula, rulings: Iterable[Ruling] = ()) -> str:
    """Why a member who is not core did not rise: a code for ``explain``."""
    said = {one.kind for one in rulings if one.member == row.member}
    if "exclude" in said:
        return "exception"
    if "gone" in said:
        return "gone"
    if row.bar:
        return row.bar
    if row.last_day is None or row.points <= 0:
        return "no_points"
    if row.points < formula.min_points:
        return "below_minimum"
    if not plan.free:
        return "no_seat"
    return "below_line" if last_risen(plan) is not None else "given_else"


def last_risen(plan: Plan) -> int | None:
    """The points of the last who rose by the ranking; None when nobody did."""
    return min((one.row.points for one in plan.promoted if one.reason == "best_ranked"), default=None)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a member is from the line that concerns them, if the season closed now.

    Attributes:
        side: ``rises``, ``below`` (not core), ``barred`` (whatever the points), ``stays``, ``leaves``, ``protected``,
            ``on_leave``, ``closed`` (no seat to rise to).
        points: to earn to get over the line, or the lead over it; 0 where there is no line.
    """

    side: str
    points: int = 0


def distance(row: Row, plan: Plan) -> Distance:
    """Where *row* stands to its line. One point more than whoever stands at the line is always enough."""
    outcome = next((one for one in plan.outcomes if one.row.member == row.member), None)
    if outcome is None:
        if row.bar:
            return Distance("barred")
        if plan.rise_above is None:
            return Distance("closed")
        return Distance("below", max(1, plan.rise_above + 1 - row.points))
    if outcome.outcome == "promoted":
        return Distance("rises", 0 if plan.rise_above is None else max(0, row.points - plan.rise_above))
    if outcome.outcome == "kept":
        if outcome.reason in ("protected", "on_leave"):
            return Distance(outcome.reason)
        lead = 0 if plan.leave_below is None else row.points - plan.leave_below
        return Distance("stays", max(0, lead))
    over = outcome.facts.get("line") if outcome.reason == "lowest" else None
    return Distance("leaves", 0 if over is None else over + 1 - row.points)


def check_step(state: str, to: str) -> None:
    """Refuse a step that does not follow.

    Raises:
        Conflict: naming what the season is.
    """
    if state in STEPS[to]:
        return
    if STATES.index(state) < STATES.index(to):
        raise Conflict(
            {
                "draft": N_("This season is still a draft; open it first."),
                "announced": N_("This season has not begun; it opens by itself at its start."),
                "open": N_("This season is still open; freeze it first."),
                "frozen": N_("This season is not published yet; publish it first."),
            }[state]
        )
    raise Conflict(
        {
            "announced": N_("This season is announced already."),
            "open": N_("This season is open already."),
            "frozen": N_("This season is frozen already."),
            "published": N_("This season is published already."),
            "closed": N_("This season is closed already."),
        }[state]
    )


def snapshot_line(row: Row) -> str:
    """One row of the snapshot as it is hashed: an array of JSON, the last day as days since 1970 (-1: none)."""
    day = (row.last_day - EPOCH).days if row.last_day else -1
    said: list[int | str] = [row.position, row.member, row.number, row.points, row.honours, day]
    if row.core or row.safe_closings or row.bar or row.on_leave:
        said += [int(row.core), row.safe_closings, row.bar, int(row.on_leave)]
    return json.dumps(said, separators=(",", ":")) + "\n"


def snapshot_row(line: str) -> Row:
    """The row that :func:`snapshot_line` put into words."""
    position, member, number, points, honours, day, *more = json.loads(line)
    core, safe_closings, bar, on_leave = more or (0, 0, "", 0)
    last = EPOCH + dt.timedelta(days=day) if day >= 0 else None
    return Row(
        member, number, points, honours, last, bool(core), safe_closings, position, bar, bool(on_leave)
    )


def snapshot_hash(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows: what ``fingerprint`` has the database say.

    Args:
        rows: those that are kept as rows, in order of member; after them the sheets, in their order.
    """
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
