"""A member appeals against what a season decided about them."""

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

from . import queries, queries_appeals, services_appeals
from .rules_appeals import MOST_WORDS

bp = Blueprint("season_appeals", __name__, url_prefix="/season")


class AppealForm(Form):
    """What was overlooked."""

    reason = TextAreaField(
        _l("What was overlooked"),
        [InputRequired(), Length(max=MOST_WORDS)],
        description=_l("Say which work or which points, as exactly as you can. Admins read it, nobody else."),
        render_kw={"rows": 6, "maxlength": MOST_WORDS},
    )


def _page(slug: str, form: AppealForm) -> Any:
    with reading() as session:
        season = queries.by_slug(session, slug)
        mine = queries_appeals.mine(session, season, member_id(), now())
        return render(
            "seasons/appeal.html",
            season=season,
            mine=mine,
            why=_(services_appeals.REFUSED[mine.refused]) if mine.refused else "",
            form=form,
        ), 422 if form.errors else 200


@bp.get("/<slug>/appeal")
@allow("signed_in")
def show(slug: str) -> Any:
    """Whether I may appeal, and what became of it."""
    return _page(slug, AppealForm(formdata=None))


@bp.post("/<slug>/appeal")
@allow("signed_in")
def open_(slug: str) -> Any:
    """Appeal."""
    form = AppealForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            season = queries.by_slug(session, slug)
            services_appeals.open_appeal(
                session,
                season_id=season.id,
                member_id=member_id(),
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("Your appeal has arrived. An admin looks at your result again and writes to you."))
            return see_other(".show", slug=slug)
    return _page(slug, form)
