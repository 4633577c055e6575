"""What would close a member's distance, by the rules in force: a few statements for one member or many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from qunclub import points

from .models import Season
from .queries_live import Mine
from .rules import Plan
from .rules_formula import WHOLE
from .rules_hints import DOABLE, DOABLE_BY_CORE, MOST_TIMES, Lines, Offer, Way, days_left, lines, ways

NEED = ("below", "leaves")
"""Sides on which something is missing (``rules.Distance``)."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What kinds give now: points of one, weight in the season, and the rules they follow."""

    each: Mapping[str, int]
    rules: Mapping[str, points.Rule]
    weights: Mapping[str, int]

    @property
    def about(self) -> dict[str, int]:
        """Of the kinds whose points differ from one to the next: what one usually comes to."""
        return {kind: many for kind, many in self.each.items() if points.KINDS[kind].own_amount}

    def offers(self, had: Mapping[str, points.Had], *, core: bool, days: int) -> list[Offer]:
        """What earns within so many days for a member who has that already."""
        kinds = (*DOABLE, *DOABLE_BY_CORE) if core else DOABLE
        nothing = points.Had(season_points=0)
        return [
            Offer(
                kind,
                tuple(
                    points.gains(
                        self.rules[kind].limits, self.each[kind], had.get(kind, nothing), days=days,
                        most=MOST_TIMES, percent=self.weights.get(kind, WHOLE),
                    )
                ),
            )
            for kind in kinds
            if kind in self.each
        ]  # fmt: skip


def rulebook(session: Session, season: Season) -> Rulebook:
    """The kinds that earn now: two statements."""
    active = {kind: rule for kind, rule in points.rules_in_force(session).items() if rule.active}
    each = {kind: rule.amount for kind, rule in active.items() if rule.amount > 0}
    # Kinds whose lines bring their own amount have none in the rule: what one usually comes to.
    own = [kind for kind in each if points.KINDS[kind].own_amount]
    # A kind that no room gives is no way to anything, unless a plugin has given it of late.
    unsure = [kind for kind in each if kind in points.UNAWARDED]
    lately = points.usual(session, [*own, *unsure])
    for kind in unsure:
        if kind not in lately:
            del each[kind]
    each |= {kind: lately[kind] for kind in own if lately.get(kind, 0) > 0}
    return Rulebook(each, active, dict(season.formula.weights))


def ways_of(
    session: Session, season: Season, book: Rulebook, gaps: Mapping[int, tuple[int, bool]], now: dt.datetime
) -> dict[int, list[Way]]:
    """The nearest ways for many members, given the points each misses and whether they are core: one statement."""
    limited = [kind for kind in book.each if book.rules[kind].limits.counting]
    had = points.had(session, list(gaps), limited, starts_at=season.starts_at, now=now)
    by_member: dict[int, dict[str, points.Had]] = {}
    for (member, kind), many in had.items():
        by_member.setdefault(member, {})[kind] = many
    left = days_left(now, season.ends_at)
    return {
        member: ways(gap, book.offers(by_member.get(member, {}), core=core, days=left))
        for member, (gap, core) in gaps.items()
    }


@dataclass(frozen=True, slots=True)
class Hint:
    """For one member: both distances, and the nearest ways over the line that concerns them (None: nothing misses).

    ``about`` says what one of a kind usually comes to, where that differs from one to the next.
    """

    lines: Lines
    ways: list[Way] | None
    about: Mapping[str, int]


def hint(session: Session, season: Season, plan: Plan, mine: Mine, now: dt.datetime) -> Hint:
    """How far the reader is and what would close it; at most three statements, none when nothing misses."""
    both = lines(mine.row, plan)
    if mine.distance.side not in NEED or mine.distance.points <= 0:
        return Hint(both, None, {})
    book = rulebook(session, season)
    member = mine.row.member
    found = ways_of(session, season, book, {member: (mine.distance.points, mine.row.core)}, now)
    return Hint(both, found[member], book.about)
