"""Giving one's core seat back of one's own will, between two results."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.kernel import N_, Actor, Conflict, mail, store
from qunclub.members.models import Member

from . import services_offers
from .leaving import leave_core
from .models import CoreSeat
from .services_seats import RESIGNED, groups_of


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
        groups.leave_core(session, group_id=group_id, member_id=member_id, reason=RESIGNED, now=now)
    store.record(
        session, actor=actor, action="core.resign", target=f"member:{member_id}", now=now,
        summary=f"No. {seat.number}",
    )  # fmt: skip
    member = session.get_one(Member, member_id)
    if member.email:
        mail.send(
            session, to=member.email, template="core_resigned", locale=member.locale,
            context={"name": member.shown_name, "since": seat.joined_at.isoformat()},
            key=f"core_resigned:{seat.id}", now=now,
        )  # fmt: skip
    session.flush()
    return seat
