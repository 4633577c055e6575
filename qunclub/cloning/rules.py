"""The file: JSON, the same to the last byte whenever it says the same; what is wrong in one is told with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, TypeVar

from .rules_settings import (
    HouseText,
    LettersText,
    LevelText,
    PathText,
    ProfileText,
    ReferralsText,
    SeasonText,
)

VERSION = 1
STEP = re.compile(r"[0-9]{1,6}:[0-9]{1,3}", re.ASCII)
MOST_BYTES = 1_000_000
MOST_THINGS = 500
T = TypeVar("T")


class Broken(ValueError):
    """What a file says cannot be taken; ``problems`` name the places, in English as the file is."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class TierText:
    """A tier of members."""

    code: str
    name: str
    rank: int
    benefits: str = ""


@dataclass(frozen=True, slots=True)
class LineText:
    """A group line with its covenant, what it asks of newcomers, and when its groups are open.

    Attributes:
        hours: days and hours by the club's clock, Monday is 1: ``1-5 20:00-22:00``.
    """

    slug: str
    name: str
    capacities: tuple[int, ...]
    kind: str = "learner"
    repeat_last: bool = False
    name_pattern: str = ""
    posting: str = "staff"
    posting_note: str = ""
    nickname_rule: str = ""
    moving: str = "no"
    covenant: str = ""
    questions: tuple[str, ...] = ()
    task_title: str = ""
    task: str = ""
    allocation: str = "first"
    open_at_once: int = 1
    labels: tuple[str, ...] = ()
    offer_hours: int = 0
    hours: tuple[str, ...] = ()
    slow_seconds: int = 0
    welcome: str = "off"
    welcome_zh: str = ""
    welcome_en: str = ""


@dataclass(frozen=True, slots=True)
class PlanText:
    """A pass on sale: its shape, without dates, early prices and what was sold. ``price`` is in minor units."""

    slug: str
    title: str
    price: int
    currency: str
    summary: str = ""
    description: str = ""
    tier: str = ""
    line: str = ""
    courses: tuple[str, ...] = ()
    upgrades_from: tuple[str, ...] = ()
    stock: int | None = None
    validity_days: int | None = None
    interval: str = ""
    grace_days: int = 7
    per_member: int | None = None
    hidden: bool = False
    gift_max: int = 0
    refund_days: int | None = None
    refund_progress: int = 100
    asks: tuple[str, ...] = ()
    position: int = 0
    seat_priority: int = 0


@dataclass(frozen=True, slots=True)
class RuleText:
    """What a kind of contribution earns; the limits as the club keeps them.

    Attributes:
        steps: ``n:percent``, rising: from the line after the n-th of a day on, a line gives so much of its points.
    """

    kind: str
    amount: int
    honours: int = 0
    active: bool = True
    day: int | None = None
    season: int | None = None
    steps: tuple[str, ...] = ()
    ring_days: int = 0

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """``steps`` as numbers.

        Raises:
            Broken: for what is none.
        """
        if not all(STEP.fullmatch(one) for one in self.steps):
            raise Broken([f"points: {self.kind}.steps: write each as lines:percent, such as 3:50."])
        return tuple((int(n), int(percent)) for n, percent in (one.split(":") for one in self.steps))


@dataclass(frozen=True, slots=True)
class Template:
    """All that a file carries; what is None the file does not say."""

    tiers: tuple[TierText, ...] = ()
    lines: tuple[LineText, ...] = ()
    plans: tuple[PlanText, ...] = ()
    points: tuple[RuleText, ...] = ()
    levels: tuple[LevelText, ...] = ()
    path: PathText | None = None
    house: HouseText | None = None
    season: SeasonText | None = None
    season_letters: LettersText | None = None
    referrals: ReferralsText | None = None
    profile: ProfileText | None = None

    def line_renamed(self, slug: str) -> Template:
        """The same with its only line at another address."""
        [line] = self.lines
        return replace(self, lines=(replace(line, slug=slug),))


