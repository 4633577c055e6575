"""Violations and what follows: warning, mute or removal, by the club's ladder or with a reason; and taking it back.

A violation and its sanction are lines that never change; overturning one writes another. Nobody is sanctioned without a
message: by mail, and on their own page, which stays open to them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from qunclub import groups, notices, passes
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks, store
from qunclub.members.models import Member

from . import rules_ladder, services_back, services_reports, subjects
from .models import OVERTURNED, Mute, Report, Sanction, SanctionAppeal, Violation
from .rules_ladder import Ladder, Step
from .services_quiet import STALE, checked_reason, host_of, office_of, tell_mute

LADDER = "house.ladder"


def ladder(session: Session) -> Ladder:
    """The club's ladder, or the usual one."""
    return rules_ladder.from_json(store.get_value(session, LADDER))


def set_ladder(session: Session, *, new: Ladder, version: int, actor: Actor, now: dt.datetime) -> Ladder:
    """Change the ladder; what was decided before stays as it is.

    Raises:
        Stale: when another admin saved meanwhile.
        Invalid: naming the field.
    """
    if not actor.has("admin"):
        raise Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))
    before = ladder(session)
    if before.version != version:
        raise Stale(STALE)
    kept = replace(rules_ladder.checked(new), version=version + 1)
    store.set_value(session, LADDER, kept.as_json())
    details = {"before": before.as_json(), "after": kept.as_json()}
    store.record(
        session, actor=actor, action="house.ladder", target="settings:house", now=now, details=details
    )
    return kept


def counted(session: Session, *, member_id: int, now: dt.datetime, rungs: Ladder) -> int:
    """How many violations of a member count: not forgotten, not overturned. One statement."""
    taken_back = aliased(Sanction)
    query = (
        select(func.count())
        .select_from(Violation)
        .join(Sanction, Sanction.violation_id == Violation.id)
        .outerjoin(taken_back, taken_back.overturns_id == Sanction.id)
        .where(
            Violation.member_id == member_id,
            Sanction.overturns_id.is_(None),
            taken_back.id.is_(None),
        )
    )
    since = rules_ladder.since(rungs, now)
    if since is not None:
        query = query.where(Violation.at > since)
    return session.scalars(query).one()


def proposal(session: Session, *, member_id: int, now: dt.datetime) -> tuple[int, Step]:
    """(number of the rung, the rung) that the ladder proposes for a member's next violation."""
    rungs = ladder(session)
    return rules_ladder.propose(rungs, counted(session, member_id=member_id, now=now, rungs=rungs))


def decide(
    session: Session,
    *,
    report_id: int,
    act: str,
    days: int,
    reason: str,
    departure: str,
    actor: Actor,
    now: dt.datetime,
) -> Sanction:
    """Find that a reported member broke a rule, and sanction it.

    Args:
        act: ``warning``, ``mute`` or ``removal``.
        days: of a mute; 0: until it is lifted.
        reason: the member reads it.
        departure: why the ladder is not followed; needed when it is not.

    Raises:
        Stale: when it was decided meanwhile, or another host holds it.
        Invalid: naming the field.
        Conflict: when they have no seat to be removed from.
    """
    first, case = services_reports.case_to_decide(session, report_id, actor, now)
    line = _sanction(
        session,
        member_id=first.author_id,
        group_id=first.group_id,
        category=first.category,
        subject=(first.subject_kind, first.subject_id),
        act=act,
        days=days,
        reason=reason,
        departure=departure,
        actor=actor,
        now=now,
    )
    services_reports.close(
        session,
        case,
        state="sanctioned",
        answer="",
        by=actor.member_id,
        now=now,
        violation_id=line.violation_id,
    )
    return line


