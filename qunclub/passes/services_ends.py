"""How a pass ends: its seat, its ticket, the tier of its member, the stock, and the mail that says why."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from qunclub import groups, members, notices
from qunclub.groups.models import GroupLine
from qunclub.kernel import Actor, NotFound, locks, signals, store
from qunclub.members.models import Member, Tier

from . import rules, tickets
from .models import Pass, PassTerm, Plan


def locked(session: Session, pass_id: int) -> tuple[Pass, Plan]:
    """A pass that may end, with its plan: both locked when it was bought, because its stock would return.

    Raises:
        NotFound: when there is no such pass.
    """
    found = session.execute(select(Pass.plan_id, Pass.source).where(Pass.id == pass_id)).one_or_none()
    if found is None:
        raise NotFound()
    bought = found.source.startswith(rules.SOLD_PREFIX)
    plan = locks.lock(session, Plan, found.plan_id) if bought else session.get_one(Plan, found.plan_id)
    return locks.lock(session, Pass, pass_id), plan


def revoke_locked(
    session: Session, held: Pass, plan: Plan, *, reason: str, now: dt.datetime, actor: Actor
) -> None:
    """Take back a pass that is not revoked yet, with every term of it; what was bought returns to the stock."""
    if held.source.startswith(rules.SOLD_PREFIX):
        plan.sold -= 1
    was = held.state
    session.execute(
        update(PassTerm)
        .where(PassTerm.pass_id == held.id, PassTerm.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session="fetch")
    )
    end(session, held, plan, "revoked", reason, now)
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


def end(session: Session, held: Pass, plan: Plan, state: str, reason: str, now: dt.datetime) -> None:
    """End a locked pass: the seat goes when no other live pass keeps it; number, points and work stay."""
    was_live = held.state in rules.LIVE
    held.state, held.ended_at, held.end_reason, held.renews = state, now, reason, False
    session.flush()
    if not was_live:
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
        .where(Pass.seat_id == held.seat_id, Pass.state.in_(rules.LIVE), Pass.id != held.id)
        .limit(1)
    )
    if another is not None:
        return
    tickets.void(session, seat_id=held.seat_id, reason=reason)
    admitted = groups.leave_seat(session, seat_id=held.seat_id, state=seat_state, reason=reason, now=now)
    for seat in admitted:
        tickets.ensure(session, seat_id=seat.id, member_id=seat.member_id, now=now)


def raise_tier(session: Session, member_id: int, tier_id: int | None) -> None:
    """Give the member the tier of a new pass, when it is higher than the one they have."""
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
        .where(Pass.member_id == member_id, Pass.state.in_(rules.LIVE))
        .order_by(Tier.rank.desc(), Tier.id)
        .limit(1)
    )
    if members.get(session, member_id).tier_id != best:
        members.set_tier(session, member_id=member_id, tier_id=best)


def _tell(session: Session, held: Pass, plan: Plan, reason: str, now: dt.datetime) -> None:
    member = session.get_one(Member, held.member_id)
    notices.letter(
        session,
        member=member.id,
        template="pass_ended",
        context={
            "name": member.shown_name,
            "plan": plan.title,
            "title": plan.title,
            "slug": plan.slug,
            "state": held.state,
            "reason": reason,
            "number": member.number,
        },
        key=f"pass_ended:{held.id}",
        source=f"pass:{held.id}",
        now=now,
    )
