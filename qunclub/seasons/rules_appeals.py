"""Who may appeal against a season's result, until when, and who may decide it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

MOST_WORDS = 2_000
CORRECTS = {"eliminated": "kept", "none": "promoted"}
"""What an upheld appeal brings, by what the season had decided."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a member's result.

    Attributes:
        published_at: None while there is no result, or none any more to appeal against (put away).
        days: of the formula.
        outcome: of their decision; ``none`` when they stood in the ranking and did not rise; empty when they stood
            nowhere in it.
        appealed: they did, once.
    """

    published_at: dt.datetime | None
    days: int
    outcome: str
    appealed: bool = False

    @property
    def until(self) -> dt.datetime | None:
        """The last moment."""
        return None if self.published_at is None else self.published_at + dt.timedelta(days=self.days)


def refused(case: Case, now: dt.datetime) -> str:
    """Why a member cannot appeal: a code; empty when they can."""
    if case.published_at is None:
        return "no_result"
    if not case.days:
        return "no_appeals"
    if case.appealed:
        return "appealed"
    if case.outcome in ("kept", "promoted"):
        return "has_seat"
    if not case.outcome:
        return "not_listed"
    return "late" if case.until is not None and now >= case.until else ""


def may_decide(*, own: bool, published: bool, admins: int) -> str:
    """Why an admin may not decide an appeal: a code; empty when they may.

    Args:
        own: it is their own appeal.
        published: they published the result.
        admins: of the club, without the one who appeals.
    """
    if own:
        return "own"
    return "published" if published and admins > 1 else ""
