"""Who goes into the new group when one is split: pure, the same answer whatever the order of the members."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

from .rules_allocation import normal

WAYS = ("newest", "even", "city", "course", "hand")
MOST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Sitting:
    """Somebody in the group.

    Attributes:
        id: of the seat.
        since: when they came in, aware UTC.
        purpose: what their pass is for, the address of a course.
    """

    id: int
    since: dt.datetime
    city: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How they are chosen.

    Attributes:
        way: the ``newest`` half, an ``even`` half by chance, those of a ``city`` or a ``course``, or by ``hand``.
        key: the city, or the address of the course.
        seed: of chance; the same gives the same.
        chosen: by hand: the seats.
    """

    way: str
    key: str = ""
    seed: str = ""
    chosen: frozenset[int] = frozenset()


def plan_split(
    sitting: Collection[Sitting], rule: SplitRule, *, capacity: int
) -> tuple[list[int], list[int]]:
    """Seats that stay and seats that go, each in the order of their ids.

    Args:
        capacity: of the new group; a half is no more than it.

    Raises:
        Invalid: when nobody goes or nobody stays, or more are named than the new group has seats.
    """
    everybody = sorted(sitting, key=lambda one: one.id)
    going = _going(everybody, rule, capacity)
    stay = [one.id for one in everybody if one.id not in going]
    move = [one.id for one in everybody if one.id in going]
    if rule.way not in WAYS:
        raise Invalid(N_("There is no such way of splitting."), field="way")
    if not move:
        raise Invalid(N_("By this rule nobody goes into the new group."), field=_field(rule.way))
    if not stay:
        raise Invalid(N_("By this rule everybody goes; leave somebody in the group."), field=_field(rule.way))
    if len(move) > capacity:
        raise Invalid(
            N_("%(count)s go, and the new group has %(seats)s seats."),
            field="capacity",
            count=len(move),
            seats=capacity,
        )
    return stay, move


def _field(way: str) -> str:
    return {"city": "key", "course": "key", "hand": "numbers"}.get(way, "way")


def _going(everybody: Sequence[Sitting], rule: SplitRule, capacity: int) -> frozenset[int]:
    half = min(len(everybody) // 2, capacity)
    if rule.way == "newest":
        newest = sorted(everybody, key=lambda one: (one.since, one.id), reverse=True)
        return frozenset(one.id for one in newest[:half])
    if rule.way == "even":
        return frozenset(
            one.id for one in sorted(everybody, key=lambda one: _drawn(rule.seed, one.id))[:half]
        )
    if rule.way in ("city", "course"):
        wanted = normal(rule.key)
        return frozenset(
            one.id
            for one in everybody
            if wanted and normal(one.city if rule.way == "city" else one.purpose) == wanted
        )
    return frozenset(one.id for one in everybody if rule.way == "hand" and one.id in rule.chosen)


def _drawn(seed: str, ident: int) -> str:
    return hashlib.sha256(f"{seed}:{ident}".encode()).hexdigest()


def seal(movers: Sequence[int]) -> str:
    """Stands for a list that was looked at; another list has another."""
    return hashlib.sha256(",".join(map(str, movers)).encode()).hexdigest()[:32]


def chosen_by(text: str, seats: Mapping[int, int]) -> frozenset[int]:
    """The seats of the members whose numbers are in *text*.

    Args:
        seats: the seat of each member number in the group.

    Raises:
        Invalid: on ``numbers``, naming one that nobody in the group has.
    """
    found = set()
    for part in re.split(r"[\s,，、;；]+", text.strip()):
        if not part:
            continue
        number = int(part) if part.isascii() and part.isdigit() and len(part) < 16 else 0
        if number not in seats:
            raise Invalid(N_("Nobody in this group has the number %(number)s."), field="numbers", number=part)
        found.add(seats[number])
    return frozenset(found)
