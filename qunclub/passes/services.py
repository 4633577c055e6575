"""Passes: issued exactly once per source, revoked, expired; with them the number, the tier, the seat and the ticket."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from qunclub import groups, members, points
from qunclub.kernel import N_, Actor, Conflict, NotFound, signals, store

from . import rules, services_ends, services_seats, tickets
from .models import Pass, PassTerm, Plan

EXPIRED = N_("Your pass has expired.")


def issue(
    session: Session,
    *,
    member_id: int,
    plan_id: int,
    source: str,
    now: dt.datetime,
    actor: Actor,
    ends_at: dt.datetime | None = None,
    grace_until: dt.datetime | None = None,
    renews: bool = False,
) -> Pass:
    """Give the member a pass of the plan: with it number, tier, seat (or waiting place), ticket and a first term.

    *source* names what paid for it; the same source again gives the pass that is there. Locks, in order: the group
    line, the member, the number's counter.

    Args:
        ends_at: the end of the time paid for; as the plan says when None.
        grace_until: until when it stays open although a renewal is late.
        renews: whether it is charged again by itself.
    """
    known = session.scalars(
        select(Pass).join(PassTerm, PassTerm.pass_id == Pass.id).where(PassTerm.source == source)
    ).one_or_none()
    if known is not None:
        return known
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound()
    seat = None
    if plan.group_line_id is not None:
        try:
            seat = services_seats.take(session, plan, member_id=member_id, now=now)
        except groups.Barred:
            # What was paid for opens all the same: only the seat does not come with it. Pages say so before paying.
            seat = None
    members.allocate_number(session, member_id=member_id, now=now)
    held = Pass(
        member_id=member_id,
        plan_id=plan.id,
        seat_id=seat.id if seat else None,
        source=source,
        state="active",
        starts_at=now,
        ends_at=ends_at if ends_at is not None else rules.end_of(plan, now),
        grace_until=grace_until,
        renews=renews,
    )
    session.add(held)
    session.flush()
    session.add(PassTerm(pass_id=held.id, source=source, starts_at=now, ends_at=held.ends_at))
    if seat is not None and seat.state == "admitted":
        tickets.ensure(session, seat_id=seat.id, member_id=member_id, now=now)
    services_ends.raise_tier(session, member_id, plan.tier_id)
    earned = points.Award(member_id, "pass_issued", f"pass:{held.id}:issued")
    points.award_many(session, [earned], now=now, actor=actor)
    session.flush()
    signals.after_commit(session, signals.pass_issued, pass_id=held.id, member_id=member_id, plan_id=plan.id)
    return held


def revoke(session: Session, *, pass_id: int, reason: str, now: dt.datetime, actor: Actor) -> Pass:
    """End a pass and all its terms. The seat goes when no other live pass keeps it; number, points and work stay.

    Locks, in order: the plan (when it was bought: its stock returns), the pass, the group line.
    """
    held, plan = services_ends.locked(session, pass_id)
    if held.state != "revoked":
        services_ends.revoke_locked(session, held, plan, reason=reason, now=now, actor=actor)
    return held


def expire_due(session: Session, now: dt.datetime, limit: int = 100) -> list[Pass]:
    """End passes whose time, with its days of grace, is up, at most *limit*; returns them."""
    due = session.execute(
        select(Pass, Plan)
        .join(Plan, Plan.id == Pass.plan_id)
        .where(
            Pass.state == "active",
            Pass.ends_at <= now,
            or_(Pass.grace_until.is_(None), Pass.grace_until <= now),
        )
        .order_by(Plan.group_line_id, Pass.id)
        .limit(limit)
        .with_for_update(of=Pass, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for held, plan in due:
        services_ends.end(session, held, plan, "expired", EXPIRED, now)
    return [held for held, _ in due]


def give(
    session: Session, *, member_id: int, plan_id: int, key: str, reason: str, actor: Actor, now: dt.datetime
) -> Pass:
    """Issue a pass as a gift of the club: no order, no stock; audited. The same *key* is one gift."""
    held = issue(
        session, member_id=member_id, plan_id=plan_id, source=f"gift:{key}"[:80], now=now, actor=actor
    )
    if held.member_id != member_id or held.plan_id != plan_id:
        raise Conflict(N_("This was sent already, for another member or pass."))
    store.record(
        session,
        actor=actor,
        action="pass.give",
        target=f"pass:{held.id}",
        now=now,
        details={"member_id": member_id, "plan_id": plan_id, "reason": reason},
    )
    return held
