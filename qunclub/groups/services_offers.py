"""What members do with their own seats: take an offer or decline it, leave; and offers whose time is up."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices, points
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from . import services, services_welcome
from .changes import changed
from .models import GroupLine, Seat

DECLINED = N_("The offered seat was declined.")
UNANSWERED = N_("The offer of a seat was not answered in time.")
LEFT = N_("The member left the group.")
LEFT_LIST = N_("The member left the waiting list.")
HIGHEST = 9


def accept_offer(session: Session, *, seat_id: int, member_id: int, now: dt.datetime) -> Seat:
    """Take the seat that is kept for the member; taking it twice is once.

    Raises:
        NotFound: when it is not theirs.
        Conflict: when the offer has ended.
    """
    seat = _mine(session, seat_id, member_id)
    if seat.state == "admitted":
        return seat
    if seat.state != "offered" or seat.offered_until is None or seat.offered_until <= now:
        raise Conflict(N_("This offer has ended. The seat went to the next who waits."))
    seat.state, seat.admitted_at, seat.stirred_at, seat.offered_until = "admitted", now, now, None
    if seat.group_id is not None:
        points.look_again(session, scope=points.group_scope(seat.group_id), member_ids=[member_id])
    session.flush()
    changed(session, seat, "admitted", now)
    services_welcome.newcomers(session, line_id=seat.line_id, member_ids=[member_id], now=now)
    return seat


def decline_offer(session: Session, *, seat_id: int, member_id: int, now: dt.datetime) -> Seat:
    """Give the offered seat to the next who waits; the member leaves the list.

    Raises:
        NotFound: when it is not theirs.
        Conflict: when there is no offer.
    """
    seat = _mine(session, seat_id, member_id)
    if seat.state != "offered":
        raise Conflict(N_("There is no offer to decline."))
    services.leave_seat(session, seat_id=seat.id, state="left", reason=DECLINED, now=now)
    return seat


def leave(session: Session, *, seat_id: int, member_id: int, now: dt.datetime) -> Seat:
    """The member gives up their seat or their place on the list; their pass and courses stay.

    Raises:
        NotFound: when it is not theirs.
        Conflict: when it has ended already, or is a seat of a core group, which seasons decide on.
    """
    seat = _mine(session, seat_id, member_id)
    if seat.state not in services.LIVE:
        raise Conflict(N_("This seat has ended already."))
    if session.get_one(GroupLine, seat.line_id).kind == "core":
        raise Conflict(N_("The core group is left on its own page."))
    reason = LEFT_LIST if seat.state == "waiting" else LEFT
    services.leave_seat(session, seat_id=seat.id, state="left", reason=reason, now=now)
    return seat


def set_priority(
    session: Session, *, seat_id: int, priority: int, reason: str, actor: Actor, now: dt.datetime
) -> Seat:
    """An admin lets somebody on the waiting list come sooner (or again in turn); audited with the reason.

    Raises:
        NotFound, Conflict: when there is no such place, or it has ended.
        Invalid: for a priority out of range.
    """
    if not 0 <= priority <= HIGHEST:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."), field="priority", least=0, most=HIGHEST
        )
    line_id = session.scalar(select(Seat.line_id).where(Seat.id == seat_id))
    if line_id is None:
        raise NotFound()
    locks.lock(session, GroupLine, line_id)
    seat = session.get_one(Seat, seat_id, populate_existing=True)
    if seat.state != "waiting":
        raise Conflict(N_("Only who waits has a place on the list."))
    before, seat.turn = -seat.turn, -priority
    store.record(
        session,
        actor=actor,
        action="seat.priority",
        target=f"seat:{seat.id}",
        now=now,
        details={"member_id": seat.member_id, "before": before, "after": priority, "reason": reason},
    )
    session.flush()
    return seat


def expire_offers(session: Session, *, now: dt.datetime, limit: int = 50) -> int:
    """End offers whose time is up, at most *limit*; their seats go to the next. Returns how many were looked at."""
    due = session.execute(
        select(Seat.id, Seat.line_id)
        .where(Seat.offered_until <= now)
        .order_by(Seat.offered_until, Seat.id)
        .limit(limit)
    ).all()
    for seat_id, line_id in sorted(due, key=lambda row: (row.line_id, row.id)):
        line = locks.lock(session, GroupLine, line_id)
        seat = session.get_one(Seat, seat_id, populate_existing=True)
        if seat.state != "offered" or seat.offered_until is None or seat.offered_until > now:
            continue
        until = seat.offered_until
        services.leave_seat(session, seat_id=seat.id, state="left", reason=UNANSWERED, now=now)
        member = session.get_one(Member, seat.member_id)
        notices.letter(
            session,
            member=member.id,
            template="seat_offer_over",
            context={"name": member.shown_name, "line": line.name, "slug": line.slug},
            key=f"seat_offer_over:{seat.id}:{until.isoformat()}",
            now=now,
        )
    return len(due)


def _mine(session: Session, seat_id: int, member_id: int) -> Seat:
    """The member's own seat, under its line's lock."""
    row = session.execute(select(Seat.line_id, Seat.member_id).where(Seat.id == seat_id)).one_or_none()
    if row is None or row.member_id != member_id:
        raise NotFound()
    locks.lock(session, GroupLine, row.line_id)
    return session.get_one(Seat, seat_id, populate_existing=True)
