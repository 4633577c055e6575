"""What a file says of the club's own rules: the path, the house, seasons, the front page.

Percentages, days and numbers of people, as the rooms keep them; each room checks its own when it is brought in.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LevelText:
    """A level of the path: what it asks, gives and expects.

    Attributes:
        kinds: points of one kind, ``answer_best 20``; ``recent_kinds`` the same for the last days.
    """

    code: str
    points: int = 0
    recent_points: int = 0
    kinds: tuple[str, ...] = ()
    recent_kinds: tuple[str, ...] = ()
    works: int = 0
    featured: int = 0
    answers: int = 0
    days: int = 0
    has_pass: bool = False
    clean: bool = False
    rights: tuple[str, ...] = ()
    duties: str = ""


@dataclass(frozen=True, slots=True)
class PathText:
    """What holds for all levels of the path, in days."""

    recent_days: int
    grace_days: int
    stay_days: int
    clean_days: int = 0


@dataclass(frozen=True, slots=True)
class HouseText:
    """What follows a violation. ``steps``: ``warning``, ``mute 3`` (days), ``removal``."""

    steps: tuple[str, ...]
    forget_days: int
    appeal_days: int


@dataclass(frozen=True, slots=True)
class SeasonText:
    """The formula that the next season is proposed with; ``weights`` as ``kind:percent``."""

    seats: int
    eliminate: int
    protection: int = 1
    min_points: int = 1
    eliminate_percent: int = 0
    only_outranked: bool = False
    weights: tuple[str, ...] = ()
    ties: tuple[str, ...] = ()
    need_pass: bool = False
    min_works: int = 0
    min_days: int = 0
    leaves: int = 0
    reentry: int = 0
    appeal_days: int = 0
    two_person: bool = False
    offer_days: int = 0
    clean_days: int = 0


@dataclass(frozen=True, slots=True)
class LettersText:
    """The weekly letters about the season: whether they go out, and within how many points of the line one is near."""

    on: bool
    reach: int


@dataclass(frozen=True, slots=True)
class ReferralsText:
    """For how many days a pass brought along is held before it earns, and how many earn in a year."""

    days: int
    most: int


@dataclass(frozen=True, slots=True)
class ProfileText:
    """What strangers read on the front page."""

    tagline_zh: str = ""
    tagline_en: str = ""
    about_zh: str = ""
    about_en: str = ""
