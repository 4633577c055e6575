"""My memberships: what they cost and until when they are open; cancelled, resumed, paid when a renewal failed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.kernel import Conflict
from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import jobs_recurring, rules, services_subscriptions
from . import queries_memberships as queries
from . import rules_subscriptions as own

bp = Blueprint("memberships", __name__, url_prefix="/memberships")

WORDS = {"intervals": own.INTERVAL_LABELS, "labels": rules.STATE_LABELS, "kinds": rules.STATE_KINDS}


@bp.get("")
@allow("signed_in")
def index() -> Any:
    """All of mine."""
    with reading() as session:
        return render("orders/memberships.html", views=queries.mine(session, member_id()), now=now(), **WORDS)


@bp.get("/<int:ident>")
@allow("signed_in")
def show(ident: int) -> Any:
    """One of mine."""
    with reading() as session:
        whole = queries.one(session, ident, member_id=member_id())
        return render("orders/membership.html", whole=whole, view=whole.view, now=now(), **WORDS)


def _own(ident: int) -> None:
    """Refuse what is another's.

    Raises:
        NotFound: as if it were not there.
    """
    with reading() as session:
        queries.one(session, ident, member_id=member_id())


@bp.post("/<int:ident>/cancel")
@allow("signed_in")
@limit("20 per minute", name="membership")
def cancel(ident: int) -> Any:
    """No more charges; the pass stays open for what is paid."""
    _own(ident)
    actor, moment = current_actor(), now()
    try:
        key = transact(
            lambda session: services_subscriptions.cancel(
                session, subscription_id=ident, now=moment, actor=actor
            )
        )
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", ident=ident)
    if jobs_recurring.tell_now(club(), ident, key):
        flash(_("The membership is cancelled; you are not charged again."))
    else:
        flash(_kept(), "warning")
    return see_other(".show", ident=ident)


@bp.post("/<int:ident>/resume")
@allow("signed_in")
@limit("20 per minute", name="membership")
def resume(ident: int) -> Any:
    """Go on after all."""
    _own(ident)
    actor, moment = current_actor(), now()
    try:
        key = transact(
            lambda session: services_subscriptions.resume(
                session, subscription_id=ident, now=moment, actor=actor
            )
        )
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", ident=ident)
    if jobs_recurring.tell_now(club(), ident, key):
        flash(_("The membership renews by itself again."))
    else:
        flash(_kept(), "warning")
    return see_other(".show", ident=ident)


def _kept() -> str:
    return _(
        "The payment service cannot be reached right now. Your wish is kept, and carried out as soon as it answers; "
        "you need not do anything."
    )
