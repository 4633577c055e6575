"""Who may take no seat, for admins: why, until when, and lifting it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict
from qunclub.web import (
    _,
    allow,
    current_actor,
    explain,
    flash,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries_bars, services_bars
from .forms import LiftForm

bp = Blueprint("groups_bars", __name__, url_prefix="/admin/groups/barred")
LONGEST_NUMBER = 12


@bp.get("")
@allow("admin")
def index() -> Any:
    """Bars, the newest first; by member number when one is asked for."""
    q = request.args.get("q", "").strip()[:40]
    number = int(q) if q.isdecimal() and len(q) <= LONGEST_NUMBER else None
    before = request.args.get("before", 0, type=int)
    with reading() as session:
        page = queries_bars.bar_rows(session, number=number, before=max(0, before))
        return render("groups/admin_bars.html", page=page, q=q, now=now(), before=before)


@bp.route("/<int:bar_id>/lift", methods=["GET", "POST"])
@allow("admin")
def lift(bar_id: int) -> Any:
    """Let somebody take seats again."""
    form, refused = LiftForm(), ""
    with reading() as session:
        name = queries_bars.bar_row(session, bar_id).member.shown_name
    if form.validate_on_submit():
        try:
            transact(
                lambda session: services_bars.lift_bar(
                    session,
                    bar_id=bar_id,
                    reason=(form.reason.data or "").strip(),
                    actor=current_actor(),
                    now=now(),
                )
            )
            flash(_("%(name)s may take seats again.", name=name))
            return see_other(".index")
        except Conflict as error:
            refused = explain(error)
    with reading() as session:
        row = queries_bars.bar_row(session, bar_id)
        page = render("groups/admin_lift.html", form=form, row=row, refused=refused)
    return page, 409 if refused else 422 if form.errors else 200
