"""Whom the weekly letters go to: the core below the line, and those outside who are within reach, best first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import store
from qunclub.members.models import Member

from . import field
from .models import CoreSeat, Season
from .models_notices import SeasonNotice, SeasonQuiet
from .queries_floor import bar

SETTINGS = "season.notices"
REACH = 100
MOST_REACH = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Whether letters go out at all, and within how many points of the line of promotion one is near."""

    on: bool = True
    reach: int = REACH


def settings(session: Session) -> Settings:
    """As an admin set them, or the usual ones."""
    kept = store.get_value(session, SETTINGS) or {}
    return Settings(bool(kept.get("on", True)), int(kept.get("reach", REACH)))


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody a letter may go to."""

    member_id: int
    number: int
    points: int
    name: str


def quiet(session: Session, member_id: int) -> bool:
    """Whether a member wants no letters."""
    return session.get(SeasonQuiet, member_id) is not None


def _silent(member: Any) -> ColumnElement[bool]:
    return select(SeasonQuiet.member_id).where(SeasonQuiet.member_id == member).exists()


def readers(session: Session, points_of: dict[int, tuple[int, int]]) -> list[Reader]:
    """Those of the members (number, points) who want letters: one statement."""
    m = Member
    rows = session.execute(
        select(m.id, m.nickname, m.name).where(m.id.in_(points_of), ~_silent(m.id)).order_by(m.id)
    )
    return [Reader(ident, *points_of[ident], nickname or name) for ident, nickname, name in rows]


def near(
    session: Session,
    season: Season,
    *,
    least: int,
    most: int,
    after: tuple[int, int] | None,
    limit: int,
) -> tuple[list[Reader], tuple[int, int] | None]:
    """Of the next *limit* members with *least* to *most* points those outside the core who may rise, best first.

    Args:
        after: points and number of the last one that was looked at; None begins at the top.

    Returns:
        Those who may get a letter, and where to go on; None when nobody is left.
    """
    s = field.earners(session, season, season.formula).c
    looked_at = select(s.member_id, s.number, s.points).where(s.points.between(least, most))
    if after is not None:
        looked_at = looked_at.where(or_(s.points < after[0], and_(s.points == after[0], s.number > after[1])))
    # The few of this batch first, then what is asked of each of them; a member under another name than what bars them.
    p = looked_at.order_by(s.points.desc(), s.number).limit(limit).subquery("looked_at").c
    m = aliased(Member)
    seated = select(CoreSeat.id).where(CoreSeat.member_id == p.member_id, CoreSeat.left_at.is_(None))
    rows = session.execute(
        select(
            p.member_id, p.number, p.points, m.nickname, m.name,
            seated.exists().label("seated"),
            bar(season, season.formula, p.member_id).label("bar"),
            _silent(p.member_id).label("quiet"),
        )
        .join(m, m.id == p.member_id)
        .order_by(p.points.desc(), p.number)
    ).all()  # fmt: skip
    found = [
        Reader(row.member_id, row.number, row.points, row.nickname or row.name)
        for row in rows
        if not (row.seated or row.bar or row.quiet)
    ]
    return found, (rows[-1].points, rows[-1].number) if len(rows) == limit else None


def running(session: Session, now: dt.datetime) -> list[Season]:
    """The open seasons that run; there is one at most."""
    query = select(Season).where(Season.state == "open", Season.starts_at <= now, Season.ends_at > now)
    return list(session.scalars(query.order_by(Season.starts_at)))


def sent(session: Session, *, limit: int = 12) -> list[tuple[str, dt.date, str, int]]:
    """What went out of late, for admins: season, week, kind, how many."""
    n = SeasonNotice
    rows = session.execute(
        select(Season.name, n.week, n.kind, func.count())
        .join(Season, Season.id == n.season_id)
        .group_by(Season.id, Season.name, n.week, n.kind)
        .order_by(n.week.desc(), n.kind.desc())
        .limit(limit)
    )
    return [(name, week, kind, many) for name, week, kind, many in rows]
