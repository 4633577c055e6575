"""Admins see the teams of an assignment and mend them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.kernel import Conflict
from qunclub.web import (
    Form,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries, queries_teams, services_teams_admin
from .views_teams import access_of

bp = Blueprint("homework_teams_admin", __name__, url_prefix="/admin/homework/<int:assignment_id>/teams")


class MendForm(Form):
    """Somebody by their number, and why."""

    team = IntegerField(_l("Team"), [InputRequired(), NumberRange(1)])
    number = IntegerField(_l("Member number"), [InputRequired(), NumberRange(1)])
    reason = StringField(
        _l("Reason"), [InputRequired(), Length(max=300)], description=_l("Kept in the audit log.")
    )


@bp.route("", methods=["GET", "POST"])
@allow("admin")
def index(assignment_id: int) -> Any:
    """Every team with who is in it, and a form to ask somebody in or take them out."""
    form = MendForm()
    with reading() as session:
        work = queries.assignment_row(session, assignment_id, staff=True)
        teams = queries_teams.teams(session, assignment_id)
    if form.validate_on_submit():
        try:
            with form_errors(form):
                _mend(form, work, teams, taking="take" in request.form)
        except Conflict as error:
            form.form_errors.append(explain(error))
        if not form.errors:
            return see_other(".index", assignment_id=assignment_id)
    page = render("homework/admin_teams.html", work=work, teams=teams, form=form)
    return (page, 422) if form.errors else page


def _mend(form: MendForm, work: Any, teams: list[queries_teams.TeamView], *, taking: bool) -> None:
    team = next((one for one in teams if one.id == form.team.data), None)
    if team is None:
        form.team.errors = [_("There is no such team for this homework.")]
        return
    mending: dict[str, Any] = {
        "team_id": team.id,
        "reason": form.reason.data or "",
        "actor": current_actor(),
        "now": now(),
    }
    if taking:
        fellow = next((one for one in team.fellows if one.number == form.number.data), None)
        if fellow is None:
            form.number.errors = [_("Nobody with this number is in the team.")]
            return
        transact(lambda session: services_teams_admin.remove(session, member_id=fellow.member_id, **mending))
        flash(_("Taken out of the team; what it handed in is no longer theirs."))
        return
    transact(
        lambda session: (
            services_teams_admin.invite(
                session,
                number=form.number.data,
                access_of=access_of(session, work.course_id),
                **mending,
            ).id
        )
    )
    flash(_("Asked. They are in the team once they say yes."))
