"""Passes: issued exactly once per source, revoked, expired; with them the number, the tier, the seat and the ticket."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from qunclub import groups, members, points
from qunclub.groups.models import GroupLine
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, mail, signals, store
from qunclub.members.models import Member, Tier

from . import rules, tickets
from .models import Pass, Plan


def issue(
    session: Session, *, member_id: int, plan_id: int, source: str, now: dt.datetime, actor: Actor
) -> Pass:
    """Give the member a pass of the plan: with it number, tier, seat (or waiting place) and ticket.

    *source* names what paid for it; the same source again gives the pass that is there. Locks, in order: the group
    line, the member, the number's counter.
    """
    known = session.scalars(select(Pass).where(Pass.source == source)).one_or_none()
    if known is not None:
        return known
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound()
    seat = None
    if plan.group_line_id is not None:
        seat = groups.take_seat(session, line_id=plan.group_line_id, member_id=member_id, now=now)
    members.allocate_number(session, member_id=member_id, now=now)
    held = Pass(
        member_id=member_id,
        plan_id=plan.id,
        seat_id=seat.id if seat else None,
        source=source,
        state="active",
        starts_at=now,
        ends_at=rules.ends_at(now, plan.validity_days),
    )
    session.add(held)
    session.flush()
    if seat is not None and seat.state == "admitted":
        tickets.ensure(session, seat_id=seat.id, member_id=member_id, now=now)
    _raise_tier(session, member_id, plan.tier_id)
    earned = points.Award(member_id, "pass_issued", f"pass:{held.id}:issued")
    points.award_many(session, [earned], now=now, actor=actor)
    signals.after_commit(session, signals.pass_issued, pass_id=held.id, member_id=member_id, plan_id=plan.id)
    return held


def revoke(session: Session, *, pass_id: int, reason: str, now: dt.datetime, actor: Actor) -> Pass:
    """End a pass. The seat goes when no other active pass keeps it; number, points and work stay.

    Locks, in order: the plan (when it was bought: its stock returns), the pass, the group line.
    """
    found = session.execute(select(Pass.plan_id, Pass.source).where(Pass.id == pass_id)).one_or_none()
    if found is None:
        raise NotFound()
    bought = found.source.startswith(rules.SOLD_PREFIX)
    plan = locks.lock(session, Plan, found.plan_id) if bought else session.get_one(Plan, found.plan_id)
    held = locks.lock(session, Pass, pass_id)
    if held.state == "revoked":
        return held
    if bought:
        plan.sold -= 1
    was = held.state
    _end(session, held, plan, "revoked", reason, now)
    store.record(
        session,
        actor=actor,
        action="pass.revoke",
        target=f"pass:{held.id}",
        now=now,
        summary=plan.title,
        details={"member_id": held.member_id, "plan_id": plan.id, "reason": reason, "was": was},
    )
    signals.after_commit(
        session, signals.pass_revoked, pass_id=held.id, member_id=held.member_id, plan_id=plan.id
    )
    return held


def expire_due(session: Session, now: dt.datetime, limit: int = 100) -> list[Pass]:
    """End passes whose time is up, at most *limit*; returns them."""
    due = session.execute(
        select(Pass, Plan)
        .join(Plan, Plan.id == Pass.plan_id)
        .where(Pass.state == "active", Pass.ends_at <= now)
        .order_by(Plan.group_line_id, Pass.id)
        .limit(limit)
        .with_for_update(of=Pass, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for held, plan in due:
        _end(session, held, plan, "expired", N_("Your pass has expired."), now)
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


def _end(session: Session, held: Pass, plan: Plan, state: str, reason: str, now: dt.datetime) -> None:
    was_active = held.state == "active"
    held.state, held.ended_at, held.end_reason = state, now, reason
    session.flush()
    if not was_active:
        return
    if held.seat_id is not None:
        _give_up_seat(session, held, plan, "left" if state == "expired" else "removed", reason, now)
    _work_out_tier(session, held.member_id)
    _tell(session, held, plan, reason, now)


def _give_up_seat(
    session: Session, held: Pass, plan: Plan, seat_state: str, reason: str, now: dt.datetime
) -> None:
    assert held.seat_id is not None
    if plan.group_line_id is not None:
        # Before looking for other passes: two that share the seat may end at the same moment.
        locks.lock(session, GroupLine, plan.group_line_id)
    another = session.scalar(
        select(Pass.id)
        .where(Pass.seat_id == held.seat_id, Pass.state == "active", Pass.id != held.id)
        .limit(1)
    )
    if another is not None:
        return
    tickets.void(session, seat_id=held.seat_id, reason=reason)
    admitted = groups.leave_seat(session, seat_id=held.seat_id, state=seat_state, reason=reason, now=now)
    for seat in admitted:
        tickets.ensure(session, seat_id=seat.id, member_id=seat.member_id, now=now)


def _raise_tier(session: Session, member_id: int, tier_id: int | None) -> None:
    if tier_id is None:
        return
    present = select(Member.tier_id).where(Member.id == member_id).scalar_subquery()
    rows = session.execute(select(Tier.id, Tier.rank).where(or_(Tier.id == tier_id, Tier.id == present)))
    ranks: dict[int, int] = {ident: rank for ident, rank in rows}
    # One row: the member has no tier yet, or this very one.
    if max(ranks, key=lambda ident: (ranks[ident], ident != tier_id)) == tier_id:
        members.set_tier(session, member_id=member_id, tier_id=tier_id)


def _work_out_tier(session: Session, member_id: int) -> None:
    best = session.scalar(
        select(Tier.id)
        .join(Plan, Plan.tier_id == Tier.id)
        .join(Pass, Pass.plan_id == Plan.id)
        .where(Pass.member_id == member_id, Pass.state == "active")
        .order_by(Tier.rank.desc(), Tier.id)
        .limit(1)
    )
    if members.get(session, member_id).tier_id != best:
        members.set_tier(session, member_id=member_id, tier_id=best)


def _tell(session: Session, held: Pass, plan: Plan, reason: str, now: dt.datetime) -> None:
    member = session.get_one(Member, held.member_id)
    if not member.email:
        return
    mail.send(
        session,
        to=member.email,
        template="pass_ended",
        context={
            "name": member.shown_name,
            "plan": plan.title,
            "slug": plan.slug,
            "state": held.state,
            "reason": reason,
            "number": member.number,
        },
        locale=member.locale,
        key=f"pass_ended:{held.id}",
        now=now,
    )
