"""Reads of seats between two results: what is free, who is next, who was offered what."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group
from qunclub.members.models import Member

from . import queries_floor
from .models import CoreSeat, Season
from .models_appeals import SeasonAppeal
from .models_offers import RunnerUp, SeatOffer
from .rules_offers import Candidate, stands_back
from .services_seats import DEPARTURES, core_size, shut_out


def decided(session: Session) -> Season | None:
    """The season whose result the core group sits by."""
    query = select(Season).where(Season.state.in_(("published", "closed")))
    return session.scalars(query.order_by(Season.starts_at.desc()).limit(1)).one_or_none()


def being_decided(session: Session) -> bool:
    """Whether a season is frozen: then its result gives the seats, nobody else."""
    return session.scalar(select(Season.id).where(Season.state == "frozen").limit(1)) is not None


def running_ends(session: Session) -> dt.datetime | None:
    """When the season ends that comes next to its result."""
    return session.scalar(select(func.min(Season.ends_at)).where(Season.state == "open"))


def vacated(session: Session, season: Season) -> list[CoreSeat]:
    """Seats given back since the result, for which nobody has an offer or took it; the first to become free first."""
    dealt = select(SeatOffer.id).where(
        SeatOffer.seat_id == CoreSeat.id, SeatOffer.state.in_(("open", "accepted"))
    )
    query = select(CoreSeat).where(
        CoreSeat.left_at > season.published_at,
        CoreSeat.left_season_id.is_(None),
        CoreSeat.left_reason.in_(DEPARTURES),
        ~dealt.exists(),
    )
    return list(session.scalars(query.order_by(CoreSeat.left_at, CoreSeat.id)))


def open_offers(session: Session) -> int:
    """How many seats are on offer."""
    return session.scalar(select(func.count()).where(SeatOffer.state == "open")) or 0


def appealed(session: Session) -> int:
    """How many members wait for an answer to their appeal, and may need a seat."""
    return session.scalar(select(func.count()).where(SeasonAppeal.state == "open")) or 0


def free_seats(session: Session, season: Season) -> int:
    """Seats that nobody sits in and nobody is offered, in the formula and in the core group's own group."""
    offered = open_offers(session)
    free = season.seats - core_size(session)
    if season.group_id is not None:
        room = session.scalar(select(Group.capacity - Group.seated).where(Group.id == season.group_id)) or 0
        free = min(free, room)
    return max(0, free - offered)


def _candidates(
    session: Session, season: Season, now: dt.datetime, only: ColumnElement[bool] | None = None
) -> list[tuple[Candidate, RunnerUp, Member]]:
    r = RunnerUp
    mine = r.member_id
    offered = select(SeatOffer.id).where(SeatOffer.season_id == season.id, SeatOffer.member_id == mine)
    core = select(CoreSeat.id).where(CoreSeat.member_id == mine, CoreSeat.left_at.is_(None))
    # By this result, or since: whoever came in by an appeal and gave the seat back is not next for it.
    since = and_(CoreSeat.left_season_id.is_(None), CoreSeat.left_at > season.published_at)
    left = select(CoreSeat.id).where(
        CoreSeat.member_id == mine, or_(CoreSeat.left_season_id == season.id, since)
    )
    query = (
        select(
            r, Member, offered.exists(), core.exists(), shut_out(), left.exists(),
            queries_floor.holds_pass(mine, now),
            queries_floor.has_violation(mine, now, season.formula.clean_days).label("violation"),
        )
        .join(Member, Member.id == mine)
        .where(r.season_id == season.id)
        .order_by(r.place)
    )  # fmt: skip
    if only is not None:
        query = query.where(only)
    rows = session.execute(query).all()
    listed = [row[0].member_id for row in rows]
    barred = groups.barred_among(session, group_id=season.group_id, member_ids=listed, now=now)
    return [
        (
            Candidate(
                row.member_id, row.place, bool(was), row.passed_at is not None, bool(sits), bool(shut),
                bool(gone), bool(holds), bool(broke), row.member_id in barred,
            ),
            row,
            member,
        )
        for row, member, was, sits, shut, gone, holds, broke in rows
    ]  # fmt: skip


def candidates(session: Session, season: Season, now: dt.datetime) -> list[Candidate]:
    """The runner-ups of a result as they are now, in order: two statements."""
    return [one for one, _row, _member in _candidates(session, season, now)]


def candidate(session: Session, season: Season, member_id: int, now: dt.datetime) -> Candidate | None:
    """One of them."""
    found = _candidates(session, season, now, RunnerUp.member_id == member_id)
    return found[0][0] if found else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A runner-up for admins; *why* they are not offered a seat, empty when they may be."""

    number: int
    name: str
    place: int
    points: int
    why: str
    passed_reason: str
    passed_by: str
    offer: SeatOffer | None


def listed(session: Session, season: Season, now: dt.datetime) -> list[Listed]:
    """The whole list with everybody's offer: three statements."""
    offers = {
        one.member_id: one
        for one in session.scalars(select(SeatOffer).where(SeatOffer.season_id == season.id))
    }
    need = season.formula.need_pass
    return [
        Listed(
            member.number or 0, member.shown_name, row.place, row.points, stands_back(one, need_pass=need),
            row.passed_reason, row.passed_by, offers.get(row.member_id),
        )
        for one, row, member in _candidates(session, season, now)
    ]  # fmt: skip


def mine(session: Session, member_id: int, now: dt.datetime) -> SeatOffer | None:
    """The offer a member can still answer."""
    query = select(SeatOffer).where(
        SeatOffer.member_id == member_id, SeatOffer.state == "open", SeatOffer.until > now
    )
    return session.scalars(query.order_by(SeatOffer.id).limit(1)).one_or_none()


def last_of(session: Session, member_id: int) -> SeatOffer | None:
    """The last offer a member had, whatever became of it."""
    query = select(SeatOffer).where(SeatOffer.member_id == member_id)
    return session.scalars(query.order_by(SeatOffer.id.desc()).limit(1)).one_or_none()


@dataclass(frozen=True, slots=True)
class CameIn:
    """Somebody who took a seat between two results."""

    member_id: int
    number: int
    name: str
    at: dt.datetime


def came_in(session: Session, season_id: int) -> list[CameIn]:
    """Who took a seat from the list of a result, in order."""
    rows = session.execute(
        select(
            Member.id, Member.number, Member.nickname, Member.name, SeatOffer.ended_at, SeatOffer.offered_at
        )
        .join(Member, Member.id == SeatOffer.member_id)
        .where(SeatOffer.season_id == season_id, SeatOffer.state == "accepted")
        .order_by(SeatOffer.ended_at, SeatOffer.id)
    )
    return [
        CameIn(ident, number or 0, nickname or name, at or since)
        for ident, number, nickname, name, at, since in rows
    ]


def due(session: Session, now: dt.datetime) -> bool:
    """Whether the sweep has anything to do: two or three cheap looks."""
    late = select(SeatOffer.id).where(SeatOffer.state == "open", SeatOffer.until <= now).limit(1)
    if session.scalar(late) is not None:
        return True
    season = decided(session)
    return season is not None and season.formula.offer_days > 0 and bool(vacated(session, season))
