"""Members: a person, a number for life, a tier, roles.

Promise 1 lives here: a number is unique, given once, in order, without gaps but the reserved ones.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import Actor, Me

from .queries import beginning, find_identity, meant
from .rules import ERASED, clean_nickname, effective_roles
from .services import (
    allocate_number,
    current_number,
    ensure,
    ensure_tier,
    erase,
    get,
    give_reserved_number,
    keep_locale,
    reserve_numbers,
    restore,
    set_roles,
    set_tier,
    suspend,
    tier_by_code,
    update_profile,
)


def identify(session: Session, identity: Actor, now: dt.datetime) -> tuple[Actor, Me]:
    """The actor (member id, roles) and what pages show of them; the member row is made when it is missing.

    A missing row is inserted, and a changed address kept, in the caller's transaction: the web commits it.
    """
    ensure(session, identity=identity, now=now)
    found = find_identity(session, identity)
    assert found is not None  # ensure has just made the row
    return found[0], found[1]


__all__ = [
    "ERASED",
    "allocate_number",
    "beginning",
    "clean_nickname",
    "current_number",
    "effective_roles",
    "ensure",
    "ensure_tier",
    "erase",
    "find_identity",
    "get",
    "give_reserved_number",
    "identify",
    "keep_locale",
    "meant",
    "reserve_numbers",
    "restore",
    "set_roles",
    "set_tier",
    "suspend",
    "tier_by_code",
    "update_profile",
]
