"""Leave (请假): a core member steps back for one season and keeps the seat; asked for up to its middle, counted."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, locks, store
from qunclub.members.models import Member

from .models import CoreSeat, Season, SeasonLeave

MOST_WORDS = 500
ASKED_IN = ("announced", "open")
"""Whoever knows that they will be away need not wait until the season begins."""


def leave_until(season: Season) -> dt.datetime:
    """Until when leave can be asked for and given back: the middle of the season, before anybody knows how it ends."""
    return season.starts_at + (season.ends_at - season.starts_at) / 2


def late(season: Season, now: dt.datetime) -> bool:
    """Whether leave can no longer be asked for or given back."""
    return season.state not in ASKED_IN or now >= leave_until(season)


def on_leave(session: Session, season_id: int, member_id: int) -> SeasonLeave | None:
    """A member's leave in a season."""
    query = select(SeasonLeave).where(SeasonLeave.season_id == season_id, SeasonLeave.member_id == member_id)
    return session.scalars(query).one_or_none()


def leaves_left(session: Session, season: Season, member_id: int) -> int:
    """For how many seasons a member may still take leave by this season's formula; 0 when they are not core."""
    since = session.scalar(
        select(CoreSeat.joined_at).where(CoreSeat.member_id == member_id, CoreSeat.left_at.is_(None))
    )
    if since is None:
        return 0
    taken = session.scalar(
        select(func.count()).where(SeasonLeave.member_id == member_id, SeasonLeave.asked_at >= since)
    )
    return max(0, season.formula.leaves - (taken or 0))


def ask_leave(
    session: Session, *, season_id: int, member_id: int, reason: str, actor: Actor, now: dt.datetime
) -> SeasonLeave:
    """Take leave for a season; asking again changes nothing.

    Raises:
        Invalid: on ``reason``, without one or with too long a one.
        Conflict: when the formula has no leave (any more), the middle of the season is past, or they are not core.
    """
    season = _running(session, season_id, now)
    held = on_leave(session, season_id, member_id)
    if held is not None:
        return held
    words = " ".join(reason.split())
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; admins read it."),
            field="reason",
            most=MOST_WORDS,
        )
    seat = session.scalar(
        select(CoreSeat.id).where(CoreSeat.member_id == member_id, CoreSeat.left_at.is_(None))
    )
    if seat is None:
        raise Conflict(N_("Leave is for members of the core group."))
    # Their seat's row: leave in two seasons at once is counted one after the other.
    locks.lock(session, CoreSeat, seat)
    if leaves_left(session, season, member_id) < 1:
        raise Conflict(N_("By this season's formula you have no leave left."))
    made = SeasonLeave(season_id=season_id, member_id=member_id, reason=words, asked_at=now)
    session.add(made)
    session.flush()
    _record(session, season, member_id, "season.leave", words, actor, now)
    return made


def end_leave(session: Session, *, season_id: int, member_id: int, actor: Actor, now: dt.datetime) -> None:
    """Come back from leave, which then counts as not taken; nothing happens without one.

    Raises:
        Conflict: when the middle of the season is past: the leave is taken then.
    """
    season = _running(session, season_id, now)
    held = on_leave(session, season_id, member_id)
    if held is None:
        return
    session.delete(held)
    session.flush()
    _record(session, season, member_id, "season.leave_end", held.reason, actor, now)


def _running(session: Session, season_id: int, now: dt.datetime) -> Season:
    season = locks.lock(session, Season, season_id)
    if late(season, now):
        raise Conflict(
            N_(
                "Leave is asked for and given back until the middle of a season; ask an admin if life came between."
            )
        )
    return season


def forget_season(session: Session, season: Season, *, now: dt.datetime) -> None:
    """The announcement is withdrawn: leave taken for it counts as not taken, and whoever took it is told.

    Called under the season's lock.
    """
    taken = (
        select(SeasonLeave, Member)
        .join(Member, Member.id == SeasonLeave.member_id)
        .where(SeasonLeave.season_id == season.id)
        .order_by(SeasonLeave.id)
    )
    for held, member in session.execute(taken).all():
        session.delete(held)
        notices.letter(
            session, member=member.id, template="season_withdrawn",
            context={"name": member.shown_name, "season": season.name, "reason": season.withdrawn_note},
            key=f"season_withdrawn:{held.id}", now=now,
        )  # fmt: skip
    session.flush()


def _record(
    session: Session, season: Season, member_id: int, action: str, reason: str, actor: Actor, now: dt.datetime
) -> None:
    store.record(
        session, actor=actor, action=action, target=f"season:{season.id}", now=now, summary=season.name,
        details={"member_id": member_id, "reason": reason},
    )  # fmt: skip


def away(session: Session, season_id: int) -> list[tuple[int, str, str, dt.datetime]]:
    """Who is on leave in a season: number, name, reason, since when."""
    rows = session.execute(
        select(Member.number, Member.nickname, Member.name, SeasonLeave.reason, SeasonLeave.asked_at)
        .join(Member, Member.id == SeasonLeave.member_id)
        .where(SeasonLeave.season_id == season_id)
        .order_by(Member.number)
    )
    return [(number or 0, nickname or name, reason, at) for number, nickname, name, reason, at in rows]
