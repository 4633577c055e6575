"""Passes that members hold, for admins: find, export, revoke with the exact effect shown, give."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, ids
from qunclub.web import (
    N_,
    NavItem,
    _,
    _l,
    allow,
    csv_response,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries_admin as queries
from . import services
from .forms import PASS_LABELS, GiveForm, RevokeForm

bp = Blueprint("held", __name__, url_prefix="/admin/passes")
register(
    NavItem(
        area="admin",
        label=_l("Passes"),
        endpoint="qunclub.held.index",
        icon="ticket-perforated",
        order=32,
        role="admin",
    )
)


def _filters() -> dict[str, Any]:
    return {
        "q": request.args.get("q", "").strip()[:120],
        "state": request.args.get("state", ""),
        "plan_id": request.args.get("plan", type=int),
    }


@bp.get("")
@allow("admin")
def index() -> Any:
    """Search and filter."""
    filters = _filters()
    with reading() as session:
        page = queries.held(session, **filters, after=request.args.get("after", ""))
        return render(
            "passes/admin_held.html",
            page=page,
            plans=queries.plan_names(session),
            states=PASS_LABELS,
            now=now(),
            **filters,
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response("passes", queries.HELD_HEADER, queries.held_rows(session, **_filters()))


@bp.route("/<int:pass_id>/revoke", methods=["GET", "POST"])
@allow("admin")
def revoke(pass_id: int) -> Any:
    """Take a pass back: its exact effect is shown first. Money goes back with the order, not here."""
    form = RevokeForm()
    with reading() as session:
        effect = queries.effect_of_revoking(session, pass_id, now())
        if effect.row.held.state == "revoked":
            raise Conflict(N_("This pass is revoked already."))
        if not form.validate_on_submit():
            page = render("passes/admin_revoke.html", form=form, effect=effect, states=PASS_LABELS)
            return page, 422 if form.errors else 200
    transact(
        lambda session: services.revoke(
            session,
            pass_id=pass_id,
            reason=(form.reason.data or "").strip(),
            actor=current_actor(),
            now=now(),
        )
    )
    flash(_("The pass is revoked; its member gets a mail that says why."), "warning")
    return see_other(".index")


@bp.route("/give", methods=["GET", "POST"])
@allow("admin")
def give() -> Any:
    """A pass as a gift of the club: no order, no stock."""
    form = GiveForm()
    with reading() as session:
        form.plan_id.choices = queries.plan_names(session)
        member = queries.member_by(session, form.member.data or "") if form.is_submitted() else None
        ident = member.id if member is not None else None
    if not form.is_submitted():
        # The same form sent twice is one gift.
        form.key.data = ids.token(12)
    if form.validate_on_submit():
        if ident is None:
            form.member.errors = [*form.member.errors, _("Nobody has this number or address.")]
        else:
            with form_errors(form):
                transact(lambda session: _give(session, form, ident))
                flash(_("The pass is given."))
                return see_other(".index")
    return render("passes/admin_give.html", form=form), 422 if form.errors else 200


def _give(session: Any, form: GiveForm, member_id: int) -> None:
    services.give(
        session,
        member_id=member_id,
        plan_id=form.plan_id.data,
        key=form.key.data or ids.token(12),
        reason=form.reason.data or "",
        actor=current_actor(),
        now=now(),
    )
