"""Who acts: handed to every service, so that rules and the audit log know."""

from __future__ import annotations

from dataclasses import dataclass, field

ROLES = ("member", "instructor", "host", "admin")
IMPLIED = {"admin": {"instructor", "host", "member"}, "instructor": {"member"}, "host": {"member"}}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a process that acts.

    Attributes:
        key: the identity's opaque key (``Member.user_key``); ``system:…`` for a process.
        name: how they are called.
        email: where they are reached; empty for a process.
        roles: any of :data:`ROLES`; an admin is also instructor and host.
        member_id: the member row's id, once the web has found it.
    """

    key: str
    name: str
    email: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    member_id: int | None = None

    def has(self, role: str) -> bool:
        """Whether the actor holds *role*, directly or by a higher one."""
        return role in self.roles or any(role in IMPLIED.get(held, ()) for held in self.roles)

    @staticmethod
    def system(name: str) -> Actor:
        """An actor for work that no person started, such as a sweeper."""
        return Actor(key=f"system:{name}", name=name, roles=frozenset({"admin"}))


@dataclass(frozen=True, slots=True)
class Me:
    """What every page shows of the signed-in member; *unread*: notices they have not read."""

    member_id: int
    number: int | None
    shown_name: str
    tier_name: str
    locale: str
    unread: int = 0
