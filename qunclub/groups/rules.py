"""How a line grows, what a nickname looks like, who may post: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from qunclub.kernel import N_, Invalid

KINDS = ("learner", "core", "spin_off", "city")
POSTING = ("staff", "all")
"""``staff``: the pyramid, staff post and members read; ``all``: the ring, everybody posts."""

MOVING = ("no", "ask", "free")
"""Whether members may go to another group of their line: not by themselves, on request, or whenever there is room."""

MAX_CAPACITY = 100_000
MAX_GROUPS = 500
DEFAULT_NICKNAME = "{number}-{nickname}-{city}"
NICKNAME_PARTS = ("number", "nickname", "city")
RESERVED = frozenset(
    (
        *(
            "all",
            "admin",
            "barred",
            "board",
            "covenant",
            "door",
            "entry",
            "house",
            "join",
            "line",
            "mine",
            "mute",
        ),
        *("new", "offers", "people", "preview", "report", "search", "seats", "spin-offs", "split", "waiting"),
    )
)
"""Addresses under /groups that are kept for pages."""
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RUN = re.compile(r"(\d{1,9})(?:\s*[x×*]\s*(\d{1,9}))?", re.IGNORECASE)
_PART = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class LineDraft:
    """What an admin says of a line; :func:`checked` makes it fit to be kept."""

    slug: str
    name: str
    capacities: Sequence[int]
    kind: str = "learner"
    repeat_last: bool = False
    name_pattern: str = ""
    posting: str = "staff"
    posting_note: str = ""
    nickname_rule: str = DEFAULT_NICKNAME
    allocation: str = "first"
    open_at_once: int = 1
    labels: Sequence[str] = ()
    offer_hours: int = 0
    moving: str = "no"


@dataclass(frozen=True, slots=True)
class Seats:
    """How much room a line has left.

    Attributes:
        free: seats in opened groups and in those still to open; None when the line repeats its last group for ever.
        waiting: members on the waiting list; when there are any, a new one comes after them.
        seated: members in its groups.
    """

    free: int | None
    waiting: int
    seated: int = 0

    @property
    def open(self) -> bool:
        """Whether the next who asks gets a seat at once."""
        return self.waiting == 0 and (self.free is None or self.free > 0)


def parse_capacities(text: str, *, field: str = "capacities") -> list[int]:
    """Read ``2000x6, 1500, 1000`` into six groups of 2000 seats, one of 1500, one of 1000.

    Raises:
        Invalid: when it is not such a list, or a group has no seat.
    """
    found: list[int] = []
    for part in re.split(r"[,，、;；\n]+", text):
        if not part.strip():
            continue
        match = _RUN.fullmatch(part.strip())
        if match is None:
            raise Invalid(N_("Write the seats of each group like 2000x6, 1500, 1000."), field=field)
        times = int(match[2] or 1)
        if not 1 <= int(match[1]) <= MAX_CAPACITY or not 1 <= times <= MAX_GROUPS:
            raise Invalid(
                N_("A group has 1 to %(seats)s seats, and a line at most %(groups)s groups."),
                field=field,
                seats=MAX_CAPACITY,
                groups=MAX_GROUPS,
            )
        found += [int(match[1])] * times
    if not found or len(found) > MAX_GROUPS:
        raise Invalid(N_("Write the seats of each group like 2000x6, 1500, 1000."), field=field)
    return found


def write_capacities(capacities: Sequence[int]) -> str:
    """The short form that :func:`parse_capacities` reads."""
    runs: list[tuple[int, int]] = []
    for one in capacities:
        if runs and runs[-1][0] == one:
            runs[-1] = (one, runs[-1][1] + 1)
        else:
            runs.append((one, 1))
    return ", ".join(f"{seats}x{times}" if times > 1 else str(seats) for seats, times in runs)


def capacity_of(capacities: Sequence[int], repeat_last: bool, index: int) -> int | None:
    """Seats of the group *index* (from 1) of a line, or None when the line ends before it."""
    if index <= len(capacities):
        return capacities[index - 1]
    return capacities[-1] if repeat_last and capacities else None


def seats_to_come(capacities: Sequence[int], repeat_last: bool, opened: int) -> int | None:
    """Seats of the groups that are not open yet; None when there is no end to them."""
    return None if repeat_last else sum(capacities[opened:])


def group_name(pattern: str, line_name: str, index: int) -> str:
    """What the group *index* is called."""
    if "{index}" in pattern:
        return pattern.replace("{index}", str(index))
    if pattern:
        return pattern if index == 1 else f"{pattern} {index}"
    return f"{line_name} {index}"


def group_slug(line_slug: str, index: int) -> str:
    """The address of the group *index*."""
    return f"{line_slug}-{index}"


def lines_above(slug: str) -> list[str]:
    """The addresses of lines one of whose groups could have this address."""
    line, dash, number = slug.rpartition("-")
    return [line] if dash and number.isdecimal() else []


def share_address(one: str, other: str) -> bool:
    """Whether a group of one of two lines would stand at the address of the other line."""
    return one in lines_above(other) or other in lines_above(one)


def nickname(rule: str, *, number: int | None, nickname: str, city: str) -> str:
    """A member's name in a group by its rule (编号-昵称-城市); an unknown part leaves no stray dash."""
    parts = {
        "number": "" if number is None else str(number),
        "nickname": nickname.strip(),
        "city": city.strip(),
    }
    return _fill(rule or DEFAULT_NICKNAME, parts)


