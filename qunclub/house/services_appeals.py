"""Appeals against sanctions: once, within the time, answered by an admin who has not set it and has not reported it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.groups.models import Group
from qunclub.kernel import N_, Actor, Conflict, Forbidden, NotFound, Stale, locks, store
from qunclub.members.models import Member

from . import rules_ladder, services_reports, services_sanctions
from .models import OVERTURNED, Sanction, SanctionAppeal
from .services_quiet import checked_reason


def open_appeal(
    session: Session, *, sanction_id: int, member_id: int, reason: str, now: dt.datetime
) -> SanctionAppeal:
    """Ask for another look at one's own sanction.

    Raises:
        NotFound: for another's.
        Invalid: without a reason.
        Conflict: when it was taken back, appealed before, or the time for it is over.
    """
    line = session.get(Sanction, sanction_id)
    if line is None or line.member_id != member_id or line.kind == OVERTURNED:
        raise NotFound()
    text = checked_reason(reason, most=rules_ladder.MOST_REASON)
    # Overturning takes the same lock: an appeal never waits for what was taken back.
    locks.lock(session, Member, member_id)
    if session.scalar(select(Sanction.id).where(Sanction.overturns_id == line.id)) is not None:
        raise Conflict(N_("This sanction was taken back already."))
    if session.scalar(select(SanctionAppeal.id).where(SanctionAppeal.sanction_id == line.id)) is not None:
        raise Conflict(N_("You have appealed against this already."))
    if line.appeal_until is None or now >= line.appeal_until:
        raise Conflict(N_("The time for an appeal is over. You can still write to an admin."))
    row = SanctionAppeal(sanction_id=line.id, member_id=member_id, reason=text, state="open", opened_at=now)
    session.add(row)
    session.flush()
    services_reports.count(session, services_reports.APPEALS, 1)
    return row


def uphold(session: Session, *, appeal_id: int, answer: str, actor: Actor, now: dt.datetime) -> Sanction:
    """Agree with the member: the sanction is taken back.

    Raises:
        Stale: when it was answered meanwhile.
        Forbidden: for whoever set the sanction, reported it or is its member.
        Invalid: without an answer.
    """
    text = checked_reason(answer, field="answer", most=rules_ladder.MOST_REASON)
    row = _to_answer(session, appeal_id, actor)
    return services_sanctions.overturn(
        session, sanction_id=row.sanction_id, reason=text, actor=actor, now=now
    )


def decline(
    session: Session, *, appeal_id: int, answer: str, actor: Actor, now: dt.datetime
) -> SanctionAppeal:
    """Let the sanction stand, and say why; raises as :func:`uphold`."""
    text = checked_reason(answer, field="answer", most=rules_ladder.MOST_REASON)
    row = _to_answer(session, appeal_id, actor)
    row.state, row.answer, row.decided_by, row.decided_at = "declined", text, actor.member_id, now
    session.flush()
    services_reports.count(session, services_reports.APPEALS, -1)
    line, member = session.get_one(Sanction, row.sanction_id), session.get_one(Member, row.member_id)
    group = session.get_one(Group, line.group_id)
    store.record(
        session,
        actor=actor,
        action="house.decline",
        target=f"member:{member.id}",
        now=now,
        summary=f"{member.shown_name} · {group.name}",
        details={"appeal_id": row.id, "sanction_id": line.id, "answer": text},
    )
    notices.letter(
        session,
        member=member.id,
        template="house_appeal_declined",
        context={"name": member.shown_name, "group": group.name, "answer": text},
        key=f"house_appeal:{row.id}",
        now=now,
    )
    return row


def refused(session: Session, line: Sanction, actor: Actor) -> Forbidden | None:
    """Why somebody may not answer an appeal against a sanction, None when they may."""
    if not actor.has("admin"):
        return Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))
    if actor.member_id == line.member_id or actor.member_id in services_sanctions.reporters_of(
        session, line.violation_id
    ):
        return Forbidden(N_("Nobody judges a case of their own."), how=N_("Another admin decides it."))
    if actor.member_id == line.decided_by:
        return Forbidden(
            N_("You have set this sanction yourself."), how=N_("Another admin answers the appeal.")
        )
    return None


def _to_answer(session: Session, appeal_id: int, actor: Actor) -> SanctionAppeal:
    row = session.get(SanctionAppeal, appeal_id)
    if row is None:
        raise NotFound()
    no = refused(session, session.get_one(Sanction, row.sanction_id), actor)
    if no is not None:
        raise no
    # Two who answer at once meet at the member's row.
    locks.lock(session, Member, row.member_id)
    row = session.get_one(SanctionAppeal, appeal_id, populate_existing=True)
    if row.state != "open":
        raise Stale(N_("This appeal was answered meanwhile. Nothing was overwritten."))
    return row
