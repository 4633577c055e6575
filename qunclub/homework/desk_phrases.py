"""A reviewer's own phrases: sentences written once and put into comments with a click."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, Invalid
from qunclub.web import (
    _,
    allow,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries_writing, rules_desk, services_desk

bp = Blueprint("desk_phrases", __name__, url_prefix="/desk/phrases")


@bp.get("")
@allow("instructor")
def index() -> Any:
    """The list, the most used first."""
    return _page()


@bp.post("")
@allow("instructor")
def add() -> Any:
    """Keep a new one."""
    try:
        with unit_of_work() as session:
            services_desk.add_phrase(
                session, body=request.form.get("body", ""), actor=current_actor(), now=now()
            )
    except (Invalid, Conflict) as error:
        return _page(wrong=explain(error)), 422
    flash(_("Phrase kept."))
    return see_other(".index")


@bp.post("/<int:phrase_id>")
@allow("instructor")
def change(phrase_id: int) -> Any:
    """Word one anew."""
    try:
        with unit_of_work() as session:
            services_desk.change_phrase(
                session, phrase_id=phrase_id, body=request.form.get("body", ""), actor=current_actor()
            )
    except Invalid as error:
        return _page(wrong=explain(error), at=phrase_id), 422
    flash(_("Phrase changed."))
    return see_other(".index")


@bp.post("/<int:phrase_id>/delete")
@allow("instructor")
def delete(phrase_id: int) -> Any:
    """Take one off the list."""
    with unit_of_work() as session:
        services_desk.delete_phrase(session, phrase_id=phrase_id, actor=current_actor())
    flash(_("Phrase deleted."), "info")
    return see_other(".index")


@bp.post("/<int:phrase_id>/use")
@allow("instructor")
def use(phrase_id: int) -> Any:
    """Count a use: the page's script put it into a comment."""
    with unit_of_work() as session:
        services_desk.use_phrase(session, phrase_id=phrase_id, actor=current_actor())
    return "", 204


def _page(*, wrong: str = "", at: int | None = None) -> str:
    with reading() as session:
        phrases = queries_writing.phrases(session, member_id=member_id())
    return render(
        "homework/desk_phrases.html",
        phrases=phrases,
        wrong=wrong,
        at=at,
        typed=request.form.get("body", "") if wrong else "",
        longest=rules_desk.MAX_PHRASE,
    )
