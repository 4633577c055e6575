"""A core seat that ends between two results: given back of one's own will, or taken by an admin for a violation."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, notices
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, locks, store
from qunclub.members.models import Member

from . import services_offers, signs
from .leaving import leave_core
from .models import CoreSeat
from .services_seats import IN_WORDS, REMOVED, RESIGNED, groups_of


def resign(session: Session, *, member_id: int, actor: Actor, now: dt.datetime) -> CoreSeat:
    """Give the seat back, and the seat in the core group's own group with it; it is offered to the next.

    Raises:
        Conflict: for whoever does not sit in the core, and while a season is being decided.
    """
    # In the order in which everybody locks: seasons, seats, the group's line.
    services_offers.lock_core(session)
    seat = session.scalars(
        select(CoreSeat).where(CoreSeat.member_id == member_id, CoreSeat.left_at.is_(None))
    ).one_or_none()
    if seat is None:
        raise Conflict(N_("You do not sit in the core group, so there is no seat to give back."))
    leave_core(session, member_id=member_id, now=now, reason=RESIGNED)
    for group_id in groups_of(session, member_id):
        groups.leave_core(session, group_id=group_id, member_id=member_id, reason=IN_WORDS[RESIGNED], now=now)
    store.record(
        session, actor=actor, action="core.resign", target=f"member:{member_id}", now=now,
        summary=f"No. {seat.number}",
    )  # fmt: skip
    member = session.get_one(Member, member_id)
    notices.letter(
        session, member=member.id, template="core_resigned",
        context={"name": member.shown_name, "since": seat.joined_at.isoformat()},
        key=f"core_resigned:{seat.id}", now=now,
    )  # fmt: skip
    session.flush()
    return seat


def dismiss(session: Session, *, number: int | None, reason: str, actor: Actor, now: dt.datetime) -> CoreSeat:
    """End somebody's core seat for a violation, with a reason they read; it is offered to the next.

    Raises:
        Invalid: on ``number``, when nobody of the core has it; on ``reason``, without one or with too long a one.
        Forbidden: about oneself, or for who stands on the list of who is next.
    """
    services_offers.lock_core(session)
    words = " ".join(reason.split())
    seat = session.scalars(
        select(CoreSeat).where(CoreSeat.number == (number or 0), CoreSeat.left_at.is_(None))
    ).one_or_none()
    if seat is None:
        raise Invalid(N_("Nobody in the core group has this number."), field="number")
    if not words or len(words) > services_offers.MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; the member reads it."),
            field="reason",
            most=services_offers.MOST_WORDS,
        )
    if actor.member_id == seat.member_id:
        raise Forbidden(N_("This is about yourself."), how=N_("Another admin decides it."))
    if services_offers.stands_on_the_list(session, actor.member_id):
        raise Forbidden(
            N_("You stand on this list yourself, so this is about you too."),
            how=N_("Another admin decides it."),
        )
    seat = locks.lock(session, CoreSeat, seat.id)
    seat.left_at, seat.left_reason = now, REMOVED
    session.flush()
    signs.ended(session, seat)
    for group_id in groups_of(session, seat.member_id):
        groups.leave_core(
            session, group_id=group_id, member_id=seat.member_id, reason=IN_WORDS[REMOVED], now=now
        )
    store.record(
        session, actor=actor, action="core.dismiss", target=f"member:{seat.member_id}", now=now,
        summary=f"No. {seat.number}", details={"reason": words},
    )  # fmt: skip
    member = session.get_one(Member, seat.member_id)
    notices.letter(
        session, member=member.id, template="core_dismissed",
        context={"name": member.shown_name, "reason": words}, key=f"core_dismissed:{seat.id}", now=now,
    )  # fmt: skip
    session.flush()
    return seat
