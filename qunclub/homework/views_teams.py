"""Group work: starting a team, asking others in, saying yes or no, leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Actor, Invalid, NotFound
from qunclub.members.models import Member
from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    current_actor_or_none,
    explain,
    flash,
    member_id,
    now,
    see_other,
    transact,
)

from . import queries, queries_teams, services_teams
from .forms import SubmitForm
from .views import assignment_page

bp = Blueprint("homework_teams", __name__, url_prefix="/homework")


def access_of(session: Session, course_id: int) -> Callable[[Member], Access]:
    """Whether a course is open to a member, by the club's one access rule."""

    def asked(member: Member) -> Access:
        actor = Actor(member.user_key, member.name, member.email, frozenset(member.roles), member.id)
        return club().course_access(session, actor=actor, course_ids=[course_id], now=now())[course_id]

    return asked


def _own_access(session: Session, course_id: int) -> Access:
    return club().course_access(session, actor=current_actor(), course_ids=[course_id], now=now())[course_id]


def _work(session: Session, team_id: int) -> Any:
    assignment_id = queries_teams.of_assignment(session, team_id)
    if assignment_id is None:
        raise NotFound()
    return queries.assignment_row(session, assignment_id, staff=current_actor().has("instructor"))


def _back(assignment_id: int) -> Any:
    return see_other("qunclub.homework.show", assignment_id=assignment_id, _anchor="team")


@bp.post("/<int:assignment_id>/team")
@allow("signed_in")
def start(assignment_id: int) -> Any:
    """Make a team of one."""
    ident, moment = member_id(), now()

    def command(session: Session) -> None:
        row = queries.assignment_row(session, assignment_id, staff=current_actor().has("instructor"))
        services_teams.start(
            session,
            assignment_id=assignment_id,
            member_id=ident,
            access=_own_access(session, row.course_id),
            actor=current_actor(),
            now=moment,
        )

    transact(command)
    flash(_("Your team is there. Ask others in by their member numbers."))
    return _back(assignment_id)


@bp.post("/teams/<int:team_id>/invite")
@allow("signed_in")
def invite(team_id: int) -> Any:
    """Ask somebody in by their number; what was typed stays when nobody is found."""
    ident, moment = member_id(), now()
    typed = request.form.get("number", "").strip()
    found: list[int] = []

    def command(session: Session) -> int:
        row = _work(session, team_id)
        found[:] = [row.id]
        services_teams.invite(
            session,
            team_id=team_id,
            member_id=ident,
            number=int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None,
            access_of=access_of(session, row.course_id),
            now=moment,
        )
        return int(row.id)

    try:
        assignment_id = transact(command)
    except Invalid as error:
        form = SubmitForm(formdata=None)
        page = assignment_page(
            found[0], current_actor_or_none(), form, team_wrong=explain(error), team_typed=typed
        )
        return page, 422
    flash(_("Asked. They see it on the page of this homework and in their list, and say yes or no."))
    return _back(assignment_id)


@bp.post("/teams/<int:team_id>/accept")
@allow("signed_in")
def accept(team_id: int) -> Any:
    """Say yes."""
    ident, moment = member_id(), now()

    def command(session: Session) -> int:
        row = _work(session, team_id)
        services_teams.accept(
            session,
            team_id=team_id,
            member_id=ident,
            access=_own_access(session, row.course_id),
            now=moment,
        )
        return int(row.id)

    assignment_id = transact(command)
    flash(_("You are in the team."))
    return _back(assignment_id)


@bp.post("/teams/<int:team_id>/decline")
@allow("signed_in")
def decline(team_id: int) -> Any:
    """Say no."""
    ident = member_id()
    assignment_id = transact(
        lambda session: services_teams.decline(session, team_id=team_id, member_id=ident)
    )
    flash(_("You said no; they can ask again."), "info")
    return _back(assignment_id)


@bp.post("/teams/<int:team_id>/uninvite/<int:invitee_id>")
@allow("signed_in")
def uninvite(team_id: int, invitee_id: int) -> Any:
    """Take an invitation back."""
    ident = member_id()

    def command(session: Session) -> int:
        services_teams.uninvite(session, team_id=team_id, member_id=ident, invitee_id=invitee_id)
        return int(_work(session, team_id).id)

    assignment_id = transact(command)
    flash(_("The invitation is taken back."), "info")
    return _back(assignment_id)


@bp.post("/teams/<int:team_id>/leave")
@allow("signed_in")
def leave(team_id: int) -> Any:
    """Leave before the team has handed in."""
    ident = member_id()
    assignment_id = transact(lambda session: services_teams.leave(session, team_id=team_id, member_id=ident))
    flash(_("You have left the team."), "info")
    return _back(assignment_id)
