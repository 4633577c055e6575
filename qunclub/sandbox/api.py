"""The part of Stripe's API that the club pays and refunds with: sessions, payments, charges, refunds, events."""

from __future__ import annotations

from flask import Flask, Response, request
from stripe.params import EventListParams, RefundCreateParams, RefundListParams
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListParams,
    SessionRetrieveParams,
)

from .answers import as_json, expanded, form, kept, once, page, query
from .books import CHARGE, EVENT, INTENT, REFUND, SESSION
from .params import checked
from .returns import Returns
from .store import Store
from .till import Till

CREATE_SESSION = frozenset(
    {
        "allowed_payment_method_types",
        "cancel_url",
        "client_reference_id",
        "customer_email",
        "discounts[coupon]",
        "expand",
        "expires_at",
        "line_items[price_data][currency]",
        "line_items[price_data][product_data][description]",
        "line_items[price_data][product_data][name]",
        "line_items[price_data][recurring][interval]",
        "line_items[price_data][recurring][interval_count]",
        "line_items[price_data][unit_amount]",
        "line_items[quantity]",
        "locale",
        "metadata[*",
        "mode",
        "payment_intent_data[description]",
        "payment_intent_data[metadata][*",
        "payment_method_options[wechat_pay][client]",
        "subscription_data[description]",
        "subscription_data[metadata][*",
        "success_url",
        "ui_mode",
    }
)
CREATE_REFUND = frozenset({"amount", "charge", "expand", "metadata[*", "payment_intent", "reason"})
PAGE = frozenset({"limit", "starting_after", "expand"})
EXPAND = frozenset({"expand"})


def payment_api(app: Flask, store: Store, till: Till, returns: Returns, *, public_url: str) -> None:
    """Add the routes; buyers reach the pay page at *public_url*, or where the API was called when it is empty."""

    @app.post("/v1/checkout/sessions")
    def create_session() -> Response:
        params = checked(form(), SessionCreateParams, supported=CREATE_SESSION)
        base = public_url or request.url_root.rstrip("/")
        return once(store, request, lambda: expanded(store, till.open(params, base_url=base), params))

    @app.get("/v1/checkout/sessions/<session_id>")
    def retrieve_session(session_id: str) -> Response:
        params = checked(query(), SessionRetrieveParams, supported=EXPAND)
        return as_json(expanded(store, till.session(session_id), params))

    @app.post("/v1/checkout/sessions/<session_id>/expire")
    def expire_session(session_id: str) -> Response:
        params = checked(form(), SessionExpireParams, supported=EXPAND)
        return once(store, request, lambda: expanded(store, till.expire(session_id), params))

    @app.get("/v1/checkout/sessions")
    def list_sessions() -> Response:
        till.tick()
        supported = PAGE | {"payment_intent", "status", "subscription"}
        params = checked(query(), SessionListParams, supported=supported)
        names = ("payment_intent", "status", "subscription")
        return as_json(page(store, SESSION, params, {f"$.{name}": params.get(name) for name in names}))

    @app.get("/v1/payment_intents/<intent_id>")
    def retrieve_intent(intent_id: str) -> Response:
        return as_json(expanded(store, kept(store, INTENT, intent_id), query()))

    @app.get("/v1/charges/<charge_id>")
    def retrieve_charge(charge_id: str) -> Response:
        return as_json(expanded(store, kept(store, CHARGE, charge_id), query()))

    @app.post("/v1/refunds")
    def create_refund() -> Response:
        params = checked(form(), RefundCreateParams, supported=CREATE_REFUND)
        return once(store, request, lambda: expanded(store, returns.refund(params), params))

    @app.get("/v1/refunds/<refund_id>")
    def retrieve_refund(refund_id: str) -> Response:
        till.tick()
        return as_json(kept(store, REFUND, refund_id))

    @app.get("/v1/refunds")
    def list_refunds() -> Response:
        till.tick()
        params = checked(query(), RefundListParams, supported=PAGE | {"payment_intent", "charge"})
        names = ("payment_intent", "charge")
        return as_json(page(store, REFUND, params, {f"$.{name}": params.get(name) for name in names}))

    @app.get("/v1/events")
    def list_events() -> Response:
        till.tick()
        params = checked(query(), EventListParams, supported=PAGE | {"type", "types"})
        kinds = params.get("types") or ([params["type"]] if "type" in params else None)
        return as_json(page(store, EVENT, params, {"$.type": kinds}))

    @app.get("/v1/events/<event_id>")
    def retrieve_event(event_id: str) -> Response:
        return as_json(kept(store, EVENT, event_id))
