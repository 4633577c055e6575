"""Ending a season before its day: the one change of the calendar that an open season knows."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import N_, Actor, Conflict, Invalid, locks, store

from .models import Season

MOST_WORDS = 500


def end_early(session: Session, *, season_id: int, reason: str, actor: Actor, now: dt.datetime) -> Season:
    """Let an open season end at this moment, for a reason that everybody reads. Its formula stays as published.

    Raises:
        Invalid: on ``reason``, when there is none.
        Conflict: when it does not run at the moment.
    """
    words = " ".join(reason.split())
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; everybody reads it."),
            field="reason",
            most=MOST_WORDS,
        )
    season = locks.lock(session, Season, season_id)
    if season.state != "open" or season.window_id is None or not season.starts_at < now < season.ends_at:
        raise Conflict(N_("Only a season that runs can be ended early."))
    planned = season.ends_at
    points.end_window(session, window_id=season.window_id, ends_at=now)
    season.ends_at = now
    season.end_note = words
    season.version += 1
    store.record(
        session, actor=actor, action="season.end", target=f"season:{season.id}", now=now, summary=season.name,
        details={"reason": words, "planned": planned.isoformat(), "ended": now.isoformat()},
    )  # fmt: skip
    session.flush()
    return season
