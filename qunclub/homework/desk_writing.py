"""What the desk's page sends while somebody works: its heartbeat, its leaving, the draft as it is typed.

Each answers in JSON, for the page's script. Without it, claims end by themselves and drafts are kept by a button.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request

from qunclub.kernel import Conflict, Invalid, Stale
from qunclub.web import (
    _,
    allow,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    reading,
    see_other,
    transact,
    unit_of_work,
)
from qunclub.web.render import format_datetime

from . import queries_writing, rules_sides, services_desk, services_review
from .desk import kept, lease

bp = Blueprint("desk_writing", __name__, url_prefix="/desk/<int:submission_id>")


@bp.post("/beat")
@allow("instructor")
def beat(submission_id: int) -> Any:
    """Somebody is at it: the claim lasts on."""
    actor, moment = current_actor(), now()
    try:
        with unit_of_work() as session:
            services_review.claim(
                session, submission_id=submission_id, actor=actor, lease=lease(), now=moment
            )
    except Conflict as error:
        return jsonify(message=explain(error)), 409
    return jsonify(message=_("You hold it until %(time)s.", time=format_datetime(moment + lease())))


@bp.post("/leave")
@allow("instructor")
def leave(submission_id: int) -> Any:
    """The page was closed: the work goes back to the queue soon."""
    with unit_of_work() as session:
        services_desk.leave(session, submission_id=submission_id, actor=current_actor(), now=now())
    return "", 204


@bp.post("/draft")
@allow("instructor")
def draft(submission_id: int) -> Any:
    """Keep what is typed; another window's draft is not written over but sent back, to be shown beside it."""
    actor, moment = current_actor(), now()
    try:
        version = transact(
            lambda session: (
                services_desk.save_draft(
                    session,
                    submission_id=submission_id,
                    fields=request.form,
                    version=request.form.get("draft_version", 0, type=int),
                    actor=actor,
                    now=moment,
                    shown=rules_sides.shown(request.form),
                ).version
            )
        )
    except Stale as error:
        with reading() as session:
            other = queries_writing.draft_of(session, submission_id, reviewer_id=member_id())
            found = (other.version, other.fields) if other else (0, {})
        return jsonify(message=explain(error), version=found[0], fields=found[1]), 409
    except Invalid as error:
        return jsonify(message=explain(error)), 422
    return jsonify(version=version, message=_("Draft kept at %(time)s.", time=format_datetime(moment)))


@bp.post("/discard")
@allow("instructor")
def discard(submission_id: int) -> Any:
    """Throw the draft away."""
    with unit_of_work() as session:
        there = services_desk.discard_draft(session, submission_id=submission_id, actor=current_actor())
    flash(_("The draft is gone."), "info")
    if not there:
        return see_other("qunclub.desk.index", **kept())
    return see_other("qunclub.desk.show", submission_id=submission_id, **kept())
