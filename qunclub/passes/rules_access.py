"""The one access rule: whether a course is open to somebody, why, since when, until when, and what would open it.

Any way in opens a course: a pass, a tier, a seat in a group, a role. Its season says when: it holds back whoever has a
way in, members with a pass too, but no staff.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qunclub.kernel import Access
from qunclub.kernel.ports import CourseOffer, SeasonTime, Way

from .rules import LIVE, Held, closes_at, is_over


@dataclass(frozen=True, slots=True)
class TierAsked:
    """The lowest tier that a course is open for."""

    name: str
    rank: int


@dataclass(frozen=True, slots=True)
class GroupAsked:
    """A group whose members a course is open for."""

    id: int
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an admin says of a course beside its passes.

    Attributes:
        roles: any of ``host``, ``core``.
        season: when it is open; None for always.
        window: ``from`` the season's start for good, or only ``during`` it.
    """

    tier: TierAsked | None = None
    groups: tuple[GroupAsked, ...] = ()
    roles: tuple[str, ...] = ()
    season: SeasonTime | None = None
    window: str = "from"

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways in beside a pass."""
        tier = () if self.tier is None else (Way("tier", self.tier.name),)
        groups = (Way("group", one.name, one.slug) for one in self.groups)
        return (*tier, *groups, *(Way("role", role) for role in self.roles))


NOTHING_ASKED = Conditions()


@dataclass(frozen=True, slots=True)
class Reader:
    """The facts about somebody who stands before a course.

    Attributes:
        staff: an instructor or an admin: they read everything, whatever a course asks.
        passes: the passes they ever held that open this course.
        tier_rank: the rank of their tier; None without one.
        tier_passes: (rank, pass) of every pass they ever held that gives a tier.
        member_since: since when they belong to the club: for a tier that no pass gives.
        seats: the groups in which they are seated, and since when.
        core_since: since when they sit in the core; None when they do not.
    """

    signed_in: bool = True
    staff: bool = False
    suspended: bool = False
    passes: Sequence[Held] = ()
    tier_rank: int | None = None
    tier_passes: Sequence[tuple[int, Held]] = ()
    member_since: dt.datetime | None = None
    seats: Mapping[int, dt.datetime | None] = field(default_factory=dict)
    host: bool = False
    core_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A way in that is open; *since* None when nothing is held back, *until* None for no end."""

    kind: str
    since: dt.datetime | None
    until: dt.datetime | None = None


def _live(held: Sequence[Held], now: dt.datetime) -> list[Held]:
    # A pass whose time is up is expired from that moment, whether or not the sweeper has said so.
    return [one for one in held if one.state == "active" and not is_over(one, now)]


def _stays(kind: str, live: Sequence[Held], now: dt.datetime) -> list[Stay]:
    return [
        Stay(
            kind,
            one.starts_at,
            one.ends_at if one.ends_at is None or now < one.ends_at else closes_at(one),
        )
        for one in live
    ]


def _by_tier(reader: Reader, asked: TierAsked | None, now: dt.datetime) -> list[Stay]:
    if asked is None or reader.tier_rank is None or reader.tier_rank < asked.rank:
        return []
    giving = [held for rank, held in reader.tier_passes if rank >= asked.rank]
    live = _live(giving, now)
    if live:
        return _stays("tier", live, now)
    if any(held.state in LIVE for held in giving):
        # The tier still stands there, but all that gives it is disputed, or over and not yet swept.
        return []
    return [Stay("tier", reader.member_since)]


def stays(reader: Reader, asked: Conditions, now: dt.datetime) -> list[Stay]:
    """The ways in that are open to *reader*, the season left aside; passes first."""
    seats = [Stay("group", reader.seats[one.id]) for one in asked.groups if one.id in reader.seats]
    roles = [Stay("role", None)] if reader.host and "host" in asked.roles else []
    if reader.core_since is not None and "core" in asked.roles:
        roles.append(Stay("role", reader.core_since))
    return [
        *_stays("pass", _live(reader.passes, now), now),
        *_by_tier(reader, asked.tier, now),
        *seats,
        *roles,
    ]


def closed_by_season(asked: Conditions, now: dt.datetime) -> str:
    """Why the season keeps a course closed: ``not_yet``, ``over``, or empty when it does not."""
    season = asked.season
    if season is None:
        return ""
    if season.state == "draft" or now < season.starts_at:
        return "not_yet"
    running = season.state == "open" and now < season.ends_at
    return "over" if asked.window == "during" and not running else ""


def access(
    reader: Reader, asked: Conditions, now: dt.datetime, *, offers: Sequence[CourseOffer] = ()
) -> Access:
    """Whether a course that asks *asked* is open to *reader*, and why; the one access rule of the club.

    Args:
        offers: passes on sale that would open it, cheapest first; told only where one of them would help.
    """
    if reader.staff:
        return Access(True, "staff")
    closed = closed_by_season(asked, now)
    found = [] if not reader.signed_in else stays(reader, asked, now)
    if reader.suspended and (found or reader.passes):
        return Access(False, "suspended")
    season = asked.season
    # A draft is not public: neither its name nor a day that may still move is told.
    named = season if closed and season is not None and season.state != "draft" else None
    if closed == "over":
        # Nothing opens it again: no pass is offered for it, whoever asks.
        assert named is not None  # a draft is never over
        return Access(False, "over", season=named.name, season_slug=named.slug)
    locked = Access(
        False,
        _why_not(reader, asked, now),
        season=named.name if named else "",
        season_slug=named.slug if named else "",
        waits=bool(closed),
        opens_at=named.starts_at if named else None,
    )
    if found:
        return replace(locked, reason="not_yet") if closed else _open(found, asked)
    if locked.reason == "suspended_payment":
        # Another pass would not mend it.
        return locked
    passes = (Way("pass", one.title, one.slug, one.price, one.currency, one.interval) for one in offers)
    return replace(locked, plan_slugs=tuple(one.slug for one in offers), ways=(*passes, *asked.ways))


def _open(found: Sequence[Stay], asked: Conditions) -> Access:
    ends = [one.until for one in found if one.until is not None]
    until = max(ends) if len(ends) == len(found) else None
    if asked.season is not None and asked.window == "during":
        until = asked.season.ends_at if until is None else min(until, asked.season.ends_at)
    begun = [one.since for one in found if one.since is not None]
    # The earliest way in; one without a beginning holds nothing back.
    since = min(begun) if len(begun) == len(found) else None
    return Access(True, found[0].kind, until=until, since=since)


def _why_not(reader: Reader, asked: Conditions, now: dt.datetime) -> str:
    if not reader.signed_in:
        return "sign_in"
    disputed = [*reader.passes]
    if asked.tier is not None:
        disputed += [held for rank, held in reader.tier_passes if rank >= asked.tier.rank]
    if any(one.state == "suspended" and not is_over(one, now) for one in disputed):
        return "suspended_payment"
    states = {one.state for one in reader.passes}
    if states:
        return "expired" if states & {"expired", *LIVE} else "revoked"
    return "no_way" if asked.ways else "no_pass"
