"""Leaving the club: what it would do, shown before, and doing it in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import (
    board,
    chats,
    contests,
    courses,
    groups,
    homework,
    house,
    levels,
    members,
    notices,
    orders,
    passes,
    projects,
    rewards,
)
from qunclub.groups.models import Seat
from qunclub.homework.models import Attempt, ShowcaseEntry, Submission, SubmissionFile
from qunclub.homework.queries_teams import works_of
from qunclub.kernel import N_, Actor, Conflict, mail, outbox
from qunclub.members.rules import NAMELESS
from qunclub.orders.models import Order, OrderEvent
from qunclub.passes import tickets
from qunclub.passes.models import Pass, Plan
from qunclub.seasons import services_appeals as season_appeals
from qunclub.seasons import services_offers as seats_offers
from qunclub.seasons.leaving import leave_core
from qunclub.seasons.queries import is_core
from qunclub.seasons.services_notices import forget_notices
from qunclub.seasons.services_profile import forget_profile
from qunclub.web.state import ClubState

REASON = "The member left the club."


@dataclass(frozen=True, slots=True)
class Effects:
    """What leaving does, in numbers and titles."""

    number: int | None
    passes: list[str]
    groups: list[str]
    works: int
    files: int
    shown: int
    orders: int
    pending: int
    memberships: int
    core: bool
    in_need: bool
    admin: bool

    @property
    def may_leave(self) -> bool:
        """Whether nothing stands in the way."""
        return not (self.in_need or self.admin)


def effects(session: Session, member_id: int) -> Effects:
    """What leaving would do, in a constant number of statements."""
    member = members.get(session, member_id)
    titles = session.scalars(
        select(Plan.title)
        .join(Pass, Pass.plan_id == Plan.id)
        .where(Pass.member_id == member_id, Pass.state.in_(("active", "suspended")))
        .order_by(Pass.id)
    )
    states: dict[str, int] = {
        state: count
        for state, count in session.execute(
            select(Order.state, func.count()).where(Order.member_id == member_id).group_by(Order.state)
        )
    }
    mine = select(Submission.id).where(Submission.id.in_(works_of(member_id)))
    works, files, shown = session.execute(
        select(
            select(func.count()).select_from(mine.subquery()).scalar_subquery(),
            select(func.count(SubmissionFile.id))
            .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
            .where(Attempt.submission_id.in_(mine))
            .scalar_subquery(),
            select(func.count(ShowcaseEntry.id))
            .where(ShowcaseEntry.submission_id.in_(mine), ShowcaseEntry.consented_at.is_not(None))
            .scalar_subquery(),
        )
    ).one()
    return Effects(
        number=member.number,
        passes=list(titles),
        groups=[
            seat.group.name if seat.group else seat.line.name for seat in groups.my_seats(session, member_id)
        ],
        works=works,
        files=files,
        shown=shown,
        orders=sum(states.values()),
        pending=states.get("pending", 0),
        memberships=orders.renewing(session, member_id=member_id),
        core=is_core(session, member_id),
        in_need=orders.unsettled(session, member_id=member_id),
        admin="admin" in member.roles,
    )


def leave(
    session: Session,
    *,
    actor: Actor,
    member_id: int,
    now: dt.datetime,
    close_account: Callable[[Session], None] | None = None,
) -> None:
    """Leave the club: access ends, what tells of the person is taken away, number, points and books stay.

    Raises:
        Conflict: for an admin, while an order needs an admin's hand, or while a season is being decided.
    """
    member = members.get(session, member_id)
    address, names = member.email, {member.name, member.shown_name}
    # What is written down from here on is written without a name.
    actor = replace(actor, name=NAMELESS, email="")
    if orders.unsettled(session, member_id=member_id):
        raise Conflict(
            N_("One of your orders still needs the hand of an admin: money of yours is not settled.")
        )
    pending = select(Order.code).where(Order.member_id == member_id, Order.state == "pending")
    for code in session.scalars(pending).all():
        orders.cancel(session, order_code=code, now=now, actor=actor)
    # What was earned by now is given while the order is whole.
    rewards.forget(session, member_id=member_id, actor=actor, now=now)
    # Before their passes: a membership is locked first.
    orders.end_memberships(session, member_id=member_id, now=now, actor=actor)
    kept = Pass.state.in_(("active", "suspended"))
    held = select(Pass.id).where(Pass.member_id == member_id, kept).order_by(Pass.id)
    for pass_id in session.scalars(held).all():
        passes.revoke(session, pass_id=pass_id, reason=REASON, now=now, actor=actor)
    leave_core(session, member_id=member_id, now=now)
    forget_profile(session, member_id=member_id)
    groups.forget_introductions(session, member_id=member_id)
    seats_offers.forget(session, member_id=member_id, now=now)
    season_appeals.forget(session, member_id=member_id, now=now)
    forget_notices(session, member_id=member_id)
    # After the core: the path follows it.
    levels.forget(session, member_id=member_id, now=now, actor=actor)
    live = select(Seat.id).where(Seat.member_id == member_id, Seat.state.in_(groups.LIVE))
    for seat_id in session.scalars(live.order_by(Seat.id)).all():
        passes.tickets.void(session, seat_id=seat_id, reason=REASON)
        for seat in groups.leave_seat(session, seat_id=seat_id, state="left", reason=REASON, now=now):
            passes.tickets.ensure(session, seat_id=seat.id, member_id=seat.member_id, now=now)
    groups.forget_host(session, member_id)
    groups.forget_moves(session, member_id)
    groups.forget_splits(session, member_id)
    groups.forget_spin_offs(session, member_id)
    passes.forget_checks(session, member_id)
    # After their seats: who is to be put out of which chat is written by now.
    chats.forget(session, member_id=member_id, now=now)
    courses.forget(session, member_id=member_id, now=now)
    house.forget(session, member_id=member_id, now=now)
    works = homework.forget(session, member_id=member_id, now=now)
    works += projects.forget(session, member_id=member_id, now=now)
    for key in (*works, *contests.forget(session, member_id=member_id, now=now)):
        outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)
    orders.forget_code(session, member_id=member_id)
    for key in board.forget(session, member_id=member_id, now=now):
        outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)
    for key in orders.forget_papers(session, member_id=member_id):
        outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)
    mine = select(Order.id).where(Order.member_id == member_id)
    session.execute(update(Order).where(Order.member_id == member_id).values(email=""))
    session.execute(
        update(OrderEvent)
        .where(OrderEvent.order_id.in_(mine), OrderEvent.actor.in_(names))
        .values(actor=NAMELESS)
    )
    tickets.forget_host(session, member_id=member_id, names=names, nameless=NAMELESS)
    # Last of the rooms, so that what the verbs above told goes too.
    notices.forget(session, member_id=member_id)
    members.erase(session, member_id=member_id, now=now)
    if close_account is not None:
        close_account(session)
    if address:
        # Last, so that what the verbs above wrote to this address goes too.
        mail.forget(session, to=address)


def delete_file(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Carry out the deletion of one file; deleting what is gone is fine."""
    state.files.delete(payload["storage_key"])
