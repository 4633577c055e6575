"""Whose work something is, and what is read of teams.

:func:`works_of` is the one answer to "which work is this member's": whatever counts or shows a member's work asks it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from qunclub.kernel.unindexed import unindexed
from qunclub.members.models import Member

from .models import Assignment, Submission
from .models_teams import Team, TeamMember, WorkShare


@dataclass(frozen=True, slots=True)
class Author:
    """One of those whose a work is."""

    member_id: int
    number: int | None
    name: str
    consented: bool


@dataclass(frozen=True, slots=True)
class Fellow:
    """Somebody in a team, or asked to join it."""

    member_id: int
    number: int | None
    name: str
    joined: bool


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as its members see it; *closed* once it has handed in."""

    id: int
    fellows: tuple[Fellow, ...]
    closed: bool

    @property
    def joined(self) -> list[Fellow]:
        """Those who said yes."""
        return [one for one in self.fellows if one.joined]

    @property
    def invited(self) -> list[Fellow]:
        """Those who did not answer yet."""
        return [one for one in self.fellows if not one.joined]


def works_of(member: Any) -> CompoundSelect[Any]:
    """The ids of the submissions that are *member*'s: their own, and their teams' as frozen at the handing in.

    Args:
        member: an id, a bound parameter, or a column of the statement this becomes a part of.
    """
    own, share = aliased(Submission), aliased(WorkShare)
    return union_all(
        select(own.id).where(own.member_id == member, unindexed(own.team_id).is_(None)),
        select(share.submission_id).where(share.member_id == member),
    )


def works_of_any(members: Any) -> CompoundSelect[Any]:
    """The ids of the submissions that are of any of *members*: their own, and their teams'.

    Args:
        members: ids, or a select of ids.
    """
    own, share = aliased(Submission), aliased(WorkShare)
    return union_all(
        # Also what a team's member handed in: that one has a share as well, and twice is once here.
        select(own.id).where(own.member_id.in_(members)),
        select(share.submission_id).where(share.member_id.in_(members)),
    )


def authors_of(submission_id: Any) -> CompoundSelect[Any]:
    """The ids of the members whose a submission is, one or a team.

    Args:
        submission_id: an id, or a scalar select of one.
    """
    own, share = aliased(Submission), aliased(WorkShare)
    return union_all(
        select(own.member_id).where(own.id == submission_id),
        select(share.member_id).where(share.submission_id == submission_id),
    )


def any_author(of: Callable[[Any], ColumnElement[bool]], work: Any = Submission) -> ColumnElement[bool]:
    """Whether somebody whose *work* of the statement is fulfils *of*, which is given a column of member ids."""
    share = aliased(WorkShare)
    shared = select(literal(1)).where(share.submission_id == work.id, of(share.member_id))
    # Asked of team works only, one by one: as EXISTS, PostgreSQL might gather all shares of all teams first.
    found = shared.correlate(work).limit(1).scalar_subquery()
    return or_(of(work.member_id), and_(work.team_id.is_not(None), found == 1))


def team_names() -> ColumnElement[str]:
    """The names and numbers of the team whose ``Submission`` is; empty for work done alone."""
    name = func.coalesce(func.nullif(Member.nickname, ""), Member.name)
    numbered = name.concat(" No. ").concat(cast(Member.number, String))
    one = (
        select(case((Member.number.is_(None), name), else_=numbered).label("name"))
        .select_from(WorkShare)
        .join(Member, Member.id == WorkShare.member_id)
        .where(WorkShare.submission_id == Submission.id)
        .order_by(Member.number, Member.id)
        .correlate(Submission)
        .subquery()
    )
    listed = select(func.aggregate_strings(one.c.name, ", ")).scalar_subquery()
    return case((Submission.team_id.is_(None), ""), else_=func.coalesce(listed, ""))


def accepted_count(member: Any) -> ColumnElement[int]:
    """How many accepted works are those of *member*, a column of the statement around it."""
    own, share, shared = aliased(Submission), aliased(WorkShare), aliased(Submission)
    alone = select(func.count()).select_from(own)
    alone = alone.where(own.member_id == member, unindexed(own.team_id).is_(None), own.state == "accepted")
    together = select(func.count()).select_from(share).join(shared, shared.id == share.submission_id)
    together = together.where(share.member_id == member, shared.state == "accepted")
    return alone.scalar_subquery() + together.scalar_subquery()


def joined(session: Session, team_id: int) -> list[int]:
    """Who is in a team: one statement."""
    query = select(TeamMember.member_id).where(TeamMember.team_id == team_id, TeamMember.state == "joined")
    return list(session.scalars(query))


def not_of(member_id: Any) -> ColumnElement[bool]:
    """That the statement's ``Submission`` is not one of *member_id*'s: what they may judge."""
    shared = exists().where(WorkShare.submission_id == Submission.id, WorkShare.member_id == member_id)
    return and_(Submission.member_id != member_id, ~shared)


def is_of(member_id: Any) -> ColumnElement[bool]:
    """The opposite of :func:`not_of`."""
    return ~not_of(member_id)


def is_author(session: Session, submission: Submission, member_id: int | None) -> bool:
    """Whether a work is *member_id*'s; one statement for a team's, none for others."""
    if member_id is None or submission.team_id is None:
        return submission.member_id == member_id
    return session.get(WorkShare, (submission.id, member_id)) is not None


def is_mine(session: Session, submission_id: int, member_id: int | None) -> bool:
    """The same of a submission by its id: one statement."""
    if member_id is None:
        return False
    found = select(Submission.id).where(
        Submission.id == submission_id, Submission.id.in_(works_of(member_id))
    )
    return session.scalar(found) is not None


