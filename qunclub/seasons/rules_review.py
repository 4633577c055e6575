"""Two plans compared, and which exceptions change nothing: pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .rules import Plan, Row, Ruling, plan_season
from .rules_formula import Formula

EXCEPTIONS = ("keep", "promote", "exclude")


def outcomes_of(plan: Plan) -> list[list[Any]]:
    """A plan as it is kept: member, number, outcome, reason, place, points of everybody it decides about."""
    return [
        [one.row.member, one.number, one.outcome, one.reason, one.place, one.row.points]
        for one in plan.outcomes
    ]


def plan_hash(outcomes: Sequence[Any]) -> str:
    """SHA-256 over kept outcomes: the same for the same result with the same reasons."""
    return hashlib.sha256(json.dumps(outcomes, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody whose outcome or reason differs; an empty outcome is that of who is neither core nor rises."""

    member: int
    number: int
    was: str
    was_reason: str
    now: str
    now_reason: str


def differences(before: Iterable[Sequence[Any]], after: Iterable[Sequence[Any]]) -> list[Change]:
    """Whose outcome or reason changed between two kept plans, by number."""
    old = {one[0]: one for one in before}
    new = {one[0]: one for one in after}
    nothing = (0, 0, "", "")
    changes = []
    for member in old.keys() | new.keys():
        was, now = old.get(member, nothing), new.get(member, nothing)
        if (was[2], was[3]) != (now[2], now[3]):
            changes.append(Change(member, now[1] or was[1], was[2], was[3], now[2], now[3]))
    return sorted(changes, key=lambda one: (one.number, one.member))


def idle(rows: Sequence[Row], formula: Formula, rulings: Sequence[Ruling]) -> list[Ruling]:
    """The exceptions without which nobody's outcome would differ: there must be none when a result is published."""
    whole = _decided(plan_season(rows, formula, rulings))
    return [
        one
        for one in rulings
        if one.kind != "gone"
        and _decided(plan_season(rows, formula, [other for other in rulings if other != one])) == whole
    ]


def _decided(plan: Plan) -> dict[int, str]:
    return {one.row.member: one.outcome for one in plan.outcomes}
