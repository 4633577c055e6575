"""What a course asks of its readers beside a pass, by the names that forms and folders use: pure functions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from qunclub.kernel import N_, Invalid
from qunclub.kernel.ports import SeasonTime

ROLES = ("host", "core")
WINDOWS = ("from", "during")
MOST_GROUPS = 100


@dataclass(frozen=True, slots=True)
class Asks:
    """What a course asks.

    Attributes:
        tier: code of the lowest tier it is open for; empty for none.
        groups: addresses of the groups whose members may enter.
        roles: any of :data:`ROLES`.
        season: address of the season it opens with; empty for always.
        season_window: ``from`` its start for good, or only ``during`` it; empty without a season.
    """

    tier: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    season: str = ""
    season_window: str = ""


NOTHING = Asks()
"""What most courses ask: a pass."""


def checked(asks: Asks) -> Asks:
    """*asks* tidied: nothing named twice, a window only with a season.

    Raises:
        Invalid: on the field that cannot be taken.
    """
    unknown = [one for one in asks.roles if one not in ROLES]
    if unknown:
        raise Invalid(N_("There is no role %(name)s here; use host or core."), field="roles", name=unknown[0])
    if len(asks.groups) > MOST_GROUPS:
        raise Invalid(N_("A course names at most %(limit)s groups."), field="groups", limit=MOST_GROUPS)
    window = (asks.season_window or "from") if asks.season else ""
    if window and window not in WINDOWS:
        raise Invalid(N_("A season opens a course from its start, or only during it."), field="season_window")
    return replace(
        asks,
        groups=tuple(dict.fromkeys(asks.groups)),
        roles=tuple(one for one in ROLES if one in asks.roles),
        season_window=window,
    )


def check_season(season: SeasonTime, window: str, now: dt.datetime) -> None:
    """Nobody means to close a course for good with a season that is past.

    Raises:
        Invalid: when the course would be open during a season that has ended.
    """
    ended = season.state not in ("draft", "announced", "open") or (
        season.state == "open" and season.ends_at <= now
    )
    if window == "during" and ended:
        raise Invalid(
            N_(
                "%(name)s has ended: nobody could open the course. Choose a season to come, or “from its start”."
            ),
            field="season",
            name=season.name,
        )
