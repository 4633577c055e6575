"""The rules of homework: what a rubric adds up to, who may hand in, who holds a submission, what is late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from qunclub.kernel import N_, Conflict, Invalid

from .rules_levels import LevelSpec, check_levels, chosen

TURNAROUND = dt.timedelta(days=3)
"""How soon work is reviewed; the desk shows what waits longer."""
MAX_BODY = 50_000
MAX_COMMENT = 20_000
MAX_CRITERIA = 12


@dataclass(frozen=True, slots=True)
class Scale:
    """A criterion as the score rule sees it."""

    criterion_id: int
    max_points: int
    weight: int
    title: str = ""
    levels: tuple[LevelSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class CriterionSpec:
    """A criterion as an admin writes it; ``criterion_id`` names the one it changes."""

    title: str
    max_points: int
    weight: int = 1
    description: str = ""
    criterion_id: int | None = None
    levels: tuple[LevelSpec, ...] = ()


def rubric_score(scales: Sequence[Scale], scores: Mapping[int, int]) -> int:
    """The weighted score in percent, a half rounded up: Σ weight · points / max ÷ Σ weight · 100.

    >>> rubric_score([Scale(1, 10, 40), Scale(2, 10, 60)], {1: 10, 2: 5})
    70

    Raises:
        Invalid: when a criterion has no score, or one that is not on its scale, or none of its levels.
    """
    if not scales or set(scores) != {scale.criterion_id for scale in scales}:
        raise Invalid(N_("Give every criterion its score."), field="scores")
    for scale in scales:
        if not 0 <= scores[scale.criterion_id] <= scale.max_points:
            raise Invalid(N_("A score lies between 0 and the criterion's maximum."), field="scores")
        chosen(scale.title, scale.levels, scores[scale.criterion_id])
    whole = sum(scale.weight for scale in scales)
    got = sum(
        (Fraction(scale.weight * scores[scale.criterion_id], scale.max_points) for scale in scales),
        Fraction(),
    )
    return int(got * 100 / whole + Fraction(1, 2))


def check_criteria(criteria: Sequence[CriterionSpec]) -> None:
    """Refuse a rubric nobody could review with."""
    if not 1 <= len(criteria) <= MAX_CRITERIA:
        raise Invalid(
            N_("A rubric has between 1 and %(most)s criteria."), field="criteria", most=MAX_CRITERIA
        )
    for one in criteria:
        if not one.title.strip():
            raise Invalid(N_("Every criterion needs a name."), field="criteria")
        if not (1 <= one.max_points <= 100 and 1 <= one.weight <= 100):
            raise Invalid(N_("Maximum and weight of a criterion lie between 1 and 100."), field="criteria")
        check_levels(one.title.strip(), one.max_points, one.levels)


def refuse_submit(
    *,
    state: str | None,
    attempt: int,
    max_attempts: int | None,
    opens_at: dt.datetime | None,
    now: dt.datetime,
) -> Conflict | None:
    """Why work cannot be handed in now; None when it can. *state* is None before the first attempt."""
    if opens_at is not None and now < opens_at:
        return Conflict(N_("This homework is not open yet."))
    if state == "waiting":
        return Conflict(N_("Your work is waiting for its review; you can hand in again when it comes back."))
    if state == "held":
        return Conflict(
            N_("Your work is reviewed; the results come out together, until then nothing changes.")
        )
    if state == "accepted":
        return Conflict(N_("Your work is accepted; there is nothing left to hand in."))
    if state is not None and max_attempts is not None and attempt >= max_attempts:
        return Conflict(N_("All %(attempts)s attempts of this homework are used."), attempts=max_attempts)
    return None


def held_by_other(
    claimed_by: int | None, claimed_until: dt.datetime | None, *, member_id: int | None, now: dt.datetime
) -> bool:
    """Whether somebody else's lease on a submission still runs."""
    if claimed_by is None or claimed_until is None or claimed_until <= now:
        return False
    return claimed_by != member_id


def on_time(due_at: dt.datetime | None, moment: dt.datetime) -> bool:
    """Whether something handed in at *moment* is not later than due."""
    return due_at is None or moment <= due_at


def next_action(
    *,
    state: str | None,
    attempt: int,
    max_attempts: int | None,
    opens_at: dt.datetime | None,
    due_at: dt.datetime | None,
    now: dt.datetime,
    closes_at: dt.datetime | None = None,
) -> str:
    """What an assignment asks of its member: soon, write, late, closed, revise, wait, used_up or done.

    Args:
        attempt: how many attempts count, without those that were taken back.
    """
    if state == "accepted":
        return "done"
    if state in ("waiting", "held"):
        return "wait"
    if opens_at is not None and now < opens_at:
        return "soon"
    if state == "returned":
        return "used_up" if max_attempts is not None and attempt >= max_attempts else "revise"
    if closes_at is not None and now >= closes_at:
        return "closed"
    if state == "withdrawn" and max_attempts is not None and attempt >= max_attempts:
        return "used_up"
    return "write" if on_time(due_at, now) else "late"
