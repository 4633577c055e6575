"""A core member asks for leave for a season, and comes back from it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.web import (
    Form,
    _,
    _l,
    allow,
    current_actor,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries, services_leave

bp = Blueprint("season_leave", __name__, url_prefix="/season")


class LeaveForm(Form):
    """Why one steps back for a season."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_leave.MOST_WORDS)],
        description=_l("Admins read it, nobody else."),
        render_kw={"rows": 3, "maxlength": services_leave.MOST_WORDS},
    )


def _page(slug: str, form: LeaveForm) -> Any:
    with reading() as session:
        season = queries.by_slug(session, slug)
        until = services_leave.leave_until(season)
        return render(
            "seasons/leave.html",
            season=season,
            form=form,
            held=services_leave.on_leave(session, season.id, member_id()),
            left=services_leave.leaves_left(session, season, member_id()),
            core=queries.is_core(session, member_id()),
            until=until,
            late=services_leave.late(season, now()),
        ), 422 if form.errors else 200


@bp.get("/<slug>/leave")
@allow("signed_in")
def show(slug: str) -> Any:
    """Whether I am on leave this season, and how to ask."""
    return _page(slug, LeaveForm(formdata=None))


@bp.post("/<slug>/leave")
@allow("signed_in")
def ask(slug: str) -> Any:
    """Take leave."""
    form = LeaveForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            season = queries.by_slug(session, slug)
            services_leave.ask_leave(
                session,
                season_id=season.id,
                member_id=member_id(),
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("You are on leave this season. Your seat waits for you."))
            return see_other(".show", slug=slug)
    return _page(slug, form)


@bp.post("/<slug>/leave/end")
@allow("signed_in")
def end(slug: str) -> Any:
    """Come back."""
    with unit_of_work() as session:
        season = queries.by_slug(session, slug)
        services_leave.end_leave(
            session, season_id=season.id, member_id=member_id(), actor=current_actor(), now=now()
        )
    flash(_("Welcome back. Your leave counts as not taken."))
    return see_other(".show", slug=slug)
