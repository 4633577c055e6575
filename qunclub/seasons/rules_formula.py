"""The formula of a season as a value: what counts, who may rise, who leaves, how equal ones are told apart.

It goes to JSON and back without loss. Whatever a season does not say means what a season without such a rule does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from qunclub.kernel import N_, Invalid

MOST_SEATS = 10_000
MOST_CLOSINGS = 12
MOST_WEIGHT = 1_000
WHOLE = 100
"""The weight, in percent, at which a point counts as one point."""

TIES = ("featured", "earlier")
"""What tells equal points apart: more featured works, the earlier day of the last points; last, the lower number."""

BARS = ("suspended", "put_out", "violation", "waiting", "no_pass", "few_works", "few_days")
"""Why somebody may not rise, whatever their points; the first that is true is told."""
FINAL_BARS = ("suspended", "put_out")
"""Those that no exception mends."""


@dataclass(frozen=True, slots=True)
class Formula:
    """How a season is decided.

    Attributes:
        eliminate: how many of a full core leave.
        protection: closings at which a newcomer may not leave.
        min_points: the least to rise with.
        eliminate_percent: of the seats, instead of *eliminate*, when above 0; rounded down, at least one.
        only_outranked: nobody leaves but for somebody outside the core who ranks higher.
        weights: kind of points and its weight in percent, sorted by kind; kinds not named count whole.
        ties: what tells equal points apart, in order (of :data:`TIES`); the lower number decides last.
        need_pass: whoever rises holds a pass that is good at the end of the season.
        min_works: accepted works within the season that one needs to rise.
        min_days: days one must have had a number at the end of the season to rise.
        clean_days: whoever rises has no open violation of the house rules: none of so many days before the end of the
            season that stands, and none whose mute still runs then; 0: not asked.
        leaves: for how many seasons of their time in the core a member may take leave.
        reentry: seasons that whoever was eliminated, or lost the seat for a violation, sits out before they can rise
            again.
        appeal_days: for how long after the result one may appeal; 0: not at all.
        offer_days: how long a runner-up may think about a seat that becomes free between two results; 0: such seats
            wait for the next result.
        two_person: one admin proposes the result, another publishes it.
    """

    seats: int
    eliminate: int
    protection: int = 1
    min_points: int = 1
    eliminate_percent: int = 0
    only_outranked: bool = False
    weights: tuple[tuple[str, int], ...] = ()
    ties: tuple[str, ...] = TIES
    need_pass: bool = False
    min_works: int = 0
    min_days: int = 0
    leaves: int = 0
    reentry: int = 0
    appeal_days: int = 0
    two_person: bool = False
    offer_days: int = 0
    clean_days: int = 0

    @property
    def leaving(self) -> int:
        """How many of a full core leave."""
        if self.eliminate_percent:
            return max(1, self.seats * self.eliminate_percent // 100)
        return self.eliminate

    @property
    def weighted(self) -> bool:
        """Whether some kind of points does not count whole."""
        return any(percent != WHOLE for _kind, percent in self.weights)

    @property
    def has_floor(self) -> bool:
        """Whether more than points is asked of whoever rises."""
        return bool(self.need_pass or self.min_works or self.min_days or self.reentry or self.clean_days)

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        return {**asdict(self), "weights": dict(self.weights), "ties": list(self.ties)}


COLUMNS = ("seats", "eliminate", "protection", "min_points")
"""What a season keeps in columns of its own; the rest is kept as JSON."""


def from_json(data: Mapping[str, Any]) -> Formula:
    """The formula of :meth:`Formula.as_json`; what *data* does not name has its default, what nobody knows is left."""
    known = {one.name for one in fields(Formula)}
    values = {name: value for name, value in data.items() if name in known}
    if "weights" in values:
        values["weights"] = tuple(sorted((str(kind), int(many)) for kind, many in values["weights"].items()))
    if "ties" in values:
        values["ties"] = tuple(values["ties"])
    return Formula(**values)


def terms_of(formula: Formula) -> dict[str, Any]:
    """What is kept as JSON: everything that has no column and is not its default."""
    usual = Formula(formula.seats, formula.eliminate).as_json()
    return {
        name: value
        for name, value in formula.as_json().items()
        if name not in COLUMNS and value != usual[name]
    }


def check_formula(
    formula: Formula,
    *,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
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
    if not 1 <= formula.seats <= MOST_SEATS:
        raise Invalid(N_("A core group has between 1 and %(most)s seats."), field="seats", most=MOST_SEATS)
    # More than there are seats is no error: fewer leave when fewer may.
    if not 0 <= formula.eliminate <= MOST_SEATS:
        raise Invalid(N_("Between 0 and %(most)s last places leave."), field="eliminate", most=MOST_SEATS)
    if not 0 <= formula.protection <= MOST_CLOSINGS:
        raise Invalid(N_("Protection lasts between 0 and 12 closings."), field="protection")
    if not 1 <= formula.min_points <= 10_000:
        raise Invalid(N_("Whoever rises needs between 1 and 10000 points."), field="min_points")
    for name, most in (
        ("eliminate_percent", 100), ("min_works", 100), ("min_days", 3_650), ("clean_days", 3_650),
        ("leaves", MOST_CLOSINGS),
        ("reentry", MOST_CLOSINGS), ("appeal_days", 60), ("offer_days", 30),
    ):  # fmt: skip
        if not 0 <= getattr(formula, name) <= most:
            raise Invalid(N_("Give a number between 0 and %(most)s."), field=name, most=most)
    for _kind, percent in formula.weights:
        if not 0 <= percent <= MOST_WEIGHT:
            raise Invalid(
                N_("A kind counts between 0 and %(most)s percent."), field="weights", most=MOST_WEIGHT
            )
    if len(set(formula.ties)) != len(formula.ties) or not set(formula.ties) <= set(TIES):
        raise Invalid(N_("Choose from the list."), field="ties")
    if capacity is not None and capacity < formula.seats:
        raise Invalid(
            N_("The core group has %(capacity)s seats; the season cannot give more."),
            field="seats",
            capacity=capacity,
        )
