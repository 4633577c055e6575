"""Members make a team for group work, ask each other in, and hand in together.

Who is in a team changes under the team's lock; behind it stands the index that lets nobody be in two. Once a team has
handed in, only an admin mends it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Access, Actor, Conflict, Forbidden, Invalid, NotFound, locks
from qunclub.members.models import Member

from . import rules_teams
from .models import Assignment, Review, Submission
from .models_teams import Team, TeamDraft, TeamMember, WorkShare


def start(
    session: Session, *, assignment_id: int, member_id: int, access: Access, actor: Actor, now: dt.datetime
) -> Team:
    """Make a team of one; others are asked in.

    Two at once meet the unique index, and the loser runs again (``web.transact``) to be refused.

    Raises:
        NotFound: when there is no such group work for the reader.
        Forbidden: when its course is not open to them.
        Conflict: when they are in a team for it already, or have handed it in alone.
    """
    assignment = _group_work(session, assignment_id, actor)
    _open(access)
    _free(session, assignment.id, member_id)
    team = Team(assignment_id=assignment.id, created_at=now)
    session.add(team)
    session.flush()
    row = TeamMember(
        team_id=team.id, assignment_id=assignment.id, member_id=member_id, state="joined",
        invited_by=None, mending=False, invited_at=now, joined_at=now,
    )  # fmt: skip
    session.add(row)
    # An invitation to another team stays: whoever leaves this one may still follow it.
    session.flush()
    return team


def invite(
    session: Session,
    *,
    team_id: int,
    member_id: int,
    number: int | None,
    access_of: Callable[[Member], Access],
    now: dt.datetime,
) -> TeamMember:
    """Ask the member with *number* to join; they say yes or no.

    Args:
        access_of: whether the course is open to somebody: nobody else is found.

    Raises:
        NotFound: for whoever is not in the team.
        Invalid: on ``number``: nobody with access has it, or they are in the team or asked already.
        Conflict: when the team is full or has handed in.
    """
    team = _mine(session, team_id, member_id)
    _still_open(session, team_id)
    return ask(session, team, number=number, by=member_id, access_of=access_of, mending=False, now=now)


def ask(
    session: Session,
    team: Team,
    *,
    number: int | None,
    by: int | None,
    access_of: Callable[[Member], Access],
    mending: bool,
    now: dt.datetime,
) -> TeamMember:
    """Write an invitation to a team that is locked; see :func:`invite`."""
    most = _sizes(session, team.assignment_id)[1]
    rows = session.scalars(select(TeamMember).where(TeamMember.team_id == team.id)).all()
    full = rules_teams.refuse_joining(len(rows), most)
    if full is not None:
        raise full
    member = session.scalar(select(Member).where(Member.number == number)) if number else None
    if member is None or not access_of(member).allowed:
        # Who is a member and who is not is told to nobody.
        raise Invalid(N_("Nobody with this number has opened the course."), field="number")
    if any(row.member_id == member.id for row in rows):
        raise Invalid(N_("They are in the team or asked already."), field="number")
    row = TeamMember(
        team_id=team.id, assignment_id=team.assignment_id, member_id=member.id, state="invited",
        invited_by=by, mending=mending, invited_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _tell_invited(session, row, member, now)
    return row


def _tell_invited(session: Session, row: TeamMember, member: Member, now: dt.datetime) -> None:
    if member.suspended_at is not None:
        return
    asker = session.get(Member, row.invited_by) if row.invited_by is not None and not row.mending else None
    notices.letter(
        session,
        member=member.id,
        template="team_invited",
        context={
            "name": member.shown_name,
            "by": asker.shown_name if asker is not None else "",
            "title": session.scalar(select(Assignment.title).where(Assignment.id == row.assignment_id)),
            "assignment_id": row.assignment_id,
        },
        # Once from each who asks, however often they take it back and ask again.
        key=f"team_invited:{row.assignment_id}:{row.invited_by or 0}:{row.member_id}",
        now=now,
    )


def accept(session: Session, *, team_id: int, member_id: int, access: Access, now: dt.datetime) -> Team:
    """Say yes to an invitation.

    Raises:
        NotFound: without an invitation.
        Forbidden: when the course is not open (any more).
        Conflict: when the team is full or has handed in, or one is in another team already, or has judged its work.
    """
    team = locks.lock(session, Team, team_id)
    row = session.scalar(
        select(TeamMember).where(TeamMember.team_id == team_id, TeamMember.member_id == member_id)
    )
    if row is None:
        raise NotFound()
    if row.state == "joined":
        return team
    _open(access)
    _free(session, team.assignment_id, member_id)
    work = work_of(session, team_id)
    if work is not None and not (row.mending and work.state != "accepted"):
        raise _closed()
    if work is not None:
        _judge_no_more(session, work, member_id)
    full = rules_teams.refuse_joining(_joined(session, team_id), _sizes(session, team.assignment_id)[1])
    if full is not None:
        raise full
    row.state, row.joined_at = "joined", now
    session.flush()
    if work is not None:
        session.add(WorkShare(submission_id=work.id, member_id=member_id, assignment_id=team.assignment_id))
        session.flush()
    return team


def decline(session: Session, *, team_id: int, member_id: int) -> int:
    """Say no to an invitation; the assignment it was about. Without one, nothing happens."""
    team = locks.lock(session, Team, team_id)
    _forget_invitation(session, team_id, member_id)
    return team.assignment_id


def uninvite(session: Session, *, team_id: int, member_id: int, invitee_id: int) -> None:
    """Take an invitation back that was not answered yet.

    Raises:
        NotFound: for whoever is not in the team.
    """
    _mine(session, team_id, member_id)
    _forget_invitation(session, team_id, invitee_id)


def leave(session: Session, *, team_id: int, member_id: int) -> int:
    """Leave a team before it has handed in; with the last one it ends. The assignment it was about.

    Raises:
        NotFound: for whoever is not in the team.
        Conflict: when it has handed in.
    """
    team = _mine(session, team_id, member_id)
    _still_open(session, team_id)
    session.execute(
        delete(TeamMember).where(TeamMember.team_id == team_id, TeamMember.member_id == member_id)
    )
    end_if_empty(session, team_id)
    return team.assignment_id


def end_if_empty(session: Session, team_id: int) -> None:
    """A team nobody is in any more goes, with its draft and its invitations."""
    if _joined(session, team_id) == 0 and work_of(session, team_id) is None:
        session.execute(delete(TeamDraft).where(TeamDraft.team_id == team_id))
        session.execute(delete(TeamMember).where(TeamMember.team_id == team_id))
        session.execute(delete(Team).where(Team.id == team_id))


def to_hand_in(session: Session, *, assignment_id: int, member_id: int, least: int, most: int) -> int:
    """Lock the team that hands in with *member_id*; its id.

    Raises:
        Conflict: without a team, or with one of another size than the assignment takes.
    """
    team_id = team_id_of(session, assignment_id, member_id)
    locks.lock(session, Team, team_id)
    refused = rules_teams.refuse_handing_in(_joined(session, team_id), least, most)
    if refused is not None:
        raise refused
    return team_id


def freeze(session: Session, submission: Submission, now: dt.datetime) -> None:
    """Write down whose the work is that was just handed in, empty the draft, end what nobody answered."""
    team_id = submission.team_id
    wanted = set(
        session.scalars(
            select(TeamMember.member_id).where(TeamMember.team_id == team_id, TeamMember.state == "joined")
        )
    )
    kept = set(
        session.scalars(select(WorkShare.member_id).where(WorkShare.submission_id == submission.id))
    )  # fmt: skip
    session.execute(
        delete(WorkShare).where(
            WorkShare.submission_id == submission.id, WorkShare.member_id.in_(kept - wanted)
        )
    )
    rows = [
        {"submission_id": submission.id, "member_id": one, "assignment_id": submission.assignment_id}
        for one in sorted(wanted - kept)
    ]
    if rows:
        session.execute(insert(WorkShare), rows)
    session.execute(
        delete(TeamMember).where(
            TeamMember.team_id == team_id, TeamMember.state == "invited", TeamMember.mending.is_(False)
        )
    )
    draft = session.get(TeamDraft, team_id, populate_existing=True)
    if draft is not None:
        draft.body_md, draft.link, draft.version, draft.saved_at = "", "", draft.version + 1, now


def all_agree(session: Session, submission_id: int, member_id: int, now: dt.datetime) -> bool:
    """Note that one of a team lets its work be shown; whether all have. True for work done alone."""
    shares = session.scalars(select(WorkShare).where(WorkShare.submission_id == submission_id)).all()
    for one in shares:
        if one.member_id == member_id and one.consented_at is None:
            one.consented_at = now
    return all(one.consented_at is not None for one in shares)


def disagree(session: Session, submission_id: int, member_id: int) -> None:
    """Note that one of a team does not let its work be shown (any more); what the others said stays."""
    session.execute(
        update(WorkShare)
        .where(WorkShare.submission_id == submission_id, WorkShare.member_id == member_id)
        .values(consented_at=None)
    )


def team_id_of(session: Session, assignment_id: int, member_id: int) -> int:
    """The team a member is in for an assignment.

    Raises:
        Conflict: in none.
    """
    team_id = session.scalar(
        select(TeamMember.team_id).where(
            TeamMember.assignment_id == assignment_id,
            TeamMember.member_id == member_id,
            TeamMember.state == "joined",
        )
    )
    if team_id is None:
        raise Conflict(
            N_("This is group work, and you are in no team yet."),
            how=N_("Start one, or join one that asks you."),
        )
    return team_id


def _group_work(session: Session, assignment_id: int, actor: Actor) -> Assignment:
    found = session.get(Assignment, assignment_id)
    if found is None or (found.state != "published" and not actor.has("instructor")):
        raise NotFound()
    if found.team_max is None:
        raise Conflict(N_("This homework is done by everybody alone."))
    return found


def _sizes(session: Session, assignment_id: int) -> tuple[int, int]:
    least, most = session.execute(
        select(Assignment.team_min, Assignment.team_max).where(Assignment.id == assignment_id)
    ).one()
    return least or 1, most or 1


def _open(access: Access) -> None:
    if not access.allowed:
        raise Forbidden(
            N_("This homework belongs to a course you have not opened."),
            how=N_("The course's page says what opens it and its homework."),
        )


def _free(session: Session, assignment_id: int, member_id: int) -> None:
    placed = select(TeamMember.id).where(
        TeamMember.assignment_id == assignment_id,
        TeamMember.member_id == member_id,
        TeamMember.state == "joined",
    )
    if session.scalar(placed) is not None:
        raise Conflict(
            N_("You are in a team for this homework already."),
            how=N_("Leave it first, as long as it has not handed in."),
        )
    alone = select(Submission.id).where(
        Submission.assignment_id == assignment_id, Submission.member_id == member_id
    )
    if session.scalar(alone) is not None:
        raise Conflict(N_("You have handed this homework in on your own already."))


def _mine(session: Session, team_id: int, member_id: int) -> Team:
    team = locks.lock(session, Team, team_id)
    mine = select(TeamMember.id).where(
        TeamMember.team_id == team_id, TeamMember.member_id == member_id, TeamMember.state == "joined"
    )
    if session.scalar(mine) is None:
        raise NotFound()
    return team


def work_of(session: Session, team_id: int) -> Submission | None:
    """What a team that is locked has handed in, locked too; None when nothing."""
    query = select(Submission).where(Submission.team_id == team_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _still_open(session: Session, team_id: int) -> None:
    if work_of(session, team_id) is not None:
        raise _closed()


def _judge_no_more(session: Session, work: Submission, member_id: int) -> None:
    """Whoever joins a team that has handed in has not judged its work, and lets go of it."""
    judged = select(Review.id).where(Review.submission_id == work.id, Review.reviewer_id == member_id)
    if session.scalar(judged.limit(1)) is not None:
        raise Conflict(N_("You have judged this work yourself."))
    if work.claimed_by == member_id:
        work.claimed_by = work.claimed_until = None


def _closed() -> Conflict:
    return Conflict(
        N_("This team has handed in, so who is in it stands."),
        how=N_("If that is wrong, ask an admin to mend it."),
    )


def _joined(session: Session, team_id: int) -> int:
    query = select(func.count()).where(TeamMember.team_id == team_id, TeamMember.state == "joined")
    return session.scalars(query).one()


def _forget_invitation(session: Session, team_id: int, member_id: int) -> None:
    session.execute(
        delete(TeamMember).where(
            TeamMember.team_id == team_id, TeamMember.member_id == member_id, TeamMember.state == "invited"
        )
    )
