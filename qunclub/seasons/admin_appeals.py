"""Appeals against a season's result, for admins: read, declined with a reason, or upheld by a second decision."""

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
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries, queries_appeals, queries_offers, services_appeals
from .rules_appeals import MOST_WORDS

bp = Blueprint("season_appeals_admin", __name__, url_prefix="/admin/seasons")

ACTS = {
    "season.appeal": _l("Appeal against a result"),
    "season.appeal_decline": _l("Appeal declined"),
    "season.correct": _l("Result corrected after an appeal"),
}
STATES: dict[str, tuple[Any, str]] = {
    "open": (_l("waits"), "warning"),
    "upheld": (_l("upheld"), "success"),
    "declined": (_l("not upheld"), "neutral"),
    "void": (_l("result taken back"), "neutral"),
}


class AnswerForm(Form):
    """Why the result stands or is corrected."""

    answer = TextAreaField(
        _l("Answer"),
        [InputRequired(), Length(max=MOST_WORDS)],
        description=_l("The member reads it."),
        render_kw={"rows": 4, "maxlength": MOST_WORDS},
    )
    spare = TextAreaField(
        _l("Why one seat more, if none is free"),
        [Length(max=services_appeals.MOST_SPARE_WORDS)],
        description=_l("Everybody reads it with the result. Nobody who has a seat loses it by an appeal."),
        render_kw={"rows": 2, "maxlength": services_appeals.MOST_SPARE_WORDS},
    )


def of_appeal(form: AnswerForm, appeal_id: int) -> AnswerForm:
    """The form with ids of its own: several appeals stand on one page."""
    for field in form:
        field.id = field.label.field_id = f"{field.short_name}-{appeal_id}"
    return form


def _page(season_id: int, form: AnswerForm | None = None, refused: int = 0) -> Any:
    with reading() as session:
        season = queries.get(session, season_id)
        last = queries_offers.decided(session)
        return render(
            "seasons/admin_appeals.html",
            season=season,
            appeals=queries_appeals.of_season(session, season_id),
            corrections={one.member_id: one for one in queries_appeals.corrections(session, season_id)},
            free=queries_offers.free_seats(session, last) if last else 0,
            published=queries_appeals.publisher(session, season_id) == current_actor().key,
            blank=lambda appeal_id: of_appeal(AnswerForm(formdata=None), appeal_id),
            form=form,
            refused=refused,
            appeal_states=STATES,
        ), 422 if form is not None else 200


@bp.get("/<int:season_id>/appeals")
@allow("admin")
def index(season_id: int) -> Any:
    """All of them, those that wait first."""
    return _page(season_id)


def _decide(season_id: int, appeal_id: int, upheld: bool) -> Any:
    form = AnswerForm()
    if form.validate_on_submit():
        answer, actor, moment = form.answer.data or "", current_actor(), now()
        with form_errors(form), unit_of_work() as session:
            if upheld:
                services_appeals.uphold(
                    session,
                    appeal_id=appeal_id,
                    answer=answer,
                    spare=form.spare.data or "",
                    actor=actor,
                    now=moment,
                )
            else:
                services_appeals.decline(session, appeal_id=appeal_id, answer=answer, actor=actor, now=moment)
        if not form.errors:
            flash(
                _("The result is corrected, and the member has a letter.")
                if upheld
                else _("The result stands, and the member has a letter with your answer.")
            )
            return see_other(".index", season_id=season_id)
    return _page(season_id, of_appeal(form, appeal_id), appeal_id)


@bp.post("/<int:season_id>/appeals/<int:appeal_id>/uphold")
@allow("admin")
def uphold(season_id: int, appeal_id: int) -> Any:
    """Correct the result."""
    return _decide(season_id, appeal_id, True)


@bp.post("/<int:season_id>/appeals/<int:appeal_id>/decline")
@allow("admin")
def decline(season_id: int, appeal_id: int) -> Any:
    """Let the result stand."""
    return _decide(season_id, appeal_id, False)
