"""What the club asks of the world around it, and of capabilities above the one that asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session

from .actor import Actor
from .mail import Mailer, MailMessage

__all__ = [
    "Access",
    "BoardBook",
    "CourseAccess",
    "CourseOffer",
    "CourseOffers",
    "Doctor",
    "FileScanner",
    "FileStore",
    "Finding",
    "GroupBook",
    "GroupPart",
    "Identity",
    "LevelBook",
    "Made",
    "MadeBook",
    "MailMessage",
    "Mailer",
    "MemberPart",
    "Part",
    "ScanFailed",
    "SeasonBook",
    "SeasonTime",
    "Way",
]


class Identity(Protocol):
    """Who is at the door; the host (or the accounts adapter) answers."""

    def current(self) -> Actor | None:
        """The person of this request, or None for a stranger."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way into a locked course.

    Attributes:
        kind: ``pass``, ``tier``, ``group`` or ``role``.
        name: of the pass, the tier or the group; of a role its code: ``host`` or ``core``.
        slug: where the pass or the group is found.
        price: of the pass now, in minor units of *currency*, for each *interval* when there is one.
    """

    kind: str
    name: str
    slug: str = ""
    price: int = 0
    currency: str = ""
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a course is open to somebody, and why.

    Attributes:
        allowed: whether lessons and homework are open.
        reason: the way in: ``pass``, ``tier``, ``group``, ``role`` or ``staff``. When locked: ``sign_in``;
            ``no_pass`` (nothing but a pass opens it), ``no_way`` (other ways open it too), ``expired``, ``revoked``,
            ``suspended`` (the member), ``suspended_payment`` (the payment for the pass is disputed); ``not_yet``
            (the reader has a way in, the course waits for its season), ``over`` (its season has ended).
        until: when the access ends (UTC), None for life or when locked.
        plan_slugs: plans on sale that would open it, cheapest first.
        since: when the reader's own time began (UTC), for what opens some days after it; None when nothing is held
            back: for staff and hosts.
        ways: every way in, while it is locked and one of them would help.
        season: the name of the season that keeps it closed; empty when none does, or when that is not public yet.
        season_slug: its address.
        waits: whether it waits for a season.
        opens_at: when that season begins (UTC); None when nobody knows yet.
    """

    allowed: bool
    reason: str
    until: dt.datetime | None = None
    plan_slugs: tuple[str, ...] = ()
    since: dt.datetime | None = None
    ways: tuple[Way, ...] = ()
    season: str = ""
    season_slug: str = ""
    waits: bool = False
    opens_at: dt.datetime | None = None


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

    def slugs(self, session: Session, group_ids: Collection[int]) -> dict[int, str]:
        """The addresses of groups by their id: one statement."""

    def by_slugs(self, session: Session, slugs: Collection[str]) -> dict[str, int]:
        """The ids of the groups at these addresses, without those that there are not: one statement."""

    def seated_after(
        self, session: Session, *, group_id: int | None, line_id: int | None, after: int, limit: int
    ) -> list[tuple[int, int]]:
        """(seat id, member id) of those seated in a group or a line, in the order of their seats: one statement."""


@dataclass(frozen=True, slots=True)
class SeasonTime:
    """When a season is; *state* as the season has it, a ``draft`` is not public."""

    id: int
    slug: str
    name: str
    state: str
    starts_at: dt.datetime
    ends_at: dt.datetime


class SeasonBook(Protocol):
    """When seasons are and who sits in the core; seasons answer, and rooms that stand beside or below them ask."""

    def choices(self, session: Session) -> list[SeasonTime]:
        """The seasons, newest first: one statement."""

    def times(self, session: Session, season_ids: Collection[int]) -> dict[int, SeasonTime]:
        """Seasons by their id: one statement."""

    def by_slugs(self, session: Session, slugs: Collection[str]) -> dict[str, int]:
        """The ids of the seasons at these addresses, without those that there are not: one statement."""

    def core_since(self, session: Session, member_id: int) -> dt.datetime | None:
        """Since when a member sits in the core; None when they do not: one statement."""


class LevelBook(Protocol):
    """How far members came on the path upward; levels answer, and rooms below honour the rights."""

    def levels_of(self, session: Session, numbers: Collection[int]) -> dict[int, str]:
        """The codes of the levels of those of these numbers who are above the lowest: one statement."""

    def rights_of(self, session: Session, member_id: int) -> frozenset[str]:
        """The codes of what a member's level lets them do, in a constant number of statements."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a room above members shows on a member's page.

    Attributes:
        template: what shows *facts*.
        beside: whether it stands beside the name and not below the card.
    """

    template: str
    facts: Any
    beside: bool = False


class MemberPart(Protocol):
    """One room's share of a member's page; rooms above answer, the page asks them all."""

    def __call__(self, session: Session, *, number: int, actor: Actor | None) -> list[Part]:
        """What *actor* may see of it, in a constant number of statements."""


class GroupPart(Protocol):
    """One room's share of a group's page; rooms above groups answer, the page asks them all."""

    def __call__(
        self, session: Session, *, group: Any, actor: Actor | None, now: dt.datetime, zone: dt.tzinfo
    ) -> list[Part]:
        """What *actor* may see of it, in a constant number of statements; *group* is its row."""


@dataclass(frozen=True, slots=True)
class Made:
    """Something a member made that is there to be seen.

    Attributes:
        kind: ``work`` (the showcase), ``piece`` (of a project) or ``lesson``.
        place: the project, the course or the homework it belongs to.
        endpoint, values: where it is found.
    """

    kind: str
    title: str
    place: str
    endpoint: str
    values: dict[str, Any]
    at: dt.datetime


class MadeBook(Protocol):
    """What members made in one room; rooms beside and above the core's page answer."""

    def __call__(
        self, session: Session, *, member_ids: Collection[int], reader: str
    ) -> dict[int, list[Made]]:
        """What a *reader* (``visitor``, ``member`` or ``core``) may see of it, in a constant number of statements."""


class BoardBook(Protocol):
    """The rankings of one room's own; rooms above points answer, the ranking's page asks them all."""

    def __call__(self, session: Session, *, actor: Actor) -> list[tuple[str, str]]:
        """(scope of points, name) of those that *actor* may see, in order: one statement."""


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
