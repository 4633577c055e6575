"""Reads of seasons: which one runs, what was decided, who sits in the core."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import NotFound
from qunclub.members.models import Member

from . import field, services_review, snapshot
from .models import CoreSeat, Decision, Season
from .models_appeals import SeasonCorrection
from .rules import Plan, Row


def get(session: Session, season_id: int) -> Season:
    """The season.

    Raises:
        NotFound: when there is none.
    """
    season = session.get(Season, season_id)
    if season is None:
        raise NotFound()
    return season


def by_slug(session: Session, slug: str) -> Season:
    """The season at an address; a draft is not public.

    Raises:
        NotFound: when there is none.
    """
    season = session.scalars(select(Season).where(Season.slug == slug)).one_or_none()
    if season is None or season.state == "draft":
        raise NotFound()
    return season


def latest(session: Session) -> Season | None:
    """The season that starts last, whatever its state."""
    return session.scalars(select(Season).order_by(Season.starts_at.desc()).limit(1)).one_or_none()


def current(session: Session, now: dt.datetime) -> Season | None:
    """The season members live in: the open one that runs now, else the last that began and is not a draft."""
    begun = session.scalars(
        select(Season)
        .where(Season.state.not_in(("draft", "announced")), Season.starts_at <= now)
        .order_by(Season.starts_at.desc())
        .limit(2)
    ).all()
    running = next((s for s in begun if s.state == "open" and now < s.ends_at), None)
    return running or next(iter(begun), None)


def coming(session: Session, now: dt.datetime, *, limit: int = 6) -> list[Season]:
    """Seasons whose formula is published and that have not begun, the next one first."""
    ahead = or_(Season.state == "announced", (Season.state == "open") & (Season.starts_at > now))
    query = select(Season).where(ahead)
    return list(session.scalars(query.order_by(Season.starts_at).limit(limit)))


def recent(session: Session, *, limit: int = 12) -> list[Season]:
    """The last published seasons, newest first."""
    query = select(Season).where(Season.state.in_(("published", "closed")))
    return list(session.scalars(query.order_by(Season.starts_at.desc()).limit(limit)))


def preview(session: Session, season: Season, now: dt.datetime) -> Plan:
    """What closing would do: from the snapshot once there is one, before that from the standings as they are."""
    if season.state in ("draft", "announced", "open"):
        return field.plan_of(season, field.live(session, season))
    return services_review.plan(session, season)


def names(session: Session, plan: Plan) -> dict[int, str]:
    """What the members of a plan are called."""
    ids = [row.member for row in (*(outcome.row for outcome in plan.outcomes), *plan.held)]
    rows = session.execute(select(Member.id, Member.nickname, Member.name).where(Member.id.in_(ids)))
    return {ident: nickname or name for ident, nickname, name in rows}


@dataclass(frozen=True, slots=True)
class CoreMember:
    """Somebody who sits in the core; *season* names the one they rose in."""

    member_id: int
    number: int
    name: str
    city: str
    since: dt.datetime
    season: str
    season_slug: str
    safe_closings: int


def core_members(session: Session) -> list[CoreMember]:
    """Who sits in the core now, by number."""
    rows = session.execute(
        select(
            CoreSeat.member_id,
            CoreSeat.number,
            Member.nickname,
            Member.name,
            Member.city,
            CoreSeat.joined_at,
            Season.name,
            Season.slug,
            CoreSeat.safe_closings,
        )
        .join(Member, Member.id == CoreSeat.member_id)
        .outerjoin(Season, Season.id == CoreSeat.since_season_id)
        .where(CoreSeat.left_at.is_(None))
        .order_by(CoreSeat.number)
    )
    return [
        CoreMember(ident, number, nickname or name, city, since, season or "", slug or "", safe)
        for ident, number, nickname, name, city, since, season, slug, safe in rows
    ]


def is_core(session: Session, member_id: int) -> bool:
    """Whether a member sits in the core now."""
    query = select(CoreSeat.id).where(CoreSeat.member_id == member_id, CoreSeat.left_at.is_(None))
    return session.scalar(query) is not None


def decision_of(session: Session, season_id: int, member_id: int) -> Decision | None:
    """What a season decided about a member; None when it decided nothing (not core, not risen)."""
    query = select(Decision).where(Decision.season_id == season_id, Decision.member_id == member_id)
    return session.scalars(query).one_or_none()


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision and whom it is about."""

    decision: Decision
    number: int
    name: str


def decisions(session: Session, season_id: int) -> list[Decided]:
    """Everything a season decided: the risers best first, then the core from the first place to the last."""
    rows = session.execute(
        select(Decision, Member.number, Member.nickname, Member.name)
        .join(Member, Member.id == Decision.member_id)
        .where(Decision.season_id == season_id)
        .order_by(Decision.outcome.desc(), Decision.place)
    )
    return [Decided(decision, number or 0, nickname or name) for decision, number, nickname, name in rows]


def whole_snapshot(session: Session, season_id: int) -> Iterator[tuple[Row, str]]:
    """The whole snapshot for export: each row with the outcome, streamed by position."""
    decided: dict[int, str] = {
        member: outcome
        for member, outcome in session.execute(
            select(Decision.member_id, Decision.outcome).where(Decision.season_id == season_id)
        )
    }
    for row in snapshot.by_place(session, season_id):
        yield row, decided.get(row.member, "")


@dataclass(frozen=True, slots=True)
class Told:
    """A decision about one member with its season, for their own page; *corrected* is the outcome after an appeal."""

    decision: Decision
    season: Season
    corrected: str = ""


def decisions_about(session: Session, member_id: int, *, limit: int = 12) -> list[Told]:
    """What seasons decided about a member, newest first."""
    c = SeasonCorrection
    corrected = select(c.outcome).where(c.season_id == Season.id, c.member_id == member_id).scalar_subquery()
    rows = session.execute(
        select(Decision, Season, corrected)
        .join(Season, Season.id == Decision.season_id)
        .where(Decision.member_id == member_id)
        .order_by(Season.starts_at.desc())
        .limit(limit)
    )
    return [Told(decision, season, later or "") for decision, season, later in rows]


def core_groups(session: Session) -> list[tuple[int, str]]:
    """Groups a season may seat its core in."""
    rows = session.execute(
        select(Group.id, Group.name)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .where(GroupLine.kind == "core")
        .order_by(Group.id)
    )
    return [(ident, name) for ident, name in rows]


def group_name(session: Session, group_id: int | None) -> str:
    """The name of a season's group, empty when it has none."""
    if group_id is None:
        return ""
    return session.scalar(select(Group.name).where(Group.id == group_id)) or ""
