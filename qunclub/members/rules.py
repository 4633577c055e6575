"""Pure rules of members: roles, nicknames, and who counts as a member."""

from __future__ import annotations

from collections.abc import Iterable

from qunclub.kernel import N_, Invalid

GRANTABLE = ("instructor", "host", "admin")
NICKNAME_MAX = 24
ERASED = "erased:"
"""Identity keys of members who deleted their account begin so; nobody can sign in as one."""

NAMELESS = "—"
"""What stands where the name of a deleted account stood; it needs no translation."""


def effective_roles(
    identity_roles: Iterable[str], club_roles: Iterable[str], number: int | None
) -> frozenset[str]:
    """The roles somebody acts with: the host's, the club's, and ``member`` for whoever has a number."""
    return frozenset({*identity_roles, *club_roles, *({"member"} if number is not None else ())})


def clean_nickname(text: str) -> str:
    """A nickname as it is kept: one line, single spaces, 1 to 24 characters.

    Raises:
        Invalid: on field ``nickname``.
    """
    name = " ".join(text.split())
    if not name:
        raise Invalid(N_("Write the name others shall call you by."), field="nickname")
    if len(name) > NICKNAME_MAX:
        raise Invalid(N_("A nickname has at most %(most)s characters."), field="nickname", most=NICKNAME_MAX)
    if any(ch in name for ch in "<>\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200b"):
        raise Invalid(N_("Leave out invisible characters and angle brackets."), field="nickname")
    return name


def next_free(counter: int, reserved: Iterable[int]) -> int:
    """The number after *counter* that nobody reserved: promise 1 allows no other gap."""
    kept = set(reserved)
    number = counter + 1
    while number in kept:
        number += 1
    return number
