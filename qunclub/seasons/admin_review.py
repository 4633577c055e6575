"""The review of a season, for admins: dry runs, exceptions, the proposal that a second admin publishes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.web import (
    Form,
    SelectField,
    _,
    _l,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    see_other,
    unit_of_work,
)

from . import services_review, services_undo
from . import views_words as words

bp = Blueprint("seasons_review", __name__, url_prefix="/admin/seasons")

ACTS = {
    "season.except": _l("Exception made"),
    "season.unexcept": _l("Exception taken back"),
    "season.propose": _l("Result proposed"),
    "season.undo": _l("Result taken back"),
    "core.leave": _l("Core seat ended"),
}


class UndoForm(Form):
    """Why a result is taken back."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_undo.MOST_WORDS)],
        description=_l("Whoever had a letter about the result reads it."),
        render_kw={"rows": 2, "maxlength": services_undo.MOST_WORDS},
    )


class ExceptionForm(Form):
    """What is ruled about one member beside the formula."""

    number = IntegerField(
        _l("Member number"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    kind = SelectField(_l("What happens"), choices=list(words.RULINGS.items()))
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_review.MOST_WORDS)],
        description=_l("Everybody reads it with the result."),
        render_kw={"rows": 2, "maxlength": services_review.MOST_WORDS},
    )


def _back(season_id: int) -> Any:
    return see_other("qunclub.seasons_admin.show", season_id=season_id)


@bp.post("/<int:season_id>/exceptions")
@allow("admin")
def except_(season_id: int) -> Any:
    """Make an exception."""
    from .admin import show_with

    form = ExceptionForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_review.add_exception(
                session,
                season_id=season_id,
                number=form.number.data,
                kind=form.kind.data or "",
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("The exception is made. It stands with its reason on the page of the result."))
            return _back(season_id)
    return show_with(season_id, exception=form)


@bp.post("/<int:season_id>/exceptions/<int:exception_id>/drop")
@allow("admin")
def drop(season_id: int, exception_id: int) -> Any:
    """Take an exception back."""
    with unit_of_work() as session:
        services_review.drop_exception(
            session, season_id=season_id, exception_id=exception_id, actor=current_actor(), now=now()
        )
    flash(_("The exception is taken back."))
    return _back(season_id)


@bp.post("/<int:season_id>/dry-run")
@allow("admin")
def try_(season_id: int) -> Any:
    """Keep what closing would do now, to compare with later."""
    with unit_of_work() as session:
        services_review.dry_run(session, season_id=season_id, actor=current_actor(), now=now())
    flash(_("The dry run is kept. From now on this page shows what differs from it."))
    return _back(season_id)


@bp.post("/<int:season_id>/propose")
@allow("admin")
def propose(season_id: int) -> Any:
    """Stand by the outcomes as they are; another admin publishes them."""
    with unit_of_work() as session:
        services_review.dry_run(session, season_id=season_id, actor=current_actor(), now=now(), propose=True)
    flash(_("The result is proposed. Another admin looks at it and publishes it."))
    return _back(season_id)


@bp.post("/<int:season_id>/undo")
@allow("admin")
def undo(season_id: int) -> Any:
    """Take the result back, before the season is put away."""
    from .admin import show_with

    form = UndoForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_undo.undo(
                session,
                season_id=season_id,
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("The result is taken back. Everybody sits where they sat when the season was frozen."))
            return _back(season_id)
    return show_with(season_id, undo=form)
