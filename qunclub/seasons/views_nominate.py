"""Instructors speak for members while a season runs or is being decided."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

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

from . import queries, queries_review, services_review

bp = Blueprint("season_nominate", __name__, url_prefix="/season")


class NominationForm(Form):
    """Whom, and why."""

    number = IntegerField(
        _l("Member number"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_review.MOST_WORDS)],
        description=_l("What they did that points do not show. Admins read it."),
        render_kw={"rows": 3, "maxlength": services_review.MOST_WORDS},
    )


def _page(slug: str, form: NominationForm) -> Any:
    with reading() as session:
        season = queries.by_slug(session, slug)
        return render(
            "seasons/nominate.html",
            season=season,
            form=form,
            mine=queries_review.mine(session, season.id, member_id()),
        ), 422 if form.errors else 200


@bp.get("/<slug>/nominate")
@allow("instructor")
def show(slug: str) -> Any:
    """Whom I nominated, and the form."""
    return _page(slug, NominationForm(formdata=None))


@bp.post("/<slug>/nominate")
@allow("instructor")
def nominate(slug: str) -> Any:
    """Speak for a member."""
    form = NominationForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            season = queries.by_slug(session, slug)
            services_review.nominate(
                session,
                season_id=season.id,
                number=form.number.data,
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("Thank you. The admins read it when they decide the season."))
            return see_other(".show", slug=slug)
    return _page(slug, form)