def describe_nickname(rule: str, words: Mapping[str, str]) -> str:
    """The rule in words: each part replaced by what it is called."""
    return _fill(rule or DEFAULT_NICKNAME, words)


def _fill(rule: str, parts: Mapping[str, str]) -> str:
    filled = _PART.sub(lambda match: parts.get(match[1], ""), rule)
    return re.sub(r"([-_·|/\s])\1+", r"\1", filled).strip("-_·|/ ")


def may_post(posting: str, *, staff: bool) -> bool:
    """Pyramid: staff post, members answer where it is opened; ring: everybody posts."""
    return staff or posting == "all"


ALLOCATIONS = ("first", "even", "city", "course")
MOST_AT_ONCE = 50
MOST_OFFER_HOURS = 24 * 30
MAX_LABEL = 80


def parse_labels(text: str) -> list[str]:
    """What the groups are for, one a line in their order; an empty line between: a group for everybody."""
    return [line.strip() for line in text.strip().splitlines()]


def _check_allocation(draft: LineDraft) -> None:
    if draft.allocation not in ALLOCATIONS:
        raise Invalid(N_("Choose one of the ways."), field="allocation")
    if draft.kind == "core" and (draft.allocation != "first" or draft.open_at_once != 1 or draft.offer_hours):
        raise Invalid(N_("Seats of a core group are given by a season."), field="allocation")
    if not 1 <= draft.open_at_once <= MOST_AT_ONCE:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."), field="open_at_once", least=1, most=MOST_AT_ONCE
        )
    if not 0 <= draft.offer_hours <= MOST_OFFER_HOURS:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."),
            field="offer_hours",
            least=0,
            most=MOST_OFFER_HOURS,
        )
    if len(draft.labels) > len(draft.capacities) and not draft.repeat_last:
        raise Invalid(N_("There are more names than groups in the line."), field="labels")
    if any(len(label) > MAX_LABEL for label in draft.labels):
        raise Invalid(N_("At most %(most)s characters a line."), field="labels", most=MAX_LABEL)


def checked(draft: LineDraft, *, opened: Sequence[tuple[int, int]] = ()) -> LineDraft:
    """The draft, tidied.

    Args:
        opened: (capacity, seated) of the groups that are open already, in order.

    Raises:
        Invalid: naming the field that cannot be taken.
    """
    if not SLUG.fullmatch(draft.slug) or len(draft.slug) > 80:
        raise Invalid(N_("Use small letters, digits and single dashes."), field="slug")
    if draft.kind not in KINDS:
        raise Invalid(N_("There is no such kind of line."), field="kind")
    if draft.posting not in POSTING:
        raise Invalid(N_("There is no such way of posting."), field="posting")
    if not draft.name.strip():
        raise Invalid(N_("Give it a name."), field="name")
    if draft.repeat_last and draft.kind == "core":
        raise Invalid(N_("A core group has a fixed number of seats."), field="repeat_last")
    if any(part not in NICKNAME_PARTS for part in _PART.findall(draft.nickname_rule)):
        raise Invalid(N_("The rule knows {number}, {nickname} and {city}."), field="nickname_rule")
    if draft.moving not in MOVING:
        raise Invalid(N_("There is no such way of moving."), field="moving")
    _check_allocation(draft)
    capacities = list(draft.capacities)
    if not capacities or min(capacities) < 1 or max(capacities) > MAX_CAPACITY:
        raise Invalid(N_("Write the seats of each group like 2000x6, 1500, 1000."), field="capacities")
    for index, (_, seated) in enumerate(opened, start=1):
        capacity = capacity_of(capacities, draft.repeat_last, index)
        if capacity is None:
            raise Invalid(
                N_("%(count)s groups are open already; the list must not be shorter."),
                field="capacities",
                count=len(opened),
            )
        if capacity < seated:
            raise Invalid(
                N_("Group %(index)s has %(seated)s members already and cannot shrink to %(capacity)s seats."),
                field="capacities",
                index=index,
                seated=seated,
                capacity=capacity,
            )
    return replace(
        draft,
        name=draft.name.strip(),
        capacities=capacities,
        labels=[" ".join(label.split()) for label in draft.labels],
        name_pattern=draft.name_pattern.strip(),
        posting_note=draft.posting_note.strip(),
        nickname_rule=draft.nickname_rule.strip() or DEFAULT_NICKNAME,
    )
