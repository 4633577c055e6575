"""What a spin-off says of itself, and who may come in: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qunclub.kernel import N_, Invalid

MOST_SEATS = 500
LONGEST_PURPOSE = 4000


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a member proposes; *open_to*: ``group`` or ``line``, those who may come in."""

    name: str
    purpose: str
    capacity: int
    open_to: str = "group"


def checked(said: Proposal) -> Proposal:
    """The proposal, tidied.

    Raises:
        Invalid: naming the field.
    """
    name = " ".join(said.name.split())
    if not name or len(name) > 120:
        raise Invalid(N_("Give it a name."), field="name")
    if not 2 <= said.capacity <= MOST_SEATS:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."), field="capacity", least=2, most=MOST_SEATS
        )
    if said.open_to not in ("group", "line"):
        raise Invalid(N_("Choose who may come in."), field="open_to")
    return replace(said, name=name, purpose=check_purpose(said.purpose))


def check_purpose(text: str) -> str:
    """What it is for, tidied.

    Raises:
        Invalid: on ``purpose``, when it says nothing or too much.
    """
    text = text.strip()
    if not text:
        raise Invalid(N_("Say what the group is for."), field="purpose")
    if len(text) > LONGEST_PURPOSE:
        raise Invalid(N_("Say it in at most %(most)s characters."), field="purpose", most=LONGEST_PURPOSE)
    return text


def may_join(
    open_to: str, *, parent_group: int, parent_line: int, group: int | None, line: int | None
) -> bool:
    """Whether somebody seated in *group* of *line* (None: nowhere there) may come in.

    >>> may_join("group", parent_group=1, parent_line=9, group=2, line=9)
    False
    >>> may_join("line", parent_group=1, parent_line=9, group=2, line=9)
    True
    """
    if open_to == "line":
        return group is not None and line == parent_line
    return group == parent_group
