"""Who is of the core, and who was: from the seats somebody held, one after the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

MOST_ABOUT = 600
# Leaving the club ends the bond; a seat taken away for what somebody did is no honour.
NO_HONOUR = frozenset({"left_club", "removed"})


@dataclass(frozen=True, slots=True)
class Term:
    """One time in the core; *left_at* is None while it lasts."""

    joined_at: dt.datetime
    left_at: dt.datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member's terms make them: ``core``, ``alumni`` (荣誉校友), or ``""``.

    Attributes:
        since: when they first came in.
        until: when they last left; None while they sit.
        terms: how many times they sat.
    """

    kind: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    terms: int = 0


def standing(terms: Iterable[Term]) -> Standing:
    """What *terms*, in any order, make of somebody.

    Whoever sits is of the core; whoever sat and whose last leaving was no dishonour is an honorary alumnus for good.
    """
    held = sorted(terms, key=lambda one: one.joined_at)
    if not held:
        return Standing()
    since = held[0].joined_at
    if any(one.left_at is None for one in held):
        return Standing("core", since, None, len(held))
    last = max(held, key=lambda one: (one.left_at or since, one.joined_at))
    if last.reason in NO_HONOUR:
        return Standing("", since, last.left_at, len(held))
    return Standing("alumni", since, last.left_at, len(held))
