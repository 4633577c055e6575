"""Who a waiting work is meant for: pure, from a plan, the instructors who are there, and how much each has open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

MODES = ("free", "named", "group", "evenly")
"""Whoever takes it; the plan's own instructors; who is responsible for the author's group; all instructors."""
WITH_PEOPLE = ("named", "group")
MAX_AWAY = dt.timedelta(days=366)
MAX_REASON = 200
EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the works of a course or an assignment are allocated.

    Attributes:
        people: the instructors of the plan, each with the groups they are responsible for (none outside ``group``).
        blind: whether the author is hidden: a group would tell of them, so all people of the plan share the works.
    """

    mode: str = "free"
    people: Mapping[int, frozenset[int]] = field(default_factory=dict)
    blind: bool = False


FREE = Plan()


@dataclass(frozen=True, slots=True)
class Hand:
    """An instructor who is there: how many open works are meant for them, and when they were given the last one."""

    member_id: int
    open: int = 0
    last: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A work to be allocated: the groups of its author, and who may not judge it (authors, earlier judges)."""

    id: int
    plan: Plan
    groups: frozenset[int] = frozenset()
    kept_from: frozenset[int] = frozenset()


def candidates(plan: Plan, groups: Collection[int], everybody: Iterable[int]) -> frozenset[int]:
    """Whom a plan would give a work to whose author sits in *groups*, out of *everybody* who is an instructor.

    >>> sorted(candidates(Plan("group", {1: frozenset({7}), 2: frozenset({8})}), {8}, [1, 2, 3]))
    [2]
    """
    there = frozenset(everybody)
    if plan.mode == "evenly":
        return there
    if plan.mode == "named" or (plan.mode == "group" and plan.blind):
        return there & frozenset(plan.people)
    if plan.mode == "group":
        return frozenset(one for one, theirs in plan.people.items() if theirs & frozenset(groups)) & there
    return frozenset()


def meant_for(work: Work, hands: Sequence[Hand]) -> int | None:
    """The one of *hands* a work is meant for: fewest open works, then longest without a new one, then the lowest id.

    None leaves it to whoever takes it: the plan says so, or nobody it names is there and may judge it.
    """
    wanted = candidates(work.plan, work.groups, [one.member_id for one in hands]) - work.kept_from
    fit = [one for one in hands if one.member_id in wanted]
    best = min(fit, key=lambda one: (one.open, one.last or EARLIEST, one.member_id), default=None)
    return best.member_id if best else None


def spread(works: Sequence[Work], hands: Sequence[Hand], *, now: dt.datetime) -> dict[int, int | None]:
    """Who each of *works* is meant for, one after the other; each that is given counts for the next."""
    by_id = {one.member_id: one for one in hands}
    given: dict[int, int | None] = {}
    for work in works:
        chosen = meant_for(work, list(by_id.values()))
        given[work.id] = chosen
        if chosen is not None:
            by_id[chosen] = Hand(chosen, by_id[chosen].open + 1, now)
    return given


def reserved(
    allocated_to: int | None,
    submitted_at: dt.datetime,
    *,
    reader: int | None,
    promise: dt.timedelta,
    now: dt.datetime,
) -> bool:
    """Whether a work is kept for somebody else than *reader*: not after it has waited as long as the club promises."""
    return allocated_to is not None and allocated_to != reader and submitted_at >= now - promise


def is_away(times: Iterable[tuple[dt.datetime, dt.datetime]], now: dt.datetime) -> bool:
    """Whether *now* lies in one of *times*, each from its start until before its end."""
    return any(starts <= now < ends for starts, ends in times)
