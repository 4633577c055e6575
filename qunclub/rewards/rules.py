"""When tuition is earned back, and how much of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """A work of the promise, handed in by its buyer.

    Attributes:
        state: ``waiting``, ``held``, ``accepted`` or ``returned``.
        submitted_at: when its present attempt was handed in.
    """

    state: str
    featured: bool
    submitted_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is: works that count, and works in time that a reviewer has still to read."""

    done: int
    waiting: int


def progress(works: list[Work], *, featured_only: bool, start: dt.datetime, end: dt.datetime) -> Progress:
    """Count what was handed in from *start* to *end*; when the review comes does not matter."""
    timely = [work for work in works if start <= work.submitted_at <= end]
    done = sum(work.state == "accepted" and (work.featured or not featured_only) for work in timely)
    return Progress(done, sum(work.state in ("waiting", "held") for work in timely))


def verdict(found: Progress, *, needed: int, now: dt.datetime, end: dt.datetime) -> str:
    """``earned``, ``missed``, or ``in_progress`` while it can still be earned.

    >>> at = dt.datetime(2026, 1, 1)
    >>> [verdict(Progress(2, n), needed=3, now=at, end=at) for n in (0, 1)]
    ['in_progress', 'in_progress']
    """
    if found.done >= needed:
        return "earned"
    if now > end and found.done + found.waiting < needed:
        return "missed"
    return "in_progress"


def worth(*, paid: int, left: int, percent: int | None, amount: int | None, kind: str) -> int:
    """The reward in minor units: never more than what is *left* of what was *paid*.

    As a refund one unit stays, for giving everything back would end the pass.

    >>> worth(paid=10000, left=10000, percent=100, amount=None, kind="refund")
    9999
    >>> worth(paid=10000, left=2500, percent=None, amount=5000, kind="credit")
    2500
    """
    wanted = amount if amount is not None else paid * (percent or 0) // 100
    most = left - 1 if kind == "refund" else left
    return max(0, min(wanted, most))
