"""Who may write in a group now, and if not, why and from when: one pure rule that every writing route asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from qunclub.kernel import N_, Forbidden

from . import rules_windows
from .rules_windows import Window

Kind = Literal["post", "reply"]
ROLES = ("member", "instructor", "host")
"""Whom a mute of a role can mean: ``member`` is whoever holds no office."""
MOST_SLOW = 24 * 60 * 60
MOST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Silence:
    """A mute that may concern the one who asks.

    Attributes:
        whom: ``member`` (this very one), ``role`` or ``all`` (everybody but hosts and admins).
        role: of :data:`ROLES`, when it means a role.
        starts_at, until: its time (UTC); *until* None: until it is lifted.
        ident: of the mute.
        office: in which it was set: ``host``, ``admin``, or empty when that was not written down.
        asked: what became of the asker's wish for an exception: ``open``, ``declined``, ``lapsed``, or empty.
    """

    whom: Literal["member", "role", "all"]
    starts_at: dt.datetime
    until: dt.datetime | None
    reason: str
    role: str = ""
    ident: int = 0
    office: str = ""
    asked: str = ""

    def covers(self, moment: dt.datetime) -> bool:
        """Whether it is in force at *moment*."""
        return self.starts_at <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides whether somebody may write.

    Attributes:
        posting: of the line: ``staff`` (the pyramid) or ``all`` (the ring).
        offices: the roles they hold beside being a member; an admin is host and instructor too.
        seat: ``admitted`` in this very group, ``waiting`` for its line, or empty.
        covenant: whether the covenant in force is accepted, or there is none.
        opened: whether staff opened the very post for answers.
        last_post_at: when they last wrote in the group, None for never.
    """

    posting: str
    now: dt.datetime
    zone: dt.tzinfo
    kind: Kind = "post"
    offices: frozenset[str] = field(default_factory=frozenset)
    seat: str = "admitted"
    covenant: bool = True
    suspended: bool = False
    opened: bool = False
    windows: Sequence[Window] = ()
    silences: Sequence[Silence] = ()
    slow_seconds: int = 0
    last_post_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        allowed: whether they may write.
        code: why not: ``no_seat``, ``waiting``, ``suspended``, ``covenant``, ``muted``, ``role_muted``,
            ``group_muted``, ``policy``, ``window``, ``slow``; ``open`` when they may.
        reason: why not, and the way out, as a msgid; empty when they may.
        params: of the reason; moments are UTC.
        until: when they may write again (UTC), as far as is known now; while a window is open, when it ends.
        silence: the mute that stands in the way, when one does.
    """

    allowed: bool
    code: str = "open"
    reason: str = ""
    until: dt.datetime | None = None
    params: dict[str, Any] = field(default_factory=dict)
    silence: Silence | None = None

    def require(self) -> None:
        """Go on when they may write.

        Raises:
            Forbidden: with the reason.
        """
        if not self.allowed:
            raise Forbidden(self.reason, **self.params)


def may_post(facts: Facts) -> Verdict:
    """The rule. What is said first is what the one who asks has to mend first."""
    staff, admin = "host" in facts.offices, "admin" in facts.offices
    refused = _not_of_the_group(facts, staff)
    if refused is not None:
        return refused
    silences = [] if admin else [one for one in facts.silences if concerns(one, facts.offices)]
    ordered = sorted(silences, key=lambda one: ("member", "role", "all").index(one.whom))
    silence = next((one for one in ordered if one.covers(facts.now)), None)
    gate = _gate(facts, staff)
    if silence is not None:
        return _muted(silence, _free_from(facts, silences, gate, staff))
    if gate == "shut":
        return Verdict(False, "policy", POLICY_REPLY if facts.kind == "reply" else POLICY_POST)
    if gate == "windows":
        until = rules_windows.closes_at(facts.windows, now=facts.now, zone=facts.zone)
        if until is None:
            opens = _free_from(facts, silences, gate, staff)
            if opens is None:
                return Verdict(False, "window", WINDOW_NEVER)
            return Verdict(False, "window", WINDOW, opens, {"until": opens})
    else:
        until = None
    wait = _slow_until(facts, staff)
    if wait is not None and wait > facts.now:
        seconds = -int((facts.now - wait) // dt.timedelta(seconds=1))
        again = _free_from(facts, silences, gate, staff)
        return Verdict(False, "slow", SLOW, again, {"slow": facts.slow_seconds, "wait": seconds})
    return Verdict(True, until=until)


POLICY_POST = N_("Staff post here. You can answer where a post is opened for answers.")
POLICY_REPLY = N_("This post is not opened for answers. You can answer where the staff open one.")
WINDOW = N_("The group is quiet now. You can write again from %(until)s on.")
WINDOW_NEVER = N_("The group is quiet now, and no time is set at which it opens. Ask a host.")
SLOW = N_("Slow mode: %(slow)s seconds between two posts. You can write again in %(wait)s seconds.")
NO_SEAT = N_("You have no seat in this group. A pass brings one.")
WAITING = N_("You are on the waiting list; you can write once you have a seat in the group.")
SUSPENDED = N_("Your membership is suspended. Your own page says why.")
COVENANT = N_("Accept the covenant on the group's page first; then you can write.")
MUTED = {
    "member": N_("You are muted in this group: %(reason)s You can write again from %(until)s on."),
    "role": N_("Your role is muted in this group: %(reason)s You can write again from %(until)s on."),
    "all": N_("The group is muted: %(reason)s You can write again from %(until)s on."),
}
MUTED_THEN_POLICY = {
    "member": N_("You are muted in this group until %(ends)s: %(reason)s"),
    "role": N_("Your role is muted in this group until %(ends)s: %(reason)s"),
    "all": N_("The group is muted until %(ends)s: %(reason)s"),
}
MUTED_WITHOUT_END = {
    "member": N_(
        "You are muted in this group until a host lifts it: %(reason)s Your standing says how to appeal."
    ),
    "role": N_("Your role is muted in this group until a host lifts it: %(reason)s"),
    "all": N_("The group is muted until a host lifts it: %(reason)s"),
}
_CODES = {"member": "muted", "role": "role_muted", "all": "group_muted"}


def concerns(silence: Silence, offices: frozenset[str]) -> bool:
    """Whether a mute means somebody with these *offices*; an admin is never muted."""
    if silence.whom == "member":
        return True
    if silence.whom == "all":
        return "host" not in offices
    if silence.role == "member":
        return not offices & {"host", "instructor"}
    return silence.role in offices


def _not_of_the_group(facts: Facts, staff: bool) -> Verdict | None:
    if facts.suspended:
        return Verdict(False, "suspended", SUSPENDED)
    if staff and facts.seat != "admitted":
        return None
    if facts.seat == "waiting":
        return Verdict(False, "waiting", WAITING)
    if facts.seat != "admitted":
        return Verdict(False, "no_seat", NO_SEAT)
    if not facts.covenant:
        return Verdict(False, "covenant", COVENANT)
    return None


def _gate(facts: Facts, staff: bool) -> Literal["free", "windows", "shut"]:
    if staff or (facts.kind == "reply" and facts.opened):
        return "free"
    if facts.windows:
        return "windows"
    return "free" if facts.posting == "all" else "shut"


def _muted(silence: Silence, again: dt.datetime | None) -> Verdict:
    code, params = _CODES[silence.whom], {"reason": silence.reason}
    if silence.until is None:
        return Verdict(False, code, MUTED_WITHOUT_END[silence.whom], None, params, silence)
    if again is None:
        ends = {**params, "ends": silence.until}
        return Verdict(False, code, MUTED_THEN_POLICY[silence.whom], None, ends, silence)
    return Verdict(False, code, MUTED[silence.whom], again, {**params, "until": again}, silence)


def stretch(
    silences: Sequence[Silence], offices: frozenset[str], now: dt.datetime
) -> tuple[bool, dt.datetime | None]:
    """Whether a mute keeps somebody with these *offices* from writing at *now*, and until when mutes go on.

    An end of None: until one is lifted.

    >>> day = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    >>> hours = [day + dt.timedelta(hours=n) for n in range(4)]
    >>> ones = [Silence("all", hours[1], hours[3], ""), Silence("role", day, hours[1], "", "member")]
    >>> stretch(ones, frozenset(), day) == (True, hours[3])
    True
    """
    if "admin" in offices:
        return False, None
    moment = now
    mine = [one for one in silences if concerns(one, offices)]
    # Each turn ends a mute for good.
    for _turn in range(len(mine) + 1):
        covering = [one for one in mine if one.covers(moment)]
        if not covering:
            break
        ends = [one.until for one in covering if one.until is not None]
        if len(ends) < len(covering):
            return True, None
        moment = max(ends)
    return moment > now, moment if moment > now else None


def _slow_until(facts: Facts, staff: bool) -> dt.datetime | None:
    if staff or not facts.slow_seconds or facts.last_post_at is None:
        return None
    return facts.last_post_at + dt.timedelta(seconds=facts.slow_seconds)


def _free_from(facts: Facts, silences: Sequence[Silence], gate: str, staff: bool) -> dt.datetime | None:
    """The first moment at which no mute, no window and no slow mode stands in the way; None when none is known."""
    if gate == "shut":
        return None
    moment = max(facts.now, _slow_until(facts, staff) or facts.now)
    # Each turn ends a mute or waits for a window; a week of windows and every mute are passed at most once each.
    for _turn in range(2 * len(silences) + 2):
        before = moment
        for one in silences:
            if one.covers(moment):
                if one.until is None:
                    return None
                moment = one.until
        if gate == "windows":
            opens = rules_windows.opens_at(facts.windows, now=moment, zone=facts.zone)
            if opens is None:
                return None
            moment = opens
        if moment == before:
            return moment
    return None
