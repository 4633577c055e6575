"""To whom a seat is offered that becomes free between two results, and for how long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

SHORTEST = dt.timedelta(days=1)
"""Less time to think than this is no offer: the seat waits for the next result."""

STANDS_BACK = ("passed", "offered", "core", "shut", "left", "barred", "violation", "no_pass")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A runner-up as they are now.

    Attributes:
        place: on the list, 1 is the first.
        offered: had their offer already. passed: an admin passed them over.
        core: sits in the core. shut: suspended, or no member any more.
        left: lost a core seat by this very result or since (a correction does not change that: they have it back).
        holds_pass: holds a pass that is good now.
        violation: has an open violation of the house rules, where the formula asks for none.
        barred: was taken out for cause and may take no seat in the core group's own group.
    """

    member: int
    place: int
    offered: bool = False
    passed: bool = False
    core: bool = False
    shut: bool = False
    left: bool = False
    holds_pass: bool = True
    violation: bool = False
    barred: bool = False


def stands_back(one: Candidate, *, need_pass: bool) -> str:
    """Why a runner-up is not offered a seat (of :data:`STANDS_BACK`); empty when they may be."""
    for code in ("passed", "offered", "core", "shut", "left", "barred", "violation"):
        if getattr(one, code):
            return code
    return "no_pass" if need_pass and not one.holds_pass else ""


def next_up(listed: Iterable[Candidate], *, need_pass: bool, many: int = 1) -> list[Candidate]:
    """The first *many* who may be offered a seat, in the order of the list."""
    standing = [one for one in listed if not stands_back(one, need_pass=need_pass)]
    return sorted(standing, key=lambda one: one.place)[: max(0, many)]


def until(now: dt.datetime, *, days: int, running_ends: dt.datetime | None) -> dt.datetime | None:
    """The deadline of an offer made *now*: after *days*, and not after the end of the season that runs.

    None when no offer is made: the formula has none, or too little time is left.
    """
    if days < 1:
        return None
    last = now + dt.timedelta(days=days)
    if running_ends is not None:
        last = min(last, running_ends)
    return last if last - now >= SHORTEST else None
