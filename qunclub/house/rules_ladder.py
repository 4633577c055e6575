"""The ladder: what the first, the second and each further violation leads to, as the club has set it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qunclub.kernel import N_, Invalid

ACTS = ("warning", "mute", "removal")
CATEGORIES = ("spam", "abuse", "private", "off_topic", "other")
MOST_DAYS = 3_650
MOST_STEPS = 10
LEASE = dt.timedelta(minutes=30)
"""How long a moderator holds a report."""
MOST_REASON = 2_000
_STEP = re.compile(r"(warning|mute|removal)(?:\s+(\d+))?")


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: an act of :data:`ACTS`, and for a mute its days; 0: until it is lifted."""

    act: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """What the club has set.

    Attributes:
        steps: the first violation's first; further ones meet the last.
        forget_days: after how many days a violation does not count any more; 0: never forgotten.
        appeal_days: for how many days one may appeal; at least one.
        version: grows with every change.
    """

    steps: tuple[Step, ...] = (Step("warning"), Step("mute", 3), Step("removal"))
    forget_days: int = 180
    appeal_days: int = 14
    version: int = 0

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "steps": [[step.act, step.days] for step in self.steps],
            "forget_days": self.forget_days,
            "appeal_days": self.appeal_days,
            "version": self.version,
        }


def from_json(data: Mapping[str, Any] | None) -> Ladder:
    """The ladder of :meth:`Ladder.as_json`; the usual one when the club has set none."""
    if not data:
        return Ladder()
    steps = tuple(Step(str(act), int(days)) for act, days in data["steps"])
    return Ladder(steps, int(data["forget_days"]), int(data["appeal_days"]), int(data["version"]))


def since(ladder: Ladder, now: dt.datetime) -> dt.datetime | None:
    """Violations from this moment on count; None: all of them."""
    return now - dt.timedelta(days=ladder.forget_days) if ladder.forget_days else None


def propose(ladder: Ladder, before: int) -> tuple[int, Step]:
    """(number of the rung from 1, the rung) after *before* violations that count.

    >>> propose(Ladder(), 0), propose(Ladder(), 7)
    ((1, Step(act='warning', days=0)), (3, Step(act='removal', days=0)))
    """
    index = min(before, len(ladder.steps) - 1)
    return index + 1, ladder.steps[index]


def parse_steps(text: str, *, field: str = "steps") -> tuple[Step, ...]:
    """Read one rung a line: ``warning``, ``mute 3``, ``removal``.

    Raises:
        Invalid: for a line that is none, or too many or no lines.
    """
    found = []
    for line in text.lower().splitlines():
        if not line.strip():
            continue
        match = _STEP.fullmatch(line.strip())
        if match is None or (match[2] and match[1] != "mute") or int(match[2] or 0) > MOST_DAYS:
            raise Invalid(
                N_(
                    "Write one step a line: warning, mute 3 (days; without a number until lifted) or removal."
                ),
                field=field,
            )
        found.append(Step(match[1], int(match[2] or 0)))
    if not 1 <= len(found) <= MOST_STEPS:
        raise Invalid(N_("A ladder has 1 to %(most)s steps."), field=field, most=MOST_STEPS)
    return tuple(found)


def write_steps(steps: tuple[Step, ...]) -> str:
    """What :func:`parse_steps` reads."""
    return "\n".join(f"{step.act} {step.days}" if step.days else step.act for step in steps)


def checked(ladder: Ladder) -> Ladder:
    """The ladder, fit to be kept.

    Raises:
        Invalid: naming the field; of the steps also which of them.
    """
    if not 1 <= len(ladder.steps) <= MOST_STEPS:
        raise Invalid(N_("A ladder has 1 to %(most)s steps."), field="steps", most=MOST_STEPS)
    for number, step in enumerate(ladder.steps, 1):
        if step.act not in ACTS:
            raise Invalid(N_("Step %(number)s: choose what follows."), field="steps", number=number)
        if not 0 <= step.days <= (MOST_DAYS if step.act == "mute" else 0):
            raise Invalid(
                N_("Step %(number)s: write a number of days from 0 to %(most)s."),
                field="steps",
                number=number,
                most=MOST_DAYS,
            )
    if not 0 <= ladder.forget_days <= MOST_DAYS:
        raise Invalid(N_("Write a number of days from 0 to %(most)s."), field="forget_days", most=MOST_DAYS)
    if not 1 <= ladder.appeal_days <= 365:
        raise Invalid(N_("Write a number of days from 1 to %(most)s."), field="appeal_days", most=365)
    return ladder


def held_by_other(
    claimed_by: int | None, claimed_until: dt.datetime | None, *, member_id: int | None, now: dt.datetime
) -> bool:
    """Whether another moderator holds a report."""
    return claimed_by not in (None, member_id) and claimed_until is not None and claimed_until > now


def needs_departure(proposed: Step, act: str, days: int) -> bool:
    """Whether a moderator chose otherwise than the ladder proposes and has to say why."""
    return (act, days if act == "mute" else 0) != (proposed.act, proposed.days)
