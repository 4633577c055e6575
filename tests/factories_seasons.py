"""Seasons for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from qunclub import seasons
from qunclub.kernel import Actor
from qunclub.seasons import services_calendar
from qunclub.seasons.models import Season
from tests.factories import Make

_TEST = Actor.system("test")


def season(
    make: Make,
    *,
    slug: str = "",
    days: int = 30,
    opened: bool = True,
    starts_at: dt.datetime | None = None,
    **values: Any,
) -> Season:
    """A season that began ten days ago and lasts *days*; open unless told otherwise."""
    serial = make.next()
    start = starts_at or make.now - dt.timedelta(days=10)
    made = seasons.create_season(
        make.session,
        slug=slug or f"season-{serial}",
        name=values.pop("name", f"Season {serial}"),
        starts_at=start,
        ends_at=start + dt.timedelta(days=days),
        seats=values.pop("seats", 3),
        eliminate=values.pop("eliminate", 1),
        actor=_TEST,
        now=make.now,
        **values,
    )
    if opened:
        seasons.open_season(make.session, season_id=made.id, actor=_TEST, now=make.now)
    return made


def closed(make: Make, which: Season, *, steps: tuple[str, ...] = ("freeze", "publish", "close")) -> Season:
    """Take an open season through *steps*, at its end."""
    for step in steps:
        getattr(seasons, step)(make.session, season_id=which.id, actor=_TEST, now=which.ends_at)
    return which


def announced(make: Make, which: Season) -> Season:
    """Announce a draft."""
    return services_calendar.announce(make.session, season_id=which.id, actor=_TEST, now=make.now)
