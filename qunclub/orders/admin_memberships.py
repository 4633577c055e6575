"""Memberships, for admins: find them, tell one's whole story, end or resume it with the exact effect shown."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict
from qunclub.kernel.payments import GatewayError
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
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

from . import dashboard, jobs_recurring, rules, services_subscriptions
from . import queries_memberships as queries
from . import rules_subscriptions as own

bp = Blueprint("memberships_admin", __name__, url_prefix="/admin/memberships")
register(
    NavItem("admin", _l("Memberships"), "qunclub.memberships_admin.index", "arrow-repeat", 17, role="admin")
)

FILTERS = {
    own.ACTIVE: own.STATE_LABELS[own.ACTIVE],
    queries.CANCELLING: own.CANCELLING,
    own.PAST_DUE: own.STATE_LABELS[own.PAST_DUE],
    own.ENDED: own.STATE_LABELS[own.ENDED],
    own.PENDING: own.STATE_LABELS[own.PENDING],
}
WORDS = {"intervals": own.INTERVAL_LABELS, "labels": rules.STATE_LABELS, "kinds": rules.STATE_KINDS}


def _filters() -> queries.Filters:
    state = request.args.get("state", "")
    return queries.Filters(q=request.args.get("q", "").strip()[:120], state=state if state in FILTERS else "")


@bp.get("")
@allow("admin")
def index() -> Any:
    """Search and filter."""
    filters = _filters()
    with reading() as session:
        page = queries.memberships(session, filters, page=page_number())
        return render("orders/admin_memberships.html", page=page, asked=filters, filters=FILTERS, **WORDS)


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response("memberships", queries.HEADER, queries.memberships_rows(session, _filters()))


@bp.get("/<int:ident>")
@allow("admin")
def show(ident: int) -> Any:
    """One membership's whole story, and what can be done with it."""
    with reading() as session:
        whole = queries.one(session, ident, story=True)
        return render(
            "orders/admin_membership.html",
            whole=whole,
            view=whole.view,
            now=now(),
            gateway=dashboard.address(club().settings, "subscriptions", whole.view.found.ref),
            **WORDS,
        )


@bp.post("/<int:ident>/cancel")
@allow("admin")
def cancel(ident: int) -> Any:
    """End it with what is paid, or at once."""
    at_end = request.form.get("when") != "now"
    actor, moment = current_actor(), now()
    try:
        key = transact(
            lambda session: services_subscriptions.cancel(
                session, subscription_id=ident, at_end=at_end, now=moment, actor=actor
            )
        )
    except Conflict as refused:
        flash(explain(refused), "danger")
        return see_other(".show", ident=ident)
    return _told(ident, key, _("The membership is cancelled; its member is not charged again."))


@bp.post("/<int:ident>/resume")
@allow("admin")
def resume(ident: int) -> Any:
    """Take a cancellation back."""
    actor, moment = current_actor(), now()
    try:
        key = transact(
            lambda session: services_subscriptions.resume(
                session, subscription_id=ident, now=moment, actor=actor
            )
        )
    except Conflict as refused:
        flash(explain(refused), "danger")
        return see_other(".show", ident=ident)
    return _told(ident, key, _("The membership renews by itself again."))


def _told(ident: int, key: str, done: str) -> Any:
    if jobs_recurring.tell_now(club(), ident, key):
        flash(done)
    else:
        flash(
            _(
                "Written down. The payment service cannot be reached right now; it is told as soon as it answers."
            ),
            "warning",
        )
    return see_other(".show", ident=ident)


@bp.post("/<int:ident>/ask")
@allow("admin")
def ask(ident: int) -> Any:
    """Ask the payment service how it stands, instead of waiting for the sweeper."""
    with reading() as session:
        queries.one(session, ident)
        ref = queries.of_key(session, ident)
    if ref is None:
        flash(_("The payment service does not know this membership yet."), "info")
        return see_other(".show", ident=ident)
    try:
        changed = jobs_recurring.ask(club(), ident, ref)
    except GatewayError as error:
        flash(explain(error), "warning")
    else:
        if changed:
            flash(_("The payment service told something new; it is written down."))
        else:
            flash(_("Everything here is as the payment service says."), "info")
    return see_other(".show", ident=ident)
