"""Who may move whom, and whether a group takes so many more: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qunclub.kernel import N_, Invalid

from .rules import MAX_CAPACITY, capacity_of

LONGEST = 1000


def may_move(*, admin: bool, host: bool, hosted: Collection[int], groups: Collection[int]) -> bool:
    """Whether somebody moves members between these groups: an admin, a host of the whole club, a host of them all.

    Args:
        hosted: the groups whose host they are; a host with none is the whole club's.

    >>> may_move(admin=False, host=True, hosted={1}, groups={1, 2})
    False
    >>> may_move(admin=False, host=True, hosted=(), groups={1})
    True
    >>> may_move(admin=False, host=True, hosted={1}, groups=())
    False
    """
    # Who stands in no group yet is nobody's but the whole club's.
    return admin or (host and (not hosted or (bool(groups) and set(groups) <= set(hosted))))


def check_reason(words: str, *, field: str = "reason") -> str:
    """The words, tidied.

    Raises:
        Invalid: when there are none, or too many.
    """
    words = words.strip()
    if not words:
        raise Invalid(N_("Say why in a few words."), field=field)
    if len(words) > LONGEST:
        raise Invalid(N_("Say it in at most %(most)s characters."), field=field, most=LONGEST)
    return words


def merged_capacity(*, capacity: int, seated: int, coming: int, wanted: int | None) -> int:
    """Seats of the group that others come into: as many as *wanted*, or as it has.

    Raises:
        Invalid: on ``capacity``, when they do not fit, naming how many seats are needed.
    """
    new = capacity if wanted is None else wanted
    need = seated + coming
    if need > MAX_CAPACITY:
        raise Invalid(
            N_("Together they are %(need)s; a group has at most %(most)s seats."),
            field="capacity",
            need=need,
            most=MAX_CAPACITY,
        )
    if not need <= new <= MAX_CAPACITY:
        raise Invalid(
            N_(
                "Together they are %(need)s, and %(seats)s seats are too few: give the group at least %(need)s."
            ),
            field="capacity",
            need=need,
            seats=new,
        )
    return new


def with_capacity(capacities: Sequence[int], repeat_last: bool, index: int, capacity: int) -> list[int]:
    """The line's list of capacities when the group *index* (from 1) has *capacity* seats; others keep theirs.

    >>> with_capacity([30, 20], True, 3, 50)
    [30, 20, 50, 20]
    >>> with_capacity([30], False, 1, 50)
    [50]
    """
    if capacity_of(capacities, repeat_last, index) == capacity:
        return list(capacities)
    full = [*capacities, *[capacities[-1]] * (index - len(capacities))]
    if repeat_last and index == len(full):
        # Later groups go on as before.
        full.append(full[-1])
    full[index - 1] = capacity
    return full
