"""Buying: from the plan to the hosted pay page and back, whatever the payment service does meanwhile."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from flask import Blueprint, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from qunclub.kernel import Conflict
from qunclub.kernel.payments import CheckoutRequest, CheckoutSession, GatewayError
from qunclub.web import (
    _,
    absolute_url,
    allow,
    club,
    current_actor,
    explain,
    flash,
    is_htmx,
    limit,
    locale,
    member_id,
    now,
    page_number,
    reading,
    render,
    see_other,
    transact,
    unit_of_work,
)

from . import jobs, queries, rules, services, services_inbox, services_transfers
from .queries import OrderView

bp = Blueprint("orders", __name__)


@bp.post("/passes/<slug>/order")
@allow("signed_in")
@limit("20 per minute", name="checkout")
def start(slug: str) -> Any:
    """Order a pass, then go to the pay page. The order is committed before the payment service is asked."""
    actor, buyer = current_actor(), member_id()
    with reading() as session:
        plan = queries.plan_to_buy(session, slug)
        if queries.endless_pass(session, member_id=buyer, plan_id=plan.id, now=now()) is not None:
            flash(_("You hold this pass for life already; there is nothing more to buy."), "info")
            return see_other("qunclub.passes.show", slug=slug)
        plan_id, free = plan.id, plan.price == 0

    def command(work: Session) -> str:
        order = services.place(
            work,
            member_id=buyer,
            plan_id=plan_id,
            email=actor.email,
            locale=locale(),
            now=now(),
            actor=actor,
            hold_minutes=club().settings.order_hold_minutes,
        )
        if free and order.total == 0:
            services_transfers.take_free(work, order_code=order.code, now=now(), actor=actor)
        return order.code

    try:
        code = transact(command)
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other("qunclub.passes.show", slug=slug)
    return _to_pay_page(_own(code))


def _own(code: str) -> OrderView:
    with reading() as session:
        return queries.order_of(session, code=code, member_id=member_id())


def _to_pay_page(view: OrderView) -> Response:
    """To the hosted page of a pending order: the one it has, or a new one."""
    order = view.order
    if order.state != rules.PENDING:
        return _where_it_stands(view)
    try:
        if order.checkout_ref:
            return _by_answer(view, club().gateway.retrieve_checkout(order.checkout_ref))
        opened = club().gateway.create_checkout(_request(view), idempotency_key=order.code)
    except GatewayError as error:
        flash(explain(error), "warning")
        return see_other(".checkout", code=order.code)
    with unit_of_work() as session:
        services.attach_checkout(
            session, order_id=order.id, ref=opened.id, url=opened.url or "", actor=current_actor(), now=now()
        )
    if opened.url is None:
        return see_other(".checkout", code=view.order.code)
    return redirect(opened.url, 303)


def _request(view: OrderView) -> CheckoutRequest:
    order = view.order
    assert order.expires_at is not None  # the web's orders all have an end
    return CheckoutRequest(
        order_code=order.code,
        title=view.title,
        description=view.plan.summary[:300],
        amount=order.total,
        currency=order.currency,
        customer_email=order.email,
        success_url=_address("qunclub.orders.back", order.code),
        cancel_url=_address("qunclub.orders.checkout", order.code),
        expires_at=order.expires_at,
        locale="zh" if order.locale == "zh" else "en",
        methods=club().settings.stripe_methods,
        metadata={"plan": view.plan.slug},
    )


def _address(endpoint: str, code: str) -> str:
    """Where the pay page sends the buyer back to: the site they are on, so that they are still signed in there."""
    if club().settings.public_url:
        return absolute_url(endpoint, code=code)
    return urljoin(request.host_url, url_for(endpoint, code=code))


def _by_answer(view: OrderView, found: CheckoutSession) -> Response:
    """What to do next, now that the payment service has said how the checkout stands."""
    code = view.order.code
    if found.settled:
        jobs.settle(club(), found, actor=services_inbox.gateway_actor())
        return _where_it_stands(_own(code))
    if found.status == "open" and found.url:
        return redirect(found.url, 303)
    if found.status == "complete":
        flash(_("Your payment is on its way. We write to you as soon as it is here."), "info")
    else:
        with unit_of_work() as session:
            services.expire_order(session, order_code=code, now=now(), actor=services_inbox.gateway_actor())
    return see_other(".checkout", code=code)


def _where_it_stands(view: OrderView) -> Response:
    """The page that fits the order: the welcome for a new pass, else what happened to it."""
    held = view.newest_pass
    if view.order.state == rules.PAID and held is not None:
        return see_other("qunclub.welcome.index", pass_id=held.id)
    return see_other(".checkout", code=view.order.code)


@bp.get("/checkout/<code>")
@allow("signed_in")
def checkout(code: str) -> Any:
    """An order on its way to being paid: pay, cancel, or what became of it."""
    return render("orders/checkout.html", **_facts(_own(code)))


def _facts(view: OrderView) -> dict[str, Any]:
    return {
        "view": view,
        "order": view.order,
        "minutes": view.minutes_left(now()),
        "label": rules.STATE_LABELS[view.order.state],
        "kind": rules.STATE_KINDS[view.order.state],
        "came_back": "back" in request.args,
    }


@bp.get("/checkout/<code>/state")
@allow("signed_in")
def state(code: str) -> Any:
    """Asked by the page every few seconds: the fragment as it is now, or where to go when it was paid."""
    with reading() as session:
        found = queries.state_of(session, code=code, member_id=member_id())
    if found == rules.PENDING:
        return render("orders/_waiting.html", **_facts(_own(code)))
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
    return _to_pay_page(_own(code))


@bp.get("/checkout/<code>/return")
@allow("signed_in")
def back(code: str) -> Any:
    """Where the pay page sends the buyer back to. Nobody waits for the webhook: the payment service is asked."""
    view = _own(code)
    order = view.order
    if order.state == rules.PENDING and order.checkout_ref:
        try:
            found = club().gateway.retrieve_checkout(order.checkout_ref)
        except GatewayError as error:
            flash(explain(error), "warning")
        else:
            if found.settled:
                jobs.settle(club(), found, actor=services_inbox.gateway_actor())
                view = _own(code)
    if view.order.state == rules.PENDING:
        return redirect(url_for(".checkout", code=code, back=1), 303)
    return _where_it_stands(view)


@bp.post("/checkout/<code>/cancel")
@allow("signed_in")
def cancel(code: str) -> Any:
    """Call the order off. The pay page is closed first, so that nobody pays for what is cancelled."""
    view = _own(code)
    order = view.order
    if order.state == rules.PENDING and order.checkout_ref:
        try:
            found = club().gateway.expire_checkout(order.checkout_ref)
        except GatewayError:
            found = None  # the outbox closes it later
        if found is not None and found.status == "complete":
            flash(_("This order was paid a moment ago, so it is not cancelled."), "info")
            return _by_answer(view, found)
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
        page = queries.my_orders(session, member_id=member_id(), page=page_number())
        return render("orders/index.html", page=page, labels=rules.STATE_LABELS, kinds=rules.STATE_KINDS)


@bp.get("/orders/<code>")
@allow("signed_in")
def show(code: str) -> Any:
    """One order: what was bought, how it was paid, what was given back."""
    return render(
        "orders/show.html",
        **_facts(_own(code)),
        methods=rules.METHOD_LABELS,
        refund_labels=rules.REFUND_LABELS,
    )
