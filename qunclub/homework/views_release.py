"""Verdicts that come out together: how far each homework is, and the release."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.web import _, _n, allow, current_actor, flash, now, reading, render, see_other, transact

from . import queries_release, services_release

bp = Blueprint("desk_release", __name__, url_prefix="/desk/release")
AT_ONCE = 5
"""How many batches a press of the button brings out itself; the job goes on with the rest."""


@bp.get("")
@allow("instructor")
def index() -> Any:
    """Every homework whose verdicts come out together."""
    with reading() as session:
        rows = queries_release.together(session)
    return render("homework/desk_release.html", rows=rows)


@bp.post("/<int:assignment_id>")
@allow("instructor")
def release(assignment_id: int) -> Any:
    """Bring the held verdicts out."""
    moment, actor = now(), current_actor()
    transact(
        lambda session: (
            services_release.release(session, assignment_id=assignment_id, actor=actor, now=moment).id
        )
    )
    out = 0
    for _batch in range(AT_ONCE):
        done = transact(
            lambda session: services_release.bring_out_some(session, assignment_id=assignment_id, now=moment)
        )
        out += done
        if not done:
            break
    flash(
        _n("Released: %(num)s result is out.", "Released: %(num)s results are out.", out)
        + (" " + _("The rest follows within minutes.") if out >= AT_ONCE * services_release.BATCH else "")
    )
    return see_other(".index")