PARTS: dict[str, type[Any]] = {
    "tiers": TierText,
    "lines": LineText,
    "plans": PlanText,
    "points": RuleText,
    "levels": LevelText,
}
KEY = {"tiers": "code", "lines": "slug", "plans": "slug", "points": "kind", "levels": "code"}
SINGLES: dict[str, type[Any]] = {
    "path": PathText,
    "house": HouseText,
    "season": SeasonText,
    "season_letters": LettersText,
    "referrals": ReferralsText,
    "profile": ProfileText,
}
"""What stands in a file once, or not at all."""
LONGEST = 20_000
HIGHEST = 10**12


def dump(template: Template) -> bytes:
    """The file of a template."""
    said = {name: value for name, value in asdict(template).items() if value is not None}
    told = {"qunclub_template": VERSION, **said}
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


def parse(data: bytes) -> Template:
    """What a file says.

    Raises:
        Broken: naming every place that cannot be taken.
    """
    if len(data) > MOST_BYTES:
        raise Broken([f"The file is larger than {MOST_BYTES // 1_000_000} MB."])
    try:
        told = json.loads(data.decode("utf-8"))
        # JSON can write half of a pair (\ud800), which is no letter: nothing else takes it.
        json.dumps(told, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, ValueError, RecursionError):
        raise Broken(["This is not a JSON file in UTF-8."]) from None
    if not isinstance(told, dict) or told.get("qunclub_template") != VERSION:
        raise Broken([f'This is not a template of a club: it says no "qunclub_template": {VERSION}.'])
    known = {"qunclub_template", *PARTS, *SINGLES}
    problems = [f"{name}: no such part." for name in told if name not in known]
    parts: dict[str, Any] = {
        name: _read(kind, told[name], name, problems) for name, kind in SINGLES.items() if name in told
    }
    for name, kind in PARTS.items():
        rows = told.get(name, [])
        if not isinstance(rows, list) or len(rows) > MOST_THINGS:
            problems.append(f"{name}: must be a list of at most {MOST_THINGS}.")
            continue
        found = [_read(kind, row, f"{name}[{index}]", problems) for index, row in enumerate(rows)]
        good = [one for one in found if one is not None]
        keys = [getattr(one, KEY[name]) for one in good]
        problems += [f"{name}: {key} stands there twice." for key in sorted(set(keys)) if keys.count(key) > 1]
        parts[name] = tuple(good)
    if problems:
        raise Broken(problems)
    return Template(**parts)


def _read(kind: type[T], row: Any, where: str, problems: list[str]) -> T | None:
    if not isinstance(row, dict):
        problems.append(f"{where}: must be an object.")
        return None
    before = len(problems)
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # each is a dataclass
    problems += [f"{where}.{name}: no such field." for name in row if name not in known]
    values: dict[str, Any] = {}
    for name, one in known.items():
        if name in row:
            values[name] = _value(str(one.type), row[name], f"{where}.{name}", problems)
        elif one.default is MISSING:
            problems.append(f"{where}.{name}: is missing.")
    return kind(**values) if len(problems) == before else None


def _value(kind: str, given: Any, where: str, problems: list[str]) -> Any:
    """*given* as the field's type has it."""
    if kind.startswith("tuple["):
        if not isinstance(given, list) or len(given) > MOST_THINGS:
            problems.append(f"{where}: must be a list.")
            return ()
        inner = kind.removeprefix("tuple[").partition(",")[0]
        return tuple(_value(inner, one, f"{where}[{index}]", problems) for index, one in enumerate(given))
    if given is None and kind.endswith("| None"):
        return None
    wanted = kind.removesuffix("| None").strip()
    if wanted == "bool" and isinstance(given, bool):
        return given
    if wanted == "int" and isinstance(given, int) and not isinstance(given, bool) and abs(given) <= HIGHEST:
        return given
    if wanted == "str" and isinstance(given, str) and len(given) <= LONGEST and "\x00" not in given:
        return given
    words = {
        "bool": "true or false",
        "int": "a whole number",
        "str": f"a text of at most {LONGEST} characters",
    }
    problems.append(f"{where}: must be {words[wanted]}.")
    return None


def in_order(plans: Sequence[PlanText]) -> list[PlanText]:
    """Passes that others are bought instead of come first; of a circle none waits for the others."""
    left, made = list(plans), list[PlanText]()
    while left:
        waiting = {one.slug for one in left}
        ready = [one for one in left if not waiting.intersection(one.upgrades_from) - {one.slug}] or left
        made += ready
        left = [one for one in left if one not in ready]
    return made
