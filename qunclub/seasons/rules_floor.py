"""Pure rules of the floor: when a violation is past, and which conditions somebody meets at the end of a season."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from .rules_formula import Formula


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one member, as it will be at the end of the season if nothing else happens.

    Attributes:
        works: accepted within the season so far.
        numbered_at: since when they have a number.
        waits: whether they left the core so lately that they sit out.
        violations: (when, whether muted for it, until when) of each that is open at the end of the season.
    """

    holds_pass: bool = False
    works: int = 0
    numbered_at: dt.datetime | None = None
    waits: bool = False
    violations: tuple[tuple[dt.datetime, bool, dt.datetime | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition of the formula beside points, and how it stands.

    Attributes:
        code: of ``rules_formula.BARS``.
        have, need: accepted works, or days at the end of the season; 0 where nothing is counted.
        on: from when on it is met; None when it can be met at any time, or nobody knows.
    """

    code: str
    met: bool
    have: int = 0
    need: int = 0
    on: dt.datetime | None = None

    @property
    def missing(self) -> int:
        """How much is left to do."""
        return max(0, self.need - self.have)


def past_on(
    violations: Iterable[tuple[dt.datetime, bool, dt.datetime | None]], clean_days: int
) -> dt.datetime | None:
    """When the last of these violations is past; None when a mute for one has no end, or there are none."""
    ends = []
    for at, muted, until in violations:
        if muted and until is None:
            return None
        # Both have to be over: the days since, and the mute.
        ends.append(max(at + dt.timedelta(days=clean_days), *([until] if muted and until else [at])))
    return max(ends, default=None)


def asked(formula: Formula, facts: Facts, ends_at: dt.datetime) -> list[Asked]:
    """What *formula* asks of whoever rises beside points, in the order of the bars."""
    found = []
    if formula.clean_days:
        on = past_on(facts.violations, formula.clean_days)
        found.append(Asked("violation", not facts.violations, on=on))
    if formula.reentry:
        found.append(Asked("waiting", not facts.waits, need=formula.reentry))
    if formula.need_pass:
        found.append(Asked("no_pass", facts.holds_pass))
    if formula.min_works:
        works = formula.min_works
        found.append(Asked("few_works", facts.works >= works, facts.works, works))
    if formula.min_days:
        days = dt.timedelta(days=formula.min_days)
        on = facts.numbered_at + days if facts.numbered_at is not None else None
        had = (ends_at - facts.numbered_at).days if facts.numbered_at is not None else 0
        found.append(Asked("few_days", on is not None and on <= ends_at, max(0, had), formula.min_days, on))
    return found
