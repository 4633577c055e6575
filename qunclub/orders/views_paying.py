"""On the way to the pay page and back, whatever the payment service does meanwhile: shared by the views of buying."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import fields
from urllib.parse import urljoin

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from qunclub.kernel.payments import CheckoutRequest, CheckoutSession, GatewayError
from qunclub.web import (
    _,
    absolute_url,
    club,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    reading,
    see_other,
    unit_of_work,
)

from . import jobs, queries, rules, rules_selling, services, services_inbox
from .queries import OrderView

# A pay page whose answer was lost is asked for again under the same key; after this long the gateway needs another end
# for it and would refuse the old key. Nobody has the address of the one that was lost.
SAME_ANSWER = dt.timedelta(minutes=10)


def own(code: str) -> OrderView:
    """One's own order."""
    with reading() as session:
        return queries.order_of(session, code=code, member_id=member_id())


def to_pay_page(view: OrderView) -> Response:
    """To the hosted page of a pending order: the one it has, or a new one. A transfer has its instructions instead."""
    order = view.order
    if order.state != rules.PENDING:
        return where_it_stands(view)
    if order.pay_by == rules_selling.TRANSFER:
        return see_other("qunclub.transfers.show", code=order.code)
    try:
        if order.checkout_ref:
            return by_answer(view, club().gateway.retrieve_checkout(order.checkout_ref))
        asked = pay_request(view)
        opened = club().gateway.create_checkout(asked, idempotency_key=content_key(view, asked))
    except GatewayError as error:
        flash(explain(error), "warning")
        return redirect(url_for("qunclub.orders.checkout", code=order.code, away=1), 303)
    with unit_of_work() as session:
        services.attach_checkout(
            session, order_id=order.id, ref=opened.id, url=opened.url or "", actor=current_actor(), now=now()
        )
    if opened.url is None:
        return see_other("qunclub.orders.checkout", code=order.code)
    return redirect(opened.url, 303)


def pay_request(view: OrderView) -> CheckoutRequest:
    """What the payment service is asked to take."""
    order, interval = view.order, view.plan.interval
    assert order.expires_at is not None  # the web's orders all have an end
    line = view.lines[0]
    full = line.unit_price * line.quantity
    return CheckoutRequest(
        order_code=order.code,
        title=view.title if line.quantity == 1 else f"{view.title} × {line.quantity}",
        description=view.plan.summary[:300],
        # A membership is charged its whole price each later time; only the first is lower.
        amount=full if interval else order.total,
        discount=full - order.total if interval else 0,
        interval="month" if interval == "month" else "year" if interval == "year" else "",
        currency=order.currency,
        customer_email=order.email,
        success_url=_address("qunclub.orders.back", order.code),
        cancel_url=_address("qunclub.orders.checkout", order.code),
        expires_at=order.expires_at,
        locale="zh" if order.locale == "zh" else "en",
        methods=club().settings.stripe_methods,
        metadata={"plan": view.plan.slug, "kind": line.kind},
    )


def content_key(view: OrderView, asked: CheckoutRequest) -> str:
    """The same key for the same content: what is asked for twice opens one pay page, what changed opens another."""
    content = "\n".join(f"{field.name}={getattr(asked, field.name)!r}" for field in fields(asked))
    digest = hashlib.sha256(content.encode()).hexdigest()[:20]
    return f"{view.order.code}:{digest}:{(now() - view.order.created_at) // SAME_ANSWER}"


def _address(endpoint: str, code: str) -> str:
    """Where the pay page sends the buyer back to: the site they are on, so that they are still signed in there."""
    if club().settings.public_url:
        return absolute_url(endpoint, code=code)
    return urljoin(request.host_url, url_for(endpoint, code=code))


def by_answer(view: OrderView, found: CheckoutSession) -> Response:
    """What to do next, now that the payment service has said how the checkout stands."""
    code = view.order.code
    if found.settled:
        jobs.settle(club(), found, actor=services_inbox.gateway_actor())
        return where_it_stands(own(code))
    if found.status == "open" and found.url:
        return redirect(found.url, 303)
    if found.status == "complete":
        flash(_("Your payment is on its way. We write to you as soon as it is here."), "info")
    else:
        with unit_of_work() as session:
            services.expire_order(session, order_code=code, now=now(), actor=services_inbox.gateway_actor())
    return see_other("qunclub.orders.checkout", code=code)


def where_it_stands(view: OrderView) -> Response:
    """The page that fits the order: the welcome for a new pass, the codes of a gift, else what happened to it."""
    code = view.order.code
    if view.order.state == rules.PAID:
        if any(line.kind == rules_selling.GIFT for line in view.lines):
            return see_other("qunclub.claims.codes", code=code)
        held = view.newest_pass
        if held is not None:
            return see_other("qunclub.welcome.index", pass_id=held.id)
    return see_other("qunclub.orders.checkout", code=code)