def sanction_seat(
    session: Session,
    *,
    seat_id: int,
    category: str,
    act: str,
    days: int,
    reason: str,
    departure: str,
    actor: Actor,
    now: dt.datetime,
) -> Sanction:
    """Sanction what a host saw themselves, without a report; see :func:`decide`."""
    host_of(actor)
    seat = session.get(Seat, seat_id)
    if seat is None or seat.group_id is None or seat.state != "admitted":
        raise NotFound()
    if category not in rules_ladder.CATEGORIES:
        raise Invalid(N_("Choose what is wrong."), field="category")
    locks.lock(session, Member, seat.member_id)
    services_reports.refuse_rank(session, seat.member_id, actor)
    return _sanction(
        session,
        member_id=seat.member_id,
        group_id=seat.group_id,
        category=category,
        subject=(subjects.CONDUCT, seat_id),
        act=act,
        days=days,
        reason=reason,
        departure=departure,
        actor=actor,
        now=now,
    )


def _sanction(
    session: Session,
    *,
    member_id: int,
    group_id: int,
    category: str,
    subject: tuple[str, int],
    act: str,
    days: int,
    reason: str,
    departure: str,
    actor: Actor,
    now: dt.datetime,
) -> Sanction:
    """The member's row is locked by the caller."""
    if act not in rules_ladder.ACTS:
        raise Invalid(N_("Choose what follows."), field="act")
    if not 0 <= days <= rules_ladder.MOST_DAYS:
        raise Invalid(
            N_("Write a number of days from 0 to %(most)s."), field="days", most=rules_ladder.MOST_DAYS
        )
    text = checked_reason(reason, most=rules_ladder.MOST_REASON)
    rungs = ladder(session)
    step, rung = rules_ladder.propose(rungs, counted(session, member_id=member_id, now=now, rungs=rungs))
    why = departure.replace("\r\n", "\n").strip()[: rules_ladder.MOST_REASON]
    if rules_ladder.needs_departure(rung, act, days):
        why = checked_reason(why, field="departure", most=rules_ladder.MOST_REASON)
    else:
        why = ""
    group = session.get_one(Group, group_id)
    seat_id = session.scalar(
        select(Seat.id).where(
            Seat.member_id == member_id, Seat.group_id == group_id, Seat.state == "admitted"
        )
    )
    violation = Violation(
        member_id=member_id,
        group_id=group_id,
        category=category,
        subject_kind=subject[0],
        subject_id=subject[1],
        found_by=actor.member_id,
        at=now,
    )
    session.add(violation)
    session.flush()
    line = Sanction(
        violation_id=violation.id,
        member_id=member_id,
        group_id=group_id,
        seat_id=seat_id,
        kind=act,
        until=now + dt.timedelta(days=days) if act == "mute" and days else None,
        proposed=rung.act,
        step=step,
        reason=text,
        departure=why,
        decided_by=actor.member_id,
        at=now,
        appeal_until=now + dt.timedelta(days=rungs.appeal_days),
    )
    session.add(line)
    session.flush()
    if act == "mute":
        _mute(session, line, actor)
    elif act == "removal":
        _remove(session, group, seat_id, text, actor, now)
    details = {"sanction_id": line.id, "violation_id": violation.id, "act": act, "days": days}
    details.update(proposed=rung.act, departure=why)
    member = session.get_one(Member, member_id)
    store.record(
        session,
        actor=actor,
        action="house.sanction",
        target=f"member:{member_id}",
        now=now,
        summary=f"{member.shown_name} · {group.name}",
        details=details,
    )
    _tell(session, member, group, line, "house_sanction", {"act": act}, now)
    return line


def _mute(session: Session, line: Sanction, actor: Actor) -> None:
    row = Mute(
        group_id=line.group_id,
        member_id=line.member_id,
        role="",
        reason=line.reason,
        starts_at=line.at,
        until=line.until,
        set_by=actor.member_id,
        set_office=office_of(actor),
        sanction_id=line.id,
    )
    session.add(row)
    session.flush()
    tell_mute(session, row, on=True, now=line.at)


def _remove(
    session: Session, group: Group, seat_id: int | None, reason: str, actor: Actor, now: dt.datetime
) -> None:
    if session.scalar(select(GroupLine.kind).where(GroupLine.id == group.line_id)) == "core":
        raise Conflict(
            N_(
                "Seats of the core group are lost in a season, not by a sanction. Choose a mute; an admin can end the "
                "seat for the violation under Seasons, Seats between two results."
            )
        )
    if seat_id is None:
        raise Conflict(N_("The member has no seat in this group any more. Choose a warning or a mute."))
    # The mail of the house says more: how to appeal, and until when.
    groups.remove_member(session, seat_id=seat_id, reason=reason, actor=actor, now=now, tell=False)
    passes.tickets.void(session, seat_id=seat_id, reason=reason)


