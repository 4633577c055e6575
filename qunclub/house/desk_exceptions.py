"""Wishes for an exception from a mute: admins answer them, from the same queue as appeals."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint, request

from qunclub.kernel import Conflict
from qunclub.web import (
    _,
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

from . import queries_exceptions, services_exceptions
from .forms import AnswerForm
from .views_words import COMMON

bp = Blueprint("house_exceptions", __name__, url_prefix="/desk/reports/exceptions")


@bp.get("/<int:exception_id>")
@allow("admin")
def show(exception_id: int) -> Any:
    """One wish, and answering it."""
    return _page(exception_id)


def _page(exception_id: int, *, form: AnswerForm | None = None, wrong: str = "") -> str:
    moment = now()
    with reading() as session:
        wish = queries_exceptions.wish(session, exception_id)
        refused = services_exceptions.refused(wish.mute, wish.row, current_actor())
        return render(
            "house/desk_exception.html",
            wish=wish,
            over=services_exceptions.over(wish.mute, moment),
            refused=explain(refused) if refused is not None else "",
            form=form or AnswerForm(formdata=None),
            wrong=wrong,
            now=moment,
            **COMMON,
        )


@bp.post("/<int:exception_id>/answer")
@allow("admin")
def answer(exception_id: int) -> Any:
    """Grant it or decline it, with a reason either way."""
    form, wrong = AnswerForm(), ""
    outcome: Literal["granted", "declined"] = (
        "granted" if request.form.get("outcome") == "grant" else "declined"
    )
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: (
                        services_exceptions.answer(
                            work,
                            exception_id=exception_id,
                            outcome=outcome,
                            answer=form.answer.data or "",
                            actor=current_actor(),
                            now=now(),
                        ).id
                    )
                )
                flash(_("Answered. The member is told."))
                return see_other("qunclub.house_desk.appeals")
        except Conflict as error:
            wrong = explain(error)
    return _page(exception_id, form=form, wrong=wrong), 409 if wrong else 422
