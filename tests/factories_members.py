"""Members and tiers for tests."""

from __future__ import annotations

from typing import Any

from qunclub.kernel import Actor, store
from qunclub.members.models import Member, Tier
from tests.factories import Make


def tier(make: Make, *, code: str = "", name: str = "Ordinary", rank: int = 1) -> Tier:
    """A level of membership."""
    return make.add(Tier(code=code or f"tier-{make.next()}", name=name, rank=rank))


def member(
    make: Make,
    *,
    name: str = "",
    number: int | bool | None = None,
    roles: tuple[str, ...] = (),
    **values: Any,
) -> Member:
    """A person; ``number=True`` gives the next number, as a first pass would."""
    serial = make.next()
    if number is True:
        number = store.next_value(make.session, "member_number")
    row = Member(
        user_key=values.pop("user_key", f"test:{serial}"),
        name=name or f"Member {serial}",
        email=values.pop("email", f"member{serial}@example.com"),
        number=number or None,
        numbered_at=make.now if number else None,
        roles=list(roles),
        joined_at=make.now,
        **values,
    )
    return make.add(row)


def actor(make: Make, of: Member | None = None, *, roles: tuple[str, ...] = ()) -> Actor:
    """Whoever *of* is (or a new member) as the one who acts."""
    row = of or member(make, roles=roles)
    return Actor(row.user_key, row.name, row.email, frozenset({*row.roles, *roles}), row.id)
