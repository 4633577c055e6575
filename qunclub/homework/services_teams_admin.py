"""What is done with a team from outside: an admin mends it, or somebody in it is forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Access, Actor, Conflict, Forbidden, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from . import services_teams
from .models import ShowcaseEntry, Submission
from .models_teams import Team, TeamDraft, TeamMember, WorkShare


def remove(
    session: Session, *, team_id: int, member_id: int, reason: str, actor: Actor, now: dt.datetime
) -> None:
    """An admin takes somebody out of a team, or takes an invitation away; also after it has handed in.

    The work stays with the others. Work that is accepted has earned for everybody and is reopened first.

    Raises:
        Invalid: on ``reason`` without one.
        NotFound: when they are not in it.
        Conflict: when the work is accepted, or nobody would be left whose it is.
    """
    _admin(actor)
    words = _reason(reason)
    team = locks.lock(session, Team, team_id)
    row = session.scalar(
        select(TeamMember).where(TeamMember.team_id == team_id, TeamMember.member_id == member_id)
    )
    if row is None:
        raise NotFound()
    work = services_teams.work_of(session, team_id)
    if work is not None and row.state == "joined":
        _mendable(work)
        left = _others(session, team_id, member_id)
        if not left:
            raise Conflict(N_("A work needs somebody whose it is: nobody else is in this team."))
        _hand_over(session, work, member_id, left)
        session.execute(
            delete(WorkShare).where(WorkShare.submission_id == work.id, WorkShare.member_id == member_id)
        )
    session.delete(row)
    session.flush()
    services_teams.end_if_empty(session, team_id)
    _record(session, "team.remove", team, member_id, words, actor, now)


def invite(
    session: Session,
    *,
    team_id: int,
    number: int | None,
    access_of: Callable[[Member], Access],
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> TeamMember:
    """An admin asks somebody into a team, also after it has handed in; they still say yes or no themselves.

    Raises:
        Invalid: on ``reason`` or ``number``.
        Conflict: when it is full, or its work is accepted.
    """
    _admin(actor)
    words = _reason(reason)
    team = locks.lock(session, Team, team_id)
    work = services_teams.work_of(session, team_id)
    if work is not None:
        _mendable(work)
    row = services_teams.ask(
        session, team, number=number, by=actor.member_id, access_of=access_of, mending=True, now=now
    )
    _record(session, "team.invite", team, row.member_id, words, actor, now)
    return row


def forget(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """Take somebody out of their teams: what the others wrote with them stays theirs, and is not shown any more.

    That they had a share in it stays, so that points can be followed. The last one's works are theirs alone.
    """
    query = select(TeamMember.team_id).where(TeamMember.member_id == member_id)
    for team_id in sorted(session.scalars(query).all()):
        locks.lock(session, Team, team_id)
        left = _others(session, team_id, member_id)
        session.execute(
            delete(TeamMember).where(TeamMember.team_id == team_id, TeamMember.member_id == member_id)
        )
        work = services_teams.work_of(session, team_id)
        if work is None:
            services_teams.end_if_empty(session, team_id)
        elif left:
            _hand_over(session, work, member_id, left)
        else:
            session.execute(delete(TeamDraft).where(TeamDraft.team_id == team_id))
    shared = select(WorkShare.submission_id).where(WorkShare.member_id == member_id)
    session.execute(
        update(ShowcaseEntry)
        .where(ShowcaseEntry.submission_id.in_(shared), ShowcaseEntry.revoked_at.is_(None))
        .values(consented_at=None, revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(update(WorkShare).where(WorkShare.member_id == member_id).values(consented_at=None))
    session.execute(
        update(TeamMember).where(TeamMember.invited_by == member_id).values(invited_by=None)
    )  # fmt: skip


def _others(session: Session, team_id: int, member_id: int) -> list[int]:
    query = select(TeamMember.member_id).where(
        TeamMember.team_id == team_id, TeamMember.member_id != member_id, TeamMember.state == "joined"
    )
    return list(session.scalars(query.order_by(TeamMember.id)))


def _hand_over(session: Session, work: Submission, member_id: int, left: list[int]) -> None:
    # Who handed it in stands for the work where one name is needed.
    if work.member_id == member_id:
        work.member_id = left[0]
        session.flush()
        session.execute(
            update(ShowcaseEntry)
            .where(ShowcaseEntry.submission_id == work.id)
            .values(member_id=left[0])
            .execution_options(synchronize_session=False)
        )


def _mendable(work: Submission) -> None:
    if work.state == "accepted":
        raise Conflict(
            N_("This work is accepted and has earned for everybody in the team."),
            how=N_("Reopen it first: the points are taken back, and given anew with the next verdict."),
        )


def _admin(actor: Actor) -> None:
    if not actor.has("admin"):
        raise Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid(N_("Say why; the audit log keeps it."), field="reason")
    return reason.strip()


def _record(
    session: Session, action: str, team: Team, member_id: int, words: str, actor: Actor, now: dt.datetime
) -> None:
    store.record(
        session, actor=actor, action=action, target=f"team:{team.id}", now=now, summary=words,
        details={"assignment_id": team.assignment_id, "member_id": member_id},
    )  # fmt: skip
