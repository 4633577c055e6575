"""An author appeals against a review: what it costs, until when, and their reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict, Invalid, NotFound
from qunclub.web import (
    _,
    allow,
    club,
    explain,
    flash,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries, queries_fair, rules_fair, services_appeals

bp = Blueprint("work_appeals", __name__, url_prefix="/homework")


def terms_now(session: Session, ident: int, moment: dt.datetime) -> rules_fair.Terms:
    """What an appeal costs a member at *moment*, by the club's settings, its season, and their level on the path."""
    settings, book, tokens = club().settings, club().level_book, club().settings.appeal_tokens
    if tokens and book is not None and "more_appeals" in book.rights_of(session, ident):
        tokens += 1
    return queries_fair.terms(
        session, tokens=tokens, days=settings.appeal_days, zone=settings.zone, now=moment
    )


def fairness_of(
    session: Session, submission_id: int, ident: int, moment: dt.datetime
) -> queries_fair.FairView:
    """The history of a work and what *ident*, whose it is, may do about its verdict."""
    return queries_fair.fairness(
        session, submission_id, member_id=ident, terms=terms_now(session, ident, moment), now=moment
    )


@bp.route("/<int:assignment_id>/appeal", methods=["GET", "POST"])
@allow("signed_in")
def appeal(assignment_id: int) -> Any:
    """Ask for another judgement; what was typed stays when it is refused."""
    ident, moment = member_id(), now()
    with reading() as session:
        work = queries.assignment_row(session, assignment_id, staff=True)
        mine = queries.own_submission(session, assignment_id=assignment_id, member_id=ident)
        if mine is None:
            raise NotFound()
        fair = fairness_of(session, mine.id, ident, moment)
    wrong, status = "", 200
    if request.method == "POST":
        reason = request.form.get("reason", "").replace("\r\n", "\n")
        try:
            transact(
                lambda session: (
                    services_appeals.open_appeal(
                        session,
                        submission_id=mine.id,
                        member_id=ident,
                        reason=reason,
                        terms=terms_now(session, ident, moment),
                        now=moment,
                    ).id
                )
            )
        except Invalid as error:
            wrong, status = explain(error), 422
        except Conflict as error:
            wrong, status = explain(error), 409
        else:
            flash(_("Your appeal is with the instructors. You get a mail when it is answered."))
            return see_other("qunclub.homework.show", assignment_id=assignment_id, _anchor="history")
    page = render(
        "homework/appeal.html",
        work=work,
        fair=fair,
        wrong=wrong,
        typed=request.form.get("reason", ""),
        days=rules_fair.ANSWER_WITHIN.days,
        limit=rules_fair.MAX_REASON,
    )
    return page, status
