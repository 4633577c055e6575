"""People who can sign in, for tests."""

from __future__ import annotations

from typing import Any

from qunclub.adapters.accounts import services
from qunclub.adapters.accounts.models import Account
from qunclub.kernel import ids
from qunclub.members.models import Member
from tests.factories import Make


def account(make: Make, **values: Any) -> Account:
    """A verified account with its member row: see :func:`person` for what it takes."""
    made: Account = make.person(**values)[0]
    return made


def person(
    make: Make,
    *,
    name: str = "",
    email: str = "",
    password: str = "",
    roles: tuple[str, ...] = (),
    number: int | bool | None = None,
    **values: Any,
) -> tuple[Account, Member]:
    """A verified account and its member; without a *password* nobody can sign in by the form, which saves hashing."""
    serial = make.next()
    email = email or f"person{serial}@example.com"
    row = make.add(
        Account(
            email=email,
            name=name or f"Person {serial}",
            password_hash=services.hashed(password, email) if password else "!",
            stamp=ids.token(18),
            verified_at=make.now,
            created_at=make.now,
        )
    )
    member = make.member(
        user_key=services.identity_of(row).key,
        name=row.name,
        email=email,
        roles=roles,
        number=number,
        **values,
    )
    return row, member
