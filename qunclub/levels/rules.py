"""The path 参与者 → 贡献者 → 意见领袖 → 核心: what each level asks, where a member stands, and how a level is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qunclub.kernel import N_

LEVELS = ("participant", "contributor", "opinion_leader", "core")
"""From the lowest to the highest; the code of each is what the database keeps."""
EDITABLE = ("contributor", "opinion_leader")
"""The levels that are reached by conditions: everybody is a participant, and the core follows its seats."""
LABELS = {
    "participant": N_("Participant"),
    "contributor": N_("Contributor"),
    "opinion_leader": N_("Opinion leader"),
    "core": N_("Core"),
}
RIGHTS = {
    "more_files": N_("Twice as many files, each of them twice as large, with a piece of homework"),
    "more_appeals": N_("One appeal more against reviews"),
    "lead_projects": N_("May be asked to lead a project without sitting in the core group"),
}
NUMBERS = ("points", "recent_points", "works", "featured", "answers", "days")
"""Conditions that are numbers, in the order in which they are told."""
FLAGS = ("has_pass", "clean")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a level asks; 0 and False ask nothing.

    Attributes:
        points: of all time.
        recent_points: in the last ``Ladder.recent_days`` days.
        kinds: points of all time of one kind, by kind.
        recent_kinds: the same in the last ``Ladder.recent_days`` days.
        works: homework accepted. featured: homework in the showcase. answers: best answers.
        days: since the member got a number.
        has_pass: a pass that is open now.
        clean: not suspended, and no open violation of the house rules (``Ladder.clean_days``).
    """

    points: int = 0
    recent_points: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    recent_kinds: Mapping[str, int] = field(default_factory=dict)
    works: int = 0
    featured: int = 0
    answers: int = 0
    days: int = 0
    has_pass: bool = False
    clean: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            **{name: getattr(self, name) for name in (*NUMBERS, *FLAGS)},
            "kinds": dict(self.kinds),
            "recent_kinds": dict(self.recent_kinds),
        }

    @staticmethod
    def of(kept: Mapping[str, Any]) -> Conditions:
        """From what :meth:`to_json` wrote; what is missing asks nothing."""
        numbers: dict[str, Any] = {name: int(kept.get(name, 0)) for name in NUMBERS}
        flags: dict[str, Any] = {name: bool(kept.get(name, False)) for name in FLAGS}
        return Conditions(
            **numbers,
            **flags,
            kinds=dict(kept.get("kinds", {})),
            recent_kinds=dict(kept.get("recent_kinds", {})),
        )


