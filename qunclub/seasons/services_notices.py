"""The weekly letters about where one stands: at most one a week, season and member, whatever is killed or replayed.

A batch is one transaction: the rows that say who was told, the letters themselves, and how far it came. The rows'
unique key decides; how far it came only saves looking again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Invalid, insert_for, locks, store

from . import queries_hints, queries_notices
from .models import Season
from .models_notices import SeasonNotice, SeasonQuiet
from .queries_live import live_season
from .queries_notices import MOST_REACH, Reader
from .rules import Plan
from .rules_hints import NEAR, RISK, Way, week
from .services_leave import leave_until

BATCH = 200


def due(session: Session, *, now: dt.datetime, zone: dt.tzinfo) -> list[tuple[int, dt.date]]:
    """Seasons (id) whose letters of a week (its day) are not all written: two statements, or three."""
    if not queries_notices.settings(session).on:
        return []
    found = []
    for season in queries_notices.running(session, now):
        day = week(now, season.starts_at, season.ends_at, zone)
        if day is not None and _progress(session, season.id, day) != "done":
            found.append((season.id, day))
    return found


def _name(season_id: int) -> str:
    return f"season.notices:{season_id}"


def _progress(session: Session, season_id: int, day: dt.date) -> Any:
    """How far the letters of that day came: None, the last one looked at (points, number), or ``done``."""
    kept = store.get_value(session, _name(season_id)) or {}
    return kept.get("at") if kept.get("week") == day.isoformat() else None


def _keep(session: Session, season_id: int, day: dt.date, at: Any) -> None:
    store.set_value(session, _name(season_id), {"week": day.isoformat(), "at": at})


def step(
    session: Session, *, season_id: int, day: dt.date, now: dt.datetime, limit: int = BATCH
) -> tuple[int, bool]:
    """Write the next batch of a week's letters, as everybody stands now.

    Returns:
        How many letters were written, and whether there is more to do.
    """
    # Two workers come one after the other, and nobody freezes or ends the season meanwhile.
    season = locks.lock(session, Season, season_id)
    settings, at = queries_notices.settings(session), _progress(session, season_id, day)
    if season.state != "open" or now >= season.ends_at or not settings.on or at == "done":
        return 0, False
    plan = live_season(session, season).plan
    written = 0
    if at is None:
        written += _write(session, season, day, RISK, _at_risk(session, plan), now)
    after: tuple[int, int] | None = None
    if plan.rise_above is not None:
        line = plan.rise_above
        found, after = queries_notices.near(
            session, season, least=max(1, line + 1 - settings.reach), most=line,
            after=tuple(at) if at is not None else None, limit=limit,
        )  # fmt: skip
        rising = {one.row.member for one in plan.promoted}
        missing = [(one, line + 1 - one.points) for one in found if one.member_id not in rising]
        written += _write(session, season, day, NEAR, missing, now)
    _keep(session, season_id, day, list(after) if after is not None else "done")
    return written, after is not None


def _at_risk(session: Session, plan: Plan) -> list[tuple[Reader, int]]:
    """Core members who would leave for their points, with what they miss."""
    low = {one.row.member: one for one in plan.eliminated if one.reason == "lowest"}
    missing = {
        member: max(0, one.facts["line"] + 1 - one.row.points) if "line" in one.facts else 0
        for member, one in low.items()
    }
    points_of = {member: (one.number, one.row.points) for member, one in low.items()}
    return [(one, missing[one.member_id]) for one in queries_notices.readers(session, points_of)]


def _write(
    session: Session,
    season: Season,
    day: dt.date,
    kind: str,
    missing: Sequence[tuple[Reader, int]],
    now: dt.datetime,
) -> int:
    if not missing:
        return 0
    new = set(
        session.scalars(
            insert_for(session, SeasonNotice)
            .on_conflict_do_nothing(index_elements=["season_id", "member_id", "week"])
            .returning(SeasonNotice.member_id),
            [
                {
                    "season_id": season.id, "member_id": one.member_id, "week": day, "kind": kind, "gap": gap,
                    "created_at": now,
                }
                for one, gap in missing
            ],
        )
    )  # fmt: skip
    told = [(one, gap) for one, gap in missing if one.member_id in new]
    if not told:
        return 0
    book = queries_hints.rulebook(session, season)
    found = queries_hints.ways_of(
        session, season, book, {one.member_id: (gap, kind == RISK) for one, gap in told}, now
    )
    leave = leave_until(season) if season.formula.leaves and now < leave_until(season) else None
    letters = [
        notices.Letter(
            one.member_id,
            {
                "name": one.name, "season": season.name, "points": one.points, "gap": gap,
                "at": now.isoformat(), "ends": season.ends_at.isoformat(),
                "ways": [_plain(way) for way in found[one.member_id]], "about": book.about,
                "leave": leave.isoformat() if leave is not None and kind == RISK else "",
                "slug": season.slug,
            },
            f"season_notice:{season.id}:{day.isoformat()}:{one.member_id}",
        )
        for one, gap in told
    ]  # fmt: skip
    notices.letters(session, letters, template=f"season_{kind}", now=now)
    return len(told)


def _plain(way: Way) -> list[dict[str, Any]]:
    return [{"kind": part.kind, "count": part.count, "points": part.points} for part in way.parts]


def be_quiet(session: Session, *, member_id: int, quiet: bool, now: dt.datetime) -> None:
    """Whether a member wants no letters about where they stand; either way as often as one likes."""
    if quiet:
        row = {"member_id": member_id, "since": now}
        session.execute(insert_for(session, SeasonQuiet).values(row).on_conflict_do_nothing())
    else:
        session.execute(delete(SeasonQuiet).where(SeasonQuiet.member_id == member_id))


def set_notices(session: Session, *, on: bool, reach: int, actor: Actor, now: dt.datetime) -> None:
    """Whether the weekly letters go out, and within how many points of the line one is near.

    Raises:
        Invalid: on ``reach``.
    """
    if not 1 <= reach <= MOST_REACH:
        raise Invalid(N_("Give a number between 1 and %(most)s."), field="reach", most=MOST_REACH)
    before = queries_notices.settings(session)
    if (before.on, before.reach) == (on, reach):
        return
    store.set_value(session, queries_notices.SETTINGS, {"on": on, "reach": reach})
    store.record(
        session, actor=actor, action="season.notices", target="season:notices", now=now,
        details={"before": {"on": before.on, "reach": before.reach}, "after": {"on": on, "reach": reach}},
    )  # fmt: skip


def forget_notices(session: Session, *, member_id: int) -> None:
    """Take away what is kept of a member's letters, at their own wish."""
    session.execute(delete(SeasonNotice).where(SeasonNotice.member_id == member_id))
    session.execute(delete(SeasonQuiet).where(SeasonQuiet.member_id == member_id))
