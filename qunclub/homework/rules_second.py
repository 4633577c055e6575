"""The rules of a second opinion: whose work is in the sample, and what follows from the judgements given so far."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from .rules_fair import RANK

STAGES = ("first", "second", "third")
"""Whose judgement a submission waits for."""
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Opinion:
    """One judgement; ``score`` is None when the work was returned unmeasured."""

    verdict: str
    score: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next: another judgement (``need``), or the end with its opinion.

    Attributes:
        need: ``first``, ``second`` or ``third``; empty at the end.
        by: at the end, whose it is: ``first``, ``agreed`` (the first two together) or ``third``.
    """

    need: str = ""
    by: str = ""
    opinion: Opinion | None = None


def in_sample(key: str, assignment_id: int, member_id: int, percent: int) -> bool:
    """Whether a member's work for an assignment gets a second judgement.

    It depends on nothing the author can change: not on the text, the moment or the attempt. Without the assignment's
    secret *key* nobody can tell beforehand.

    >>> in_sample("k", 1, 2, 0), in_sample("k", 1, 2, 100)
    (False, True)
    """
    digest = hmac.digest(key.encode(), f"{assignment_id}:{member_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") % 10_000 < percent * 100


def agree(first: Opinion, second: Opinion, limit: int) -> bool:
    """Whether two judgements say the same: the same verdict, and scores not more than *limit* points apart.

    >>> agree(Opinion("accept", 70), Opinion("accept", 80), 10)
    True
    >>> agree(Opinion("accept", 70), Opinion("feature", 70), 10)
    False
    """
    if first.verdict != second.verdict:
        return False
    if first.score is None or second.score is None:
        return True
    return abs(first.score - second.score) <= limit


def mean(first: Opinion, second: Opinion) -> int | None:
    """The score two agreeing judgements make: their mean, a half rounded up; of one that measured, its own.

    >>> mean(Opinion("accept", 70), Opinion("accept", 75)), mean(Opinion("return", None), Opinion("return", 40))
    (73, 40)
    """
    given = [one.score for one in (first, second) if one.score is not None]
    return (2 * sum(given) + len(given)) // (2 * len(given)) if given else None


def step(opinions: Sequence[Opinion], *, sampled: bool, limit: int) -> Step:
    """What follows from the judgements given so far, in their order.

    >>> step([Opinion("accept", 70)], sampled=True, limit=10).need
    'second'
    >>> step([Opinion("accept", 70), Opinion("accept", 90)], sampled=True, limit=10).need
    'third'
    """
    if not opinions:
        return Step(need="first")
    if not sampled:
        return Step(by="first", opinion=opinions[-1])
    if len(opinions) == 1:
        return Step(need="second")
    if len(opinions) > 2:
        return Step(by="third", opinion=opinions[2])
    first, second = opinions
    if not agree(first, second, limit):
        return Step(need="third")
    return Step(by="agreed", opinion=Opinion(first.verdict, mean(first, second)))


def waived(opinions: Sequence[Opinion]) -> int:
    """Which of one or two judgements counts when nobody is there to go on: the better one for the author.

    >>> waived([Opinion("accept", 70), Opinion("return", None)]), waived([Opinion("accept", 60), Opinion("accept", 90)])
    (0, 1)
    """
    ranked = [(RANK[one.verdict], one.score or 0, -place) for place, one in enumerate(opinions)]
    return ranked.index(max(ranked))
