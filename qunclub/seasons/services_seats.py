"""Core seats that end between two closings: suspended, refunded, taken out of the group, left the club.

Groups, passes and members stand below and know no core seats, so a sweep looks every minute, and so does freezing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group, Seat
from qunclub.kernel import N_, Actor, locks, store
from qunclub.members import ERASED
from qunclub.members.models import Member
from qunclub.passes.models import Pass

from . import signs
from .models import CoreSeat, Season

LEFT_CLUB, SUSPENDED, REFUNDED, REMOVED = "left_club", "suspended", "refunded", "removed"
RESIGNED = "resigned"
DEPARTURES = (LEFT_CLUB, SUSPENDED, REFUNDED, REMOVED, RESIGNED)
IN_WORDS = {
    LEFT_CLUB: N_("The member left the club."),
    SUSPENDED: N_("The membership is suspended."),
    REFUNDED: N_("The pass behind the core seat has ended."),
    REMOVED: N_("The core seat has ended."),
    RESIGNED: N_("The core seat was given back."),
}
SWEEPER = Actor.system("core seats")


def shut_out() -> Any:
    """SQL over ``Member``: suspended, or no member any more."""
    return or_(Member.suspended_at.is_not(None), Member.user_key.startswith(ERASED, autoescape=True))


def _core_group(session: Session) -> int | None:
    """The group in which the last decided season seated the core."""
    return session.scalar(
        select(Season.group_id)
        .where(Season.state.in_(("published", "closed")))
        .order_by(Season.starts_at.desc())
        .limit(1)
    )


def to_end(session: Session) -> list[tuple[int, int, str]]:
    """Core seats (id, member) that should have ended, and why: one statement over the core's few seats."""
    group_id = _core_group(session)
    s, p = Seat, Pass
    in_group = and_(s.member_id == CoreSeat.member_id, s.group_id == group_id)
    ended = and_(s.state.in_(("removed", "left")), s.ended_at >= CoreSeat.joined_at)
    removed = select(s.id).where(in_group, ended).exists()
    sits = select(s.id).where(in_group, s.state == "admitted").exists()
    mine = p.member_id == CoreSeat.member_id
    revoked = select(p.id).where(mine, p.state == "revoked", p.ended_at >= CoreSeat.joined_at).exists()
    holds = select(p.id).where(mine, p.state.in_(("active", "suspended"))).exists()
    why = case(
        (Member.user_key.startswith(ERASED, autoescape=True), literal(LEFT_CLUB)),
        (Member.suspended_at.is_not(None), literal(SUSPENDED)),
        (revoked & ~holds, literal(REFUNDED)),
        *([(removed & ~sits, literal(REMOVED))] if group_id is not None else []),
        else_=literal(""),
    )
    rows = session.execute(
        select(CoreSeat.id, CoreSeat.member_id, why)
        .join(Member, Member.id == CoreSeat.member_id)
        .where(CoreSeat.left_at.is_(None), why != "")
        .order_by(CoreSeat.id)
    )
    return [(ident, member, reason) for ident, member, reason in rows]


def settle(session: Session, *, now: dt.datetime) -> int:
    """End the core seats whose members may not keep them, with their seats in the core group; how many ended.

    While a season is frozen they end too: publishing sees that they are gone and seats nobody in vain.
    """
    if not to_end(session):
        return 0
    # Freezing and publishing take the same locks: they see all of it or nothing.
    going = select(Season.id).where(Season.state.in_(("open", "frozen")))
    # And offers and appeals, which the last result's season orders when none runs.
    last = select(Season.id).where(Season.state.in_(("published", "closed")))
    last = last.order_by(Season.starts_at.desc()).limit(1)
    for season_id in sorted({*session.scalars(going), *session.scalars(last)}):
        locks.lock(session, Season, season_id)
    return end_due(session, now=now)


def end_due(session: Session, *, now: dt.datetime) -> int:
    """The same for who holds the season's lock already."""
    ended = 0
    for ident, member_id, reason in to_end(session):
        seat = locks.lock(session, CoreSeat, ident)
        if seat.left_at is not None:
            continue
        seat.left_at, seat.left_reason = now, reason
        session.flush()
        signs.ended(session, seat)
        for group_id in groups_of(session, member_id):
            groups.leave_core(
                session, group_id=group_id, member_id=member_id, reason=IN_WORDS[reason], now=now
            )
        store.record(
            session, actor=SWEEPER, action="core.leave", target=f"member:{member_id}", now=now,
            summary=f"No. {seat.number}", details={"reason": reason},
        )  # fmt: skip
        ended += 1
    return ended


def groups_of(session: Session, member_id: int) -> list[int]:
    """Groups of seasons in which they sit."""
    of_seasons = select(Season.group_id).where(Season.group_id.is_not(None))
    query = (
        select(Group.id)
        .join(Seat, Seat.group_id == Group.id)
        .where(Seat.member_id == member_id, Seat.state == "admitted", Group.id.in_(of_seasons))
    )
    return list(session.scalars(query.order_by(Group.id)))


def left_since(session: Session, season: Season) -> set[int]:
    """Whose core seat ended between the freeze and now, not by a closing."""
    if season.frozen_at is None:
        return set()
    query = select(CoreSeat.member_id).where(
        CoreSeat.left_season_id.is_(None),
        CoreSeat.left_at >= season.frozen_at,
        CoreSeat.left_reason.in_(DEPARTURES),
    )
    return set(session.scalars(query))


def shut_among(session: Session, member_ids: list[int]) -> set[int]:
    """Who of these is suspended or no member any more."""
    return set(session.scalars(select(Member.id).where(Member.id.in_(member_ids), shut_out())))


def barred_among(session: Session, season: Season, member_ids: list[int]) -> set[int]:
    """Who of these was taken out for cause and may take no seat in the core group when the season is decided."""
    if season.frozen_at is None:
        return set()
    return groups.barred_among(session, group_id=season.group_id, member_ids=member_ids, now=season.frozen_at)


def core_size(session: Session) -> int:
    """How many sit in the core."""
    return session.scalar(select(func.count()).where(CoreSeat.left_at.is_(None))) or 0