def authors(session: Session, submission_ids: Iterable[int]) -> dict[int, list[Author]]:
    """Whose these teams' submissions are, by submission: one statement. Work done alone is not in it."""
    rows = session.execute(
        select(
            WorkShare.submission_id,
            Member.id,
            Member.number,
            func.coalesce(func.nullif(Member.nickname, ""), Member.name),
            WorkShare.consented_at,
        )
        .join(Member, Member.id == WorkShare.member_id)
        .where(WorkShare.submission_id.in_(list(submission_ids)))
        .order_by(WorkShare.submission_id, Member.number, Member.id)
    )
    found: dict[int, list[Author]] = defaultdict(list)
    for submission_id, ident, number, name, consented_at in rows:
        found[submission_id].append(Author(ident, number, name, consented_at is not None))
    return dict(found)


def team_of(session: Session, *, assignment_id: int, member_id: int) -> TeamView | None:
    """The team a member is in for an assignment: one statement."""
    me = aliased(TeamMember)
    mine = (
        select(me.team_id)
        .where(me.assignment_id == assignment_id, me.member_id == member_id, me.state == "joined")
        .scalar_subquery()
    )
    return next(iter(_teams(session, TeamMember.team_id == mine)), None)


def teams(session: Session, assignment_id: int) -> list[TeamView]:
    """Every team of an assignment, the oldest first: one statement."""
    return _teams(session, TeamMember.assignment_id == assignment_id)


def _teams(session: Session, which: ColumnElement[bool]) -> list[TeamView]:
    handed_in = exists().where(Submission.team_id == TeamMember.team_id)
    rows = session.execute(
        select(
            TeamMember.team_id,
            Member.id,
            Member.number,
            func.coalesce(func.nullif(Member.nickname, ""), Member.name),
            TeamMember.state,
            handed_in,
        )
        .join(Member, Member.id == TeamMember.member_id)
        .where(which)
        .order_by(TeamMember.team_id, TeamMember.id)
    )
    fellows: dict[int, list[Fellow]] = defaultdict(list)
    closed: dict[int, bool] = {}
    for team_id, ident, number, name, state, done in rows:
        fellows[team_id].append(Fellow(ident, number, name, state == "joined"))
        closed[team_id] = bool(done)
    return [TeamView(ident, tuple(found), closed[ident]) for ident, found in fellows.items()]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is told what became of a work."""

    id: int
    shown_name: str


def readers(session: Session, submission: Submission, facts: Any) -> list[tuple[Reader, str]]:
    """Who is told what became of a work, each with what makes the mail's key their own.

    Args:
        facts: of the author, as ``services_verdict.facts_of`` gives them.
    """
    if submission.team_id is None:
        return [(Reader(submission.member_id, facts.nickname or facts.name), "")]
    rows = session.execute(
        select(Member.id, Member.name, Member.nickname)
        .join(WorkShare, WorkShare.member_id == Member.id)
        .where(WorkShare.submission_id == submission.id)
        .order_by(Member.id)
    )
    return [(Reader(row.id, row.nickname or row.name), f":{row.id}") for row in rows]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A team that asks somebody to join."""

    team_id: int
    assignment_id: int
    title: str
    course_id: int
    by: str
    at: dt.datetime


def invitations(session: Session, member_id: int, *, assignment_id: int | None = None) -> list[Invitation]:
    """Who asks *member_id* to join, for homework in which they are in no team yet: one statement."""
    asker, other = aliased(Member), aliased(TeamMember)
    placed = exists().where(
        other.assignment_id == TeamMember.assignment_id,
        other.member_id == member_id,
        other.state == "joined",
    )
    query = (
        select(
            TeamMember.team_id,
            TeamMember.assignment_id,
            Assignment.title,
            Assignment.course_id,
            func.coalesce(func.nullif(asker.nickname, ""), asker.name, ""),
            TeamMember.invited_at,
        )
        .join(Assignment, Assignment.id == TeamMember.assignment_id)
        .outerjoin(asker, asker.id == TeamMember.invited_by)
        .where(
            TeamMember.member_id == member_id,
            TeamMember.state == "invited",
            Assignment.state == "published",
            ~placed,
        )
        .order_by(TeamMember.id)
        .limit(50)
    )
    if assignment_id is not None:
        query = query.where(TeamMember.assignment_id == assignment_id)
    return [Invitation(*row) for row in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Together:
    """What the page of group work tells one of its readers.

    Attributes:
        agreed: whether they let the team's featured work be shown.
        awaited: the names of those who have not said so.
    """

    team: TeamView | None = None
    invitations: tuple[Invitation, ...] = ()
    agreed: bool = False
    awaited: tuple[str, ...] = ()


def together(session: Session, *, assignment_id: int, member_id: int, submission_id: int | None) -> Together:
    """The team, or who asks into one, and who lets the work be shown: three statements at most."""
    team = team_of(session, assignment_id=assignment_id, member_id=member_id)
    asked = () if team else tuple(invitations(session, member_id, assignment_id=assignment_id))
    sharing = authors(session, [submission_id]).get(submission_id, []) if submission_id else []
    return Together(
        team,
        asked,
        any(one.consented for one in sharing if one.member_id == member_id),
        tuple(one.name for one in sharing if not one.consented),
    )


def of_assignment(session: Session, team_id: int) -> int | None:
    """The assignment a team works on; None when there is no such team."""
    return session.scalar(select(Team.assignment_id).where(Team.id == team_id))
