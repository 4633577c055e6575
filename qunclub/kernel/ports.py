"""What the club asks of the world around it, and of capabilities above the one that asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session

from .actor import Actor
from .mail import Mailer, MailMessage

__all__ = [
    "Access",
    "CourseAccess",
    "CourseOffer",
    "CourseOffers",
    "Doctor",
    "FileScanner",
    "FileStore",
    "Finding",
    "GroupBook",
    "Identity",
    "MailMessage",
    "Mailer",
    "ScanFailed",
]


class Identity(Protocol):
    """Who is at the door; the host (or the accounts adapter) answers."""

    def current(self) -> Actor | None:
        """The person of this request, or None for a stranger."""


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a course is open to somebody, and why.

    Attributes:
        allowed: whether lessons and homework are open.
        reason: ``pass``, ``staff``, or when locked ``sign_in``, ``no_pass``, ``expired``, ``revoked``, ``suspended``
            (the member), ``suspended_payment`` (the payment for the pass is disputed).
        until: when the access ends (UTC), None for life or when locked.
        plan_slugs: plans on sale that would open it, cheapest first.
        since: when the reader's own time began (UTC), for what opens some days after it; None for staff.
    """

    allowed: bool
    reason: str
    until: dt.datetime | None = None
    plan_slugs: tuple[str, ...] = ()
    since: dt.datetime | None = None


class CourseAccess(Protocol):
    """The one access rule; it lives with passes and is asked by courses and homework below it."""

    def __call__(
        self, session: Session, *, actor: Actor | None, course_ids: Sequence[int], now: dt.datetime
    ) -> dict[int, Access]:
        """Access of *actor* to each course, in a constant number of statements."""


@dataclass(frozen=True, slots=True)
class CourseOffer:
    """The cheapest pass on sale that opens a course; *price* in minor units, for each *interval* when there is one."""

    slug: str
    title: str
    price: int
    currency: str
    interval: str


class CourseOffers(Protocol):
    """What opening a course costs; it lives with passes and is asked by the showcase below it."""

    def __call__(self, session: Session, *, course_id: int, now: dt.datetime) -> CourseOffer | None:
        """The cheapest offer, None when nothing on sale opens the course."""


class GroupBook(Protocol):
    """Who sits in which group; groups answer, and rooms beside them narrow their lists by it."""

    def choices(self, session: Session) -> list[tuple[int, str]]:
        """(id, name) of every group in order: one statement."""

    def of_member(self, session: Session, member_id: int) -> frozenset[int]:
        """The ids of the groups in which a member is seated: one statement."""

    def members_of(self, group_id: int) -> Select[int]:
        """The ids of the members seated in a group, to be used inside another query."""

    def seated(self, group_id: int, member: Any) -> ColumnElement[bool]:
        """Whether *member*, a column of another query, is seated in a group: one look at an index for each row."""


class FileStore(Protocol):
    """Keeps uploaded bytes under keys the club makes up."""

    def put(self, key: str, data: bytes) -> None:
        """Store *data* under *key*."""

    def get(self, key: str) -> bytes:
        """The bytes under *key*; KeyError when there are none."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """*length* bytes (at least one) from *start* on, without reading the rest; KeyError when there are none."""

    def has(self, key: str) -> bool:
        """Whether there are bytes under *key*."""

    def delete(self, key: str) -> None:
        """Forget *key*; missing is fine."""


class ScanFailed(Exception):
    """The scanner gave no verdict; what it did not see is not taken."""


class FileScanner(Protocol):
    """Looks for harm in bytes from outside."""

    def scan(self, data: bytes) -> str:
        """The name of what was found, empty when nothing was; ScanFailed when there is no verdict."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise found on the live database.

    Attributes:
        promise: the number of the promise in the domain's list.
        message: what is wrong, in plain English, with the ids needed to look at it.
        details: machine-readable facts for ``doctor --json``.
    """

    promise: int
    message: str
    details: dict[str, Any]


class Doctor(Protocol):
    """One capability's part of the doctor."""

    def __call__(self, session: Session, now: dt.datetime) -> list[Finding]:
        """Findings, empty when all is well."""
