"""The admins' side of fair judgement: every appeal with its token, and the correction of a verdict."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, Invalid
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries_attempts, queries_desk, queries_fair, services_appeals, services_correction
from .models_fair import APPEAL_STATES

bp = Blueprint("fair_admin", __name__, url_prefix="/admin/homework")
register(
    NavItem(
        area="admin",
        label=_l("Appeals against reviews"),
        endpoint="qunclub.fair_admin.appeals",
        icon="chat-square-quote",
        order=46,
        role="admin",
    )
)


@bp.get("/appeals")
@allow("admin")
def appeals() -> Any:
    """Every appeal, newest first."""
    return _appeals()


@bp.post("/appeals/<int:appeal_id>/give-back")
@allow("admin")
def give_back(appeal_id: int) -> Any:
    """Give an author the token back, and tell them why."""
    try:
        transact(
            lambda session: (
                services_appeals.give_back(
                    session,
                    appeal_id=appeal_id,
                    reason=request.form.get("reason", ""),
                    actor=current_actor(),
                    now=now(),
                ).id
            )
        )
    except Invalid as error:
        return _appeals(wrong=explain(error), wrong_id=appeal_id), 422
    except Conflict as error:
        return _appeals(wrong=explain(error), wrong_id=appeal_id), 409
    flash(_("The token is back with its author, who is told by mail."))
    return see_other(".appeals")


@bp.route("/submissions/<int:submission_id>/correct", methods=["GET", "POST"])
@allow("admin")
def correct(submission_id: int) -> Any:
    """Put the right verdict and score in force: shows what it does, then does it."""
    wrong, status = "", 200
    if request.method == "POST":
        try:
            transact(
                lambda session: (
                    services_correction.correct(
                        session,
                        submission_id=submission_id,
                        version=request.form.get("version", 0, type=int),
                        verdict=request.form.get("verdict", ""),
                        score=request.form.get("score", -1, type=int),
                        reason=request.form.get("reason", ""),
                        actor=current_actor(),
                        now=now(),
                    ).id
                )
            )
        except Invalid as error:
            wrong, status = explain(error), 422
        except Conflict as error:
            wrong, status = explain(error), 409
        else:
            flash(_("Corrected. The points follow, and the author is told by mail."))
            return see_other(".correct", submission_id=submission_id)
    with reading() as session:
        row = queries_desk.desk_row(session, submission_id, viewer=current_actor().member_id)
        attempts = queries_attempts.attempts(session, submission_id)
        lines = queries_fair.history(session, submission_id)
    page = render(
        "homework/admin_correct.html",
        row=row,
        attempt=attempts[0],
        lines=lines,
        wrong=wrong,
        typed=request.form if request.method == "POST" else {},
    )
    return page, status


def _appeals(*, wrong: str = "", wrong_id: int | None = None) -> str:
    state = request.args.get("state", "")
    chosen = state if state in APPEAL_STATES else ""
    with reading() as session:
        page = queries_fair.record(
            session, state=chosen, page=page_number(), viewer=current_actor().member_id
        )
    return render(
        "homework/admin_appeals.html",
        page=page,
        state=chosen,
        states=APPEAL_STATES,
        wrong=wrong,
        wrong_id=wrong_id,
        typed=request.form.get("reason", ""),
    )
