"""What a host at a door may do with a ticket: pure, with the door they stand at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .rules import Door

Verdict = Literal[
    "admit", "used", "void", "waiting", "left", "removed", "suspended", "suspended_payment", "other_group",
    "unknown",
]  # fmt: skip
ENDED = frozenset({"void", "left", "removed"})
"""The ticket's holder is no longer of the group: only an admin lets them in, and says why."""
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Doors:
    """At which doors somebody may stand, and at which they do.

    Attributes:
        allowed: ids of groups; None for every door of the club.
        at: the door chosen, None when none is.
    """

    allowed: frozenset[int] | None = None
    at: int | None = None

    def may(self, group_id: int) -> bool:
        """Whether they may stand at the group's door."""
        return self.allowed is None or group_id in self.allowed


def verdict(door: Door, *, group_id: int | None, doors: Doors) -> Verdict:
    """What is said of a ticket at these doors.

    Of another group's ticket nothing more is said: its hosts, not these, may know why it would be refused.

    Args:
        door: what the ticket is worth by itself (``rules.admission``).
        group_id: the group it admits to; None while its holder waits for a seat.
    """
    if group_id is not None and (not doors.may(group_id) or doors.at not in (None, group_id)):
        return "other_group"
    return door


def may_force(found: Verdict, *, admin: bool) -> bool:
    """Whether somebody may be let in although the ticket does not admit, with a reason.

    >>> may_force("used", admin=False), may_force("removed", admin=False), may_force("removed", admin=True)
    (True, False, True)
    """
    if found in ("admit", "other_group", "unknown", "waiting"):
        # The first needs no force. Of the others nobody knows that they belong here: they have no seat here.
        return False
    return admin or found not in ENDED


def why(found: str, *, ticket: str, seat: str, member: str) -> str:
    """What a host reads beside a refusal: why the ticket ended or its member is suspended; empty for any other.

    Args:
        found: what the check came to.
        ticket, seat, member: why each of them ended, or the member is suspended; empty when it did not.

    >>> why("removed", ticket="", seat="Spam", member=""), why("used", ticket="", seat="Spam", member="")
    ('Spam', '')
    """
    if found == "suspended":
        return member
    return (ticket or seat) if found in ENDED else ""


def device(agent: str) -> str:
    """The kind of machine in a browser's own words, no more than a host's colleagues need to know.

    >>> device("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126"), device("curl/8")
    ('Android', '')
    """
    return next((name for mark, name in SYSTEMS if mark in agent), "")


def storable(text: str) -> bool:
    """Whether every database keeps *text*: programs and phones send JSON, which can say NUL and half a surrogate pair.

    >>> storable("Gate 2 東"), storable("Gate\x00"), storable("\ud800")
    (True, False, False)
    """
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)
