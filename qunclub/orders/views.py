"""An order after it was placed: pay, wait, come back, cancel; my orders and what became of each."""

from __future__ import annotations

from typing import Any

from flask import make_response, redirect, request, url_for
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict
from qunclub.kernel.payments import GatewayError, GatewayUnavailable
from qunclub.web import (
    N_,
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    is_htmx,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import (
    jobs,
    queries,
    queries_buying,
    queries_claims,
    rules,
    rules_transfers,
    services,
    services_fapiao,
    services_inbox,
    services_refunds_own,
    transfer_settings,
)
from .queries import OrderView
from .refunds_views import why_not
from .views_buying import bp
from .views_paying import by_answer, own, to_pay_page, where_it_stands

__all__ = ["bp"]

LINE_KINDS = {"gift": N_("Gift"), "renewal": N_("Renewal"), "upgrade": N_("Upgrade")}


@bp.get("/checkout/<code>")
@allow("signed_in")
def checkout(code: str) -> Any:
    """An order on its way to being paid: what it costs, pay, cancel, or what became of it."""
    with reading() as session:
        view = queries.order_of(session, code=code, member_id=member_id())
        order = view.order
        if order.state == rules.PENDING and order.pay_by == rules_transfers.TRANSFER:
            return see_other("qunclub.transfers.show", code=code)
        settings = transfer_settings.load(session)
        return render(
            "orders/checkout.html",
            **_facts(view),
            **_arithmetic(session, view),
            transfer=rules_transfers.offered(
                settings, currency=order.currency, interval=view.plan.interval, total=order.total
            ),
            away="away" in request.args,
            coming="coming" in request.args,
        )


def _facts(view: OrderView) -> dict[str, Any]:
    return {
        "view": view,
        "order": view.order,
        "plan": view.plan,
        "minutes": view.minutes_left(now()),
        "label": rules.STATE_LABELS[view.order.state],
        "kind": rules.STATE_KINDS[view.order.state],
        "came_back": "back" in request.args,
    }


def _arithmetic(session: Session, view: OrderView) -> dict[str, Any]:
    return {
        "discounts": queries_buying.discounts_of(session, view.order),
        "about": queries_buying.base_of(session, view.lines),
        "key": view.plan.link_key if view.plan.hidden else None,
    }


@bp.get("/checkout/<code>/state")
@allow("signed_in")
def state(code: str) -> Any:
    """Asked by the page every few seconds: the fragment as it is now, or where to go when it was paid."""
    with reading() as session:
        found = queries.state_of(session, code=code, member_id=member_id())
    if found == rules.PENDING:
        return render("orders/_waiting.html", **_facts(own(code)))
    if not is_htmx():
        return see_other(".back", code=code)
    response = make_response("")
    response.headers["HX-Redirect"] = url_for(".back", code=code)
    return response


@bp.post("/checkout/<code>/pay")
@allow("signed_in")
@limit("20 per minute", name="checkout")
def pay(code: str) -> Any:
    """To the pay page, again."""
    return to_pay_page(own(code))


@bp.get("/checkout/<code>/return")
@allow("signed_in")
def back(code: str) -> Any:
    """Where the pay page sends the buyer back to. Nobody waits for the webhook: the payment service is asked."""
    view = own(code)
    order = view.order
    coming = None
    if order.state == rules.PENDING and order.checkout_ref:
        try:
            found = club().gateway.retrieve_checkout(order.checkout_ref)
        except GatewayUnavailable:
            pass  # the page says that it waits; the webhook or the sweeper brings it
        except GatewayError as error:
            flash(explain(error), "warning")
        else:
            if found.settled:
                jobs.settle(club(), found, actor=services_inbox.gateway_actor())
                view = own(code)
            elif found.status == "complete":
                coming = 1
    if view.order.state == rules.PENDING:
        return redirect(url_for(".checkout", code=code, back=1, coming=coming), 303)
    return where_it_stands(view)


@bp.post("/checkout/<code>/cancel")
@allow("signed_in")
def cancel(code: str) -> Any:
    """Call the order off. The pay page is closed first, so that nobody pays for what is cancelled."""
    view = own(code)
    order = view.order
    if order.state == rules.PENDING and order.checkout_ref:
        try:
            found = club().gateway.expire_checkout(order.checkout_ref)
        except GatewayError:
            found = None  # the outbox closes it later
        if found is not None and found.status == "complete":
            flash(_("This order was paid a moment ago, so it is not cancelled."), "info")
            return by_answer(view, found)
    try:
        with unit_of_work() as session:
            services.cancel(session, order_code=code, now=now(), actor=current_actor())
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".checkout", code=code)
    flash(_("The order is cancelled; nothing was charged."), "info")
    return see_other(".checkout", code=code)


@bp.get("/orders")
@allow("signed_in")
def index() -> Any:
    """My orders."""
    with reading() as session:
        page = queries.my_orders(session, member_id=member_id(), after=request.args.get("after", ""))
        return render(
            "orders/index.html",
            page=page,
            labels=rules.STATE_LABELS,
            kinds=rules.STATE_KINDS,
            line_kinds=LINE_KINDS,
        )


@bp.get("/orders/<code>")
@allow("signed_in")
def show(code: str) -> Any:
    """One order: what was bought, how it was paid, what was given back."""
    with reading() as session:
        view = queries.order_of(session, code=code, member_id=member_id())
        own_refund = services_refunds_own.standing(session, view.order, now())
        return render(
            "orders/show.html",
            **_facts(view),
            **_arithmetic(session, view),
            methods=rules.METHOD_LABELS,
            refund_labels=rules.REFUND_LABELS,
            codes=queries_claims.counts(session, view.order.id) if view.order.kind == "gift" else {},
            fapiao=services_fapiao.load(session).offers_fapiao(club().settings.currency)
            and view.order.total > 0,
            own=own_refund,
            own_reason=why_not(own_refund.answer),
        )