@dataclass(frozen=True, slots=True)
class Rung:
    """One level: what it asks, what it lets its members do (codes of :data:`RIGHTS`), and what it asks of them."""

    conditions: Conditions = Conditions()
    rights: frozenset[str] = frozenset()
    duties: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The whole path.

    Attributes:
        recent_days: what "recent" means.
        grace_days: between the letter that a level will be lost and its loss.
        stay_days: how long a level is kept at least, so that nobody goes up and down with every week.
        clean_days: what "clean" asks: no violation of so many days that stands, no mute for one and no bar from all
            groups that still runs. 0, as in rules that were written before it: not being suspended is enough.
    """

    rungs: Mapping[str, Rung]
    recent_days: int = 90
    grace_days: int = 30
    stay_days: int = 60
    clean_days: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "recent_days": self.recent_days,
            "grace_days": self.grace_days,
            "stay_days": self.stay_days,
            "clean_days": self.clean_days,
            "rungs": {
                level: {
                    "conditions": rung.conditions.to_json(),
                    "rights": sorted(rung.rights),
                    "duties": rung.duties,
                }
                for level, rung in self.rungs.items()
            },
        }

    @staticmethod
    def of(kept: Mapping[str, Any]) -> Ladder:
        """From what :meth:`to_json` wrote; rights that there are no more are left out."""
        rungs = kept.get("rungs", {})
        return Ladder(
            rungs={
                level: Rung(
                    Conditions.of(rungs.get(level, {}).get("conditions", {})),
                    frozenset(rungs.get(level, {}).get("rights", ())) & RIGHTS.keys(),
                    str(rungs.get(level, {}).get("duties", "")),
                )
                for level in LEVELS
            },
            recent_days=int(kept.get("recent_days", 90)),
            grace_days=int(kept.get("grace_days", 30)),
            stay_days=int(kept.get("stay_days", 60)),
            clean_days=int(kept.get("clean_days", 0)),
        )


DEFAULT = Ladder(
    {
        "participant": Rung(),
        "contributor": Rung(
            Conditions(points=200, works=2, days=14, has_pass=True, clean=True), frozenset({"more_files"})
        ),
        "opinion_leader": Rung(
            Conditions(
                points=800, recent_points=100, works=5, featured=1, days=60, has_pass=True, clean=True
            ),
            frozenset({"more_files", "more_appeals", "lead_projects"}),
        ),
        "core": Rung(rights=frozenset(RIGHTS)),
    },
    clean_days=30,
)
"""What a club comes with, until an admin writes another one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a member at one moment; the names are those of :class:`Conditions`.

    Attributes:
        clean: not suspended.
        violation: whether the house has something open against them, where the ladder asks about it.
    """

    points: int = 0
    recent_points: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    recent_kinds: Mapping[str, int] = field(default_factory=dict)
    works: int = 0
    featured: int = 0
    answers: int = 0
    days: int = 0
    has_pass: bool = False
    clean: bool = True
    core: bool = False
    violation: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a line of the history keeps it."""
        return {
            **{name: getattr(self, name) for name in (*NUMBERS, *FLAGS, "core", "violation")},
            "kinds": dict(self.kinds),
            "recent_kinds": dict(self.recent_kinds),
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """A condition that is not met: *what* of :data:`NUMBERS`, :data:`FLAGS`, ``violation``, ``kind``,
    ``recent_kind`` or ``core``.
    """

    what: str
    have: int
    need: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where facts put a member: the level they reach, the next one (None at the top), what is missing to it."""

    level: str
    next: str | None
    missing: tuple[Missing, ...]


def lacks(facts: Facts, asked: Conditions) -> tuple[Missing, ...]:
    """What of *asked* the facts do not meet."""
    found = [
        Missing(name, getattr(facts, name), getattr(asked, name))
        for name in NUMBERS
        if getattr(facts, name) < getattr(asked, name)
    ]
    for what, have, need in (
        ("kind", facts.kinds, asked.kinds),
        ("recent_kind", facts.recent_kinds, asked.recent_kinds),
    ):
        found += [
            Missing(what, have.get(kind, 0), least, kind)
            for kind, least in sorted(need.items())
            if have.get(kind, 0) < least
        ]
    found += [Missing(name, 0, 1) for name in FLAGS if getattr(asked, name) and not getattr(facts, name)]
    if asked.clean and facts.violation:
        found.append(Missing("violation", 0, 1))
    return tuple(found)


def evaluate(facts: Facts, ladder: Ladder) -> Standing:
    """Where *facts* put a member on *ladder*: a level is reached when it and all below it are met.

    The core is whoever sits in it, and nobody else.
    """
    if facts.core:
        return Standing("core", None, ())
    reached = "participant"
    for level in EDITABLE:
        missing = lacks(facts, ladder.rungs[level].conditions)
        if missing:
            return Standing(reached, level, missing)
        reached = level
    return Standing(reached, "core", (Missing("core", 0, 1),))


def toward(facts: Facts, ladder: Ladder, level: str) -> Standing:
    """What is missing to what comes after *level*, for somebody who holds it, whether their facts reach it or not."""
    following = after(level)
    if following is None or following == "core":
        return Standing(level, following, (Missing("core", 0, 1),) if following else ())
    missing: dict[tuple[str, str], Missing] = {}
    for rung in EDITABLE[: EDITABLE.index(following) + 1]:
        missing |= {(one.what, one.kind): one for one in lacks(facts, ladder.rungs[rung].conditions)}
    return Standing(level, following, tuple(missing.values()))


def rank(level: str) -> int:
    """How high a level is."""
    return LEVELS.index(level)


def after(level: str) -> str | None:
    """The level above, None above the highest."""
    above = rank(level) + 1
    return LEVELS[above] if above < len(LEVELS) else None


@dataclass(frozen=True, slots=True)
class Held:
    """A member's level.

    Attributes:
        since: when it was reached.
        lose_at: when it will be lost unless its conditions are met again; None: they are met.
        hand_until: until when it stands as an admin set it; None: it follows the rules.
    """

    level: str
    since: dt.datetime
    lose_at: dt.datetime | None = None
    hand_until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a look makes of it.

    Attributes:
        held: the level from now on.
        why: of a change: ``reached``, ``lost``, ``core_seat``, ``core_left``; empty when the level stays.
        warn: whether the letter is due that the level will be lost at ``held.lose_at``.
    """

    held: Held
    why: str = ""
    warn: bool = False


def step(held: Held, facts: Facts, ladder: Ladder, now: dt.datetime) -> Move:
    """What becomes of a level at one look.

    Up at once; down only after a letter and the days of grace, and never before the level was kept ``stay_days``.
    Who sits in the core is of the core from that look on; who leaves it goes on as an opinion leader, with grace like
    everybody. While a level stands by hand nothing changes it but a seat in the core.
    """
    if facts.core:
        return (
            Move(Held("core", now), "core_seat") if held.level != "core" else Move(Held("core", held.since))
        )
    if held.level == "core":
        return _keep(Held("opinion_leader", now), facts, ladder, now, why="core_left")
    if held.hand_until is not None and now < held.hand_until:
        return Move(replace(held, lose_at=None))
    return _keep(replace(held, hand_until=None), facts, ladder, now)


def _keep(held: Held, facts: Facts, ladder: Ladder, now: dt.datetime, why: str = "") -> Move:
    reached = evaluate(facts, ladder).level
    if rank(reached) > rank(held.level):
        return Move(Held(reached, now), "reached")
    if reached == held.level:
        return Move(replace(held, lose_at=None), why)
    if held.lose_at is None:
        lose_at = max(now + ladder.grace_days * DAY, held.since + ladder.stay_days * DAY)
        return Move(replace(held, lose_at=lose_at), why, warn=True)
    if held.lose_at <= now:
        return Move(Held(reached, now), "lost")
    return Move(held, why)


def look_again(held: Held, now: dt.datetime) -> dt.datetime:
    """When a member is looked at again at the latest: in a day, or when something ends before."""
    ends = [moment for moment in (held.lose_at, held.hand_until) if moment is not None and moment > now]
    return min([now + DAY, *ends])
