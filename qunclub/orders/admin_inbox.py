"""The gateway's notifications, for admins: what came, what became of it, and once more."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, request

from qunclub.web import (
    N_,
    NavItem,
    _,
    _l,
    _n,
    allow,
    club,
    current_actor,
    flash,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import jobs_inbox, services_inbox
from . import queries_inbox as inbox

bp = Blueprint("orders_inbox", __name__, url_prefix="/admin/gateway")
register(
    NavItem("admin", _l("Payment notifications"), "qunclub.orders_inbox.index", "inbox", 16, role="admin")
)

OUTCOMES = {
    "": N_("Not handled yet"),
    "fulfilled": N_("Paid, fulfilled"),
    "already": N_("Known already"),
    "attention": N_("Put before an admin"),
    "expired": N_("Order ended"),
    "on_its_way": N_("Money on its way"),
    "ignored": N_("Nothing to do"),
    "unknown_order": N_("Names no order of ours"),
    "waiting": N_("Waits for its payment"),
    "failed": N_("Failed"),
    "recorded": N_("Refund recorded"),
    "settled": N_("Refund settled"),
    "requested": N_("Refund on its way"),
    "known": N_("Known already"),
    "repeated": N_("Known already"),
    "renewed": N_("Membership renewed"),
    "past_due": N_("Renewal failed"),
    "ended": N_("Membership ended"),
    "updated": N_("Membership looked at"),
    "inquiry": N_("Inquiry written down"),
    "disputed": N_("Dispute opened"),
    "won": N_("Dispute won"),
    "lost": N_("Dispute lost"),
}


@bp.get("")
@allow("admin")
def index() -> Any:
    """The inbox, the newest first."""
    show, q = request.args.get("show", ""), request.args.get("q", "").strip()[:120]
    with reading() as session:
        page = inbox.events(session, show=show, q=q, page=page_number())
        return render(
            "orders/admin_inbox.html",
            page=page,
            show=show,
            q=q,
            failed=inbox.failed(session),
            counted=inbox.COUNTED,
            outcomes=OUTCOMES,
        )


@bp.post("/replay-failed")
@allow("admin")
def replay_failed() -> Any:
    """Handle all that failed once more, the oldest first."""
    counts = jobs_inbox.replay_failed(club())
    with unit_of_work() as session:
        services_inbox.audit_replay_failed(session, counts=counts, actor=current_actor(), now=now())
    if counts["failed"] or counts["left"]:
        flash(
            _(
                "Handled: %(handled)s. Failed again: %(failed)s. Not tried: %(left)s.",
                handled=counts["handled"],
                failed=counts["failed"],
                left=counts["left"],
            ),
            "warning",
        )
    else:
        flash(_n("%(num)s notification is handled.", "%(num)s notifications are handled.", counts["handled"]))
    return see_other(".index")


@bp.get("/<int:event_id>")
@allow("admin")
def event(event_id: int) -> Any:
    """One notification as it came."""
    with reading() as session:
        found = inbox.event(session, event_id)
        try:
            payload = json.dumps(json.loads(found.payload), indent=2, ensure_ascii=False)
        except ValueError:
            payload = found.payload
        return render("orders/admin_event.html", event=found, payload=payload, outcomes=OUTCOMES)


@bp.post("/<int:event_id>/replay")
@allow("admin")
def replay(event_id: int) -> Any:
    """Handle a notification once more; what was handled stays handled."""
    outcome = jobs_inbox.replay_event(club(), event_id)
    with unit_of_work() as session:
        services_inbox.audit_replay(
            session, event_id=event_id, outcome=outcome, actor=current_actor(), now=now()
        )
    if outcome == "failed":
        flash(_("It failed again; the reason stands below."), "danger")
    elif outcome == "repeated":
        flash(_("It was handled already; nothing changed."), "info")
    else:
        flash(_("Handled: %(outcome)s", outcome=_(OUTCOMES.get(outcome, outcome))))
    return see_other(".event", event_id=event_id)
