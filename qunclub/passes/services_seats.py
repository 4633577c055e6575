"""The seat a pass brings: asked for when it is issued, and again by whoever gave theirs up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.courses.models import Course
from qunclub.groups.models import Seat
from qunclub.kernel import N_, Conflict, NotFound

from . import rules, tickets
from .models import Pass, Plan, PlanCourse


def take(session: Session, plan: Plan, *, member_id: int, now: dt.datetime) -> Seat:
    """A seat of the plan's line, or a place on its waiting list, with the plan's priority.

    Raises:
        groups.Barred: when the member was taken out for cause.
    """
    assert plan.group_line_id is not None
    return groups.take_seat(
        session,
        line_id=plan.group_line_id,
        member_id=member_id,
        now=now,
        priority=plan.seat_priority,
        purpose=lambda: _course(session, plan),
    )


def _course(session: Session, plan: Plan) -> str:
    """What the pass is for, to a line that allocates by course: the address of its first course."""
    query = (
        select(Course.slug)
        .join(PlanCourse, PlanCourse.course_id == Course.id)
        .where(PlanCourse.plan_id == plan.id)
        .order_by(Course.position, Course.id)
        .limit(1)
    )
    return session.scalar(query) or ""


def ask_again(session: Session, *, pass_id: int, member_id: int, now: dt.datetime) -> Seat:
    """A member who gave up their seat, or let an offer go, asks for one again; asking twice is once.

    Raises:
        NotFound: when the pass is not theirs.
        Conflict: when it is over, or leads into no group.
        groups.Barred: when they were taken out for cause.
    """
    row = session.execute(
        select(Pass, Plan)
        .join(Plan, Plan.id == Pass.plan_id)
        .where(Pass.id == pass_id, Pass.member_id == member_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    held, plan = row
    if plan.group_line_id is None or held.state != "active" or rules.is_over(held, now):
        raise Conflict(N_("This pass leads into no group at the moment."))
    seat = take(session, plan, member_id=member_id, now=now)
    # Read again under the line's lock: the pass may have ended meanwhile, and then it keeps no seat.
    session.refresh(held)
    if held.state != "active":
        raise Conflict(N_("This pass leads into no group at the moment."))
    same_line = select(Plan.id).where(Plan.group_line_id == plan.group_line_id)
    session.execute(
        update(Pass)
        .where(Pass.member_id == member_id, Pass.state.in_(rules.LIVE), Pass.plan_id.in_(same_line))
        .values(seat_id=seat.id)
        .execution_options(synchronize_session="fetch")
    )
    if seat.state == "admitted":
        tickets.ensure(session, seat_id=seat.id, member_id=member_id, now=now)
    session.flush()
    return seat


def _purposes(session: Session, seat_ids: Collection[int]) -> dict[int, str]:
    """What the live passes of these seats are for: the address of the first course of each, one statement."""
    query = (
        select(Pass.seat_id, Course.slug)
        .join(PlanCourse, PlanCourse.plan_id == Pass.plan_id)
        .join(Course, Course.id == PlanCourse.course_id)
        .where(Pass.seat_id.in_(seat_ids), Pass.state.in_(rules.LIVE))
        .order_by(Course.position.desc(), Course.id.desc())
    )
    return {seat_id: slug for seat_id, slug in session.execute(query) if seat_id is not None}


groups.PURPOSES.append(_purposes)
