"""Appeals at the review desk: the longest waiting first, answered by somebody who has not judged the work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Forbidden, Invalid, Stale
from qunclub.web import (
    _,
    allow,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    page_number,
    reading,
    render,
    see_other,
    transact,
)

from . import (
    queries,
    queries_attempts,
    queries_blind,
    queries_fair,
    queries_teams,
    rules_fair,
    services_appeals,
)

bp = Blueprint("desk_appeals", __name__, url_prefix="/desk/appeals")


@bp.get("")
@allow("instructor")
def index() -> Any:
    """Appeals that I may answer."""
    moment = now()
    with reading() as session:
        page = queries_fair.queue(session, member_id=member_id(), page=page_number())
    return render(
        "homework/desk_appeals.html",
        page=page,
        late_before=moment - rules_fair.ANSWER_WITHIN,
        promised=rules_fair.ANSWER_WITHIN.days,
    )


@bp.route("/<int:appeal_id>", methods=["GET", "POST"])
@allow("instructor")
def show(appeal_id: int) -> Any:
    """The work, what was said of it, why its author appeals; a POST answers."""
    if request.method == "GET":
        return _page(appeal_id)
    try:
        transact(lambda session: _answer(session, appeal_id))
    except Stale as error:
        return _page(appeal_id, stale=explain(error)), 409
    except Invalid as error:
        return _page(appeal_id, wrong=explain(error)), 422
    flash(_("Answered. The author is told by mail."))
    return see_other(".index")


def _answer(session: Session, appeal_id: int) -> None:
    comment = request.form.get("comment_md", "").replace("\r\n", "\n")
    if request.form.get("outcome") == "decline":
        services_appeals.decline(
            session, appeal_id=appeal_id, answer=comment, actor=current_actor(), now=now()
        )
        return
    services_appeals.uphold(
        session,
        appeal_id=appeal_id,
        verdict=request.form.get("outcome", ""),
        scores=_scores(),
        comment_md=comment,
        actor=current_actor(),
        now=now(),
    )


def _scores() -> dict[int, int]:
    """The scores that were typed; an empty field is no score."""
    found = {}
    for name, value in request.form.items():
        key = name.removeprefix("score-")
        if name.startswith("score-") and key.isdigit() and value.strip():
            try:
                found[int(key)] = int(value)
            except ValueError:
                raise Invalid(
                    N_("A score lies between 0 and the criterion's maximum."), field="scores"
                ) from None
    return found


def _page(appeal_id: int, *, stale: str = "", wrong: str = "") -> str:
    me = member_id()
    with reading() as session:
        row = queries_fair.appeal_row(session, appeal_id, viewer=me)
        if row.member_id == me or queries_teams.is_mine(session, row.submission_id, me):
            raise Forbidden(N_("This is your own work."), how=N_("Another instructor reviews it."))
        mine = queries_fair.judged_by(session, row.attempt_id, me)
        criteria = queries.criteria(session, row.rubric_id)
        attempts = queries_attempts.attempts(session, row.submission_id)
        team = queries_teams.authors(session, [row.submission_id]).get(row.submission_id, [])
        if row.veiled:
            attempts, team = queries_blind.masked(attempts), []
    attempt = next(one for one in attempts if one.id == row.attempt_id)
    given = dict(attempt.review.points) if attempt.review else {}
    return render(
        "homework/desk_appeal.html",
        row=row,
        criteria=criteria,
        attempt=attempt,
        given=given,
        mine=mine,
        team=team,
        typed=request.form if request.method == "POST" else {},
        stale=stale,
        wrong=wrong,
    )
