"""The calendar of seasons: for members what was, is and comes; for admins also drafts, and where nothing is planned."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .models import Season

AHEAD = ("draft", "announced", "open")
MOST_AHEAD = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """A season that is not over, for admins; *gap* is the time before it in which no season is planned."""

    season: Season
    gap: dt.timedelta | None
    overlaps: bool


def ahead(session: Session, now: dt.datetime) -> list[Planned]:
    """Drafts, announced and open seasons that have not ended, the first one first."""
    query = select(Season).where(Season.state.in_(AHEAD), Season.ends_at > now)
    found: list[Planned] = []
    end: dt.datetime | None = None
    for season in session.scalars(query.order_by(Season.starts_at, Season.id).limit(MOST_AHEAD)):
        gap = season.starts_at - end if end is not None and season.starts_at > end else None
        found.append(Planned(season, gap, end is not None and season.starts_at < end))
        end = season.ends_at if end is None else max(end, season.ends_at)
    return found


def sources(session: Session, *, limit: int = 20) -> list[Season]:
    """The seasons whose formula can be taken over, the latest first."""
    return list(
        session.scalars(select(Season).order_by(Season.starts_at.desc(), Season.id.desc()).limit(limit))
    )


def count(session: Session) -> int:
    """How many seasons there are, drafts among them."""
    return session.scalar(select(func.count()).select_from(Season)) or 0


def withdrawn(session: Session, now: dt.datetime, *, limit: int = 6) -> list[Season]:
    """Drafts that were announced before and whose end is not past, the next one first."""
    query = select(Season).where(
        Season.state == "draft", Season.withdrawn_at.is_not(None), Season.ends_at > now
    )
    return list(session.scalars(query.order_by(Season.starts_at, Season.id).limit(limit)))
