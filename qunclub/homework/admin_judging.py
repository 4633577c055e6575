"""How an assignment is judged: its settings, and who looked behind a blind review."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, Invalid, Stale
from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    transact,
    version_in,
)

from . import queries, queries_blind, queries_second, services_judging, services_second
from .forms import to_local, to_utc
from .forms_judging import JudgingForm
from .services_judging import Judging

bp = Blueprint("homework_judging", __name__, url_prefix="/admin/homework")


@bp.route("/<int:assignment_id>/judging", methods=["GET", "POST"])
@allow("admin")
def index(assignment_id: int) -> Any:
    """The settings, and a form to change them."""
    with reading() as session:
        work = queries.assignment_row(session, assignment_id, staff=True)
        judges = len(queries_second.instructors(session))
        unveils = queries_blind.unveils(session, assignment_id)
    form = JudgingForm(
        data=None
        if request.method == "POST"
        else {
            **{
                name: getattr(work, name)
                for name in ("blind", "second_percent", "divergence", "release", "version")
            },
            "release_at": to_local(work.release_at, club().settings.zone),
        }
    )
    if form.validate_on_submit():
        version = form.version.data or ""
        try:
            with form_errors(form):
                transact(
                    lambda session: (
                        services_judging.set_judging(
                            session,
                            assignment_id=assignment_id,
                            version=version_in(version),
                            wanted=_wanted(form),
                            actor=current_actor(),
                            now=now(),
                        ).id
                    )
                )
                flash(_("Saved."))
                return see_other(".index", assignment_id=assignment_id)
        except Stale as error:
            form.version.data = str(work.version)
            form.form_errors.append(explain(error))
    page = render("homework/admin_judging.html", work=work, form=form, unveils=unveils, judges=judges)
    return (page, 422) if form.errors else page


@bp.post("/submissions/<int:submission_id>/unveil")
@allow("admin")
def unveil(submission_id: int) -> Any:
    """See who wrote a blind work; that it was done is kept."""
    reason = request.form.get("reason", "")
    try:
        transact(
            lambda session: (
                services_judging.unveil(
                    session, submission_id=submission_id, reason=reason, actor=current_actor(), now=now()
                ).id
            )
        )
    except Invalid as error:
        flash(explain(error), "warning")
    else:
        flash(_("You see the name of this work now; the audit log says so."), "info")
    return see_other("qunclub.desk.show", submission_id=submission_id)


@bp.post("/submissions/<int:submission_id>/waive")
@allow("admin")
def waive(submission_id: int) -> Any:
    """Decide without the judgement that is missing."""
    try:
        transact(
            lambda session: (
                services_second.waive(
                    session,
                    submission_id=submission_id,
                    version=request.form.get("version", 0, type=int),
                    reason=request.form.get("reason", ""),
                    actor=current_actor(),
                    now=now(),
                ).id
            )
        )
    except (Invalid, Conflict) as error:
        flash(explain(error), "warning")
    else:
        flash(_("Decided. The author is told by mail."))
    return see_other("qunclub.desk.show", submission_id=submission_id)


def _wanted(form: JudgingForm) -> Judging:
    together = form.release.data == "together"
    return Judging(
        blind=form.blind.data or "",
        second_percent=form.second_percent.data or 0,
        divergence=form.divergence.data or 0,
        release=form.release.data or "",
        release_at=to_utc(form.release_at.data, club().settings.zone) if together else None,
    )
