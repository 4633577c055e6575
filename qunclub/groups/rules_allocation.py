"""Which group a member comes into, and which groups open when: pure functions, the same answer every time.

Four ways, said by the line. ``first``: the first group with room. ``even``: several groups are open at once and fill
evenly. ``city`` and ``course``: a member comes into the group whose label is their city (or what their pass is for),
then into a group without a label, and rather than wait into any group with room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .rules import MAX_LABEL, capacity_of

LABELLED = ("city", "course")


@dataclass(frozen=True, slots=True)
class Place:
    """A group that is open: *index* from 1 in its line, *label* what it is for, empty when it is for everybody."""

    id: int
    index: int
    capacity: int
    seated: int
    label: str = ""

    @property
    def room(self) -> int:
        """Free seats."""
        return self.capacity - self.seated


def normal(label: str) -> str:
    """A label as it is compared: 北京 is 北京 with spaces around it, Berlin is berlin."""
    return " ".join(label.split()).casefold()[:MAX_LABEL]


def label_of(labels: Sequence[str], index: int) -> str:
    """What the group *index* (from 1) of a line is for; empty: for everybody."""
    return labels[index - 1] if index <= len(labels) else ""


def choose(policy: str, places: Sequence[Place], key: str = "") -> Place | None:
    """The group for the next member, None when every open group is full.

    Args:
        key: the member's city, or what their pass is for.
    """
    free = [place for place in places if place.room > 0]
    if not free:
        return None
    if policy == "even":
        return min(free, key=_fullness)
    if policy in LABELLED:
        wanted = normal(key)
        own = [place for place in free if wanted and normal(place.label) == wanted]
        everybody = [place for place in free if not normal(place.label)]
        if not (own or everybody):
            return min(free, key=_fullness)
        free = own or everybody
    return min(free, key=lambda place: place.index)


def _fullness(place: Place) -> tuple[Fraction, int]:
    return Fraction(place.seated, place.capacity), place.index


def allocate(policy: str, places: Sequence[Place], keys: Sequence[str]) -> list[int]:
    """Group ids for members in their order; shorter than *keys* when the seats run out."""
    now = {place.id: place for place in places}
    given: list[int] = []
    for key in keys:
        place = choose(policy, list(now.values()), key)
        if place is None:
            break
        now[place.id] = Place(place.id, place.index, place.capacity, place.seated + 1, place.label)
        given.append(place.id)
    return given


def to_open(
    policy: str,
    places: Sequence[Place],
    *,
    capacities: Sequence[int],
    repeat_last: bool,
    labels: Sequence[str] = (),
    at_once: int = 1,
) -> list[int]:
    """Indexes of the groups that have to open now, in order and without a gap; *places* are all that are open.

    When no group for everybody has room, the next *at_once* open together. Groups with a label are open from the start.
    """
    labelled = policy in LABELLED

    def for_all(label: str) -> bool:
        return not labelled or not normal(label)

    room = any(place.room > 0 and for_all(place.label) for place in places)
    opened: list[int] = []
    wave = 0
    index = len(places) + 1
    while capacity_of(capacities, repeat_last, index) is not None:
        due = labelled and index <= len(labels)
        if not due and (room or wave >= at_once):
            break
        opened.append(index)
        wave += not room and for_all(label_of(labels, index))
        index += 1
    return opened
