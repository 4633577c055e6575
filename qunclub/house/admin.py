"""The club's ladder, for admins."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Stale
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
    version_in,
)

from . import rules_ladder, services_reports, services_sanctions
from .forms_ladder import LadderForm

bp = Blueprint("house_admin", __name__, url_prefix="/admin/house")
register(
    NavItem(
        area="admin",
        label=_l("Rules of the house"),
        endpoint="qunclub.house_admin.index",
        icon="shield-check",
        order=55,
        role="admin",
    )
)


@bp.route("", methods=["GET", "POST"])
@allow("admin")
def index() -> Any:
    """What the first, the second and each further violation leads to."""
    form, stale = LadderForm(), ""
    if form.is_submitted() and form.change_rows(request.form):
        # Sent only for one more row or one less: nothing is checked, nothing saved.
        pass
    elif form.validate_on_submit():
        try:
            with form_errors(form):
                new = form.ladder()
                transact(
                    lambda work: services_sanctions.set_ladder(
                        work, new=new, version=version_in(form.version.data), actor=current_actor(), now=now()
                    )
                )
                flash(_("Saved. It counts for what is decided from now on."))
                return see_other(".index")
        except Stale as error:
            stale = explain(error)
    with reading() as session:
        kept = services_sanctions.ladder(session)
        if not form.is_submitted():
            form.show(kept)
        elif stale:
            form.version.data = str(kept.version)
        page = render(
            "house/admin.html",
            form=form,
            stale=stale,
            most=rules_ladder.MOST_STEPS,
            waiting=services_reports.waiting(session),
            appealed=services_reports.waiting(session, services_reports.APPEALS),
        )
    return page, 409 if stale else 422 if form.errors else 200