def overturn(session: Session, *, sanction_id: int, reason: str, actor: Actor, now: dt.datetime) -> Sanction:
    """Take a sanction back: a new line says so, a mute ends, a removed member has their seat again.

    Where every seat is taken they wait before all others. Without a pass that keeps it, no seat is given.

    Raises:
        Conflict: when it was taken back already.
        Forbidden: for whoever is no admin, and for one's own.
        Invalid: without a reason.
    """
    if not actor.has("admin"):
        raise Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))
    text = checked_reason(reason, most=rules_ladder.MOST_REASON)
    line = session.get(Sanction, sanction_id)
    if line is None or line.kind == OVERTURNED:
        raise NotFound()
    if line.member_id == actor.member_id:
        raise Forbidden(N_("Nobody judges a case of their own."), how=N_("Another admin decides it."))
    member = locks.lock(session, Member, line.member_id)
    if session.scalar(select(Sanction.id).where(Sanction.overturns_id == line.id)) is not None:
        raise Conflict(N_("This sanction was taken back already."))
    back = Sanction(
        violation_id=line.violation_id,
        member_id=line.member_id,
        group_id=line.group_id,
        seat_id=line.seat_id,
        kind=OVERTURNED,
        proposed="",
        step=0,
        reason=text,
        departure="",
        decided_by=actor.member_id,
        at=now,
        overturns_id=line.id,
    )
    session.add(back)
    session.flush()
    group = session.get_one(Group, line.group_id)
    outcome = ""
    if line.kind == "mute":
        _unmute(session, line, actor, now)
    elif line.kind == "removal" and line.seat_id is not None:
        outcome = services_back.give_back(session, line, text, actor, now)
    _close_appeal(session, line.id, text, actor, now)
    store.record(
        session,
        actor=actor,
        action="house.overturn",
        target=f"member:{member.id}",
        now=now,
        summary=f"{member.shown_name} · {group.name}",
        details={"sanction_id": line.id, "kind": line.kind, "seat": outcome, "reason": text},
    )
    more = {"act": line.kind, "answer": text, "seat": outcome, "slug": group.slug}
    _tell(session, member, group, back, "house_overturned", more, now)
    return back


def _unmute(session: Session, line: Sanction, actor: Actor, now: dt.datetime) -> None:
    row = session.scalars(select(Mute).where(Mute.sanction_id == line.id)).one_or_none()
    if row is not None and row.lifted_at is None:
        row.lifted_at, row.lifted_by = now, actor.member_id
        session.flush()
        tell_mute(session, row, on=False, now=now)


def _close_appeal(session: Session, sanction_id: int, answer: str, actor: Actor, now: dt.datetime) -> None:
    appeal = session.scalars(
        select(SanctionAppeal).where(
            SanctionAppeal.sanction_id == sanction_id, SanctionAppeal.state == "open"
        )
    ).one_or_none()
    if appeal is None:
        return
    appeal.state, appeal.answer = "upheld", answer
    appeal.decided_by, appeal.decided_at = actor.member_id, now
    services_reports.count(session, services_reports.APPEALS, -1)
    session.flush()


def reporters_of(session: Session, violation_id: int) -> set[int]:
    """Who reported what became this violation."""
    return set(session.scalars(select(Report.reporter_id).where(Report.violation_id == violation_id)))


def _tell(
    session: Session,
    member: Member,
    group: Group,
    line: Sanction,
    template: str,
    more: Mapping[str, object],
    now: dt.datetime,
) -> None:
    notices.letter(
        session,
        member=member.id,
        template=template,
        context={
            "name": member.shown_name,
            "group": group.name,
            "reason": line.reason,
            "until": line.until.isoformat() if line.until else "",
            "appeal_until": line.appeal_until.isoformat() if line.appeal_until else "",
            **more,
        },
        key=f"{template}:{line.id}",
        now=now,
    )
