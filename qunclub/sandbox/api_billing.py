"""The part of Stripe's API about memberships, their invoices, disputes and the balance."""

from __future__ import annotations

from flask import Flask, Response, request
from stripe.params import (
    BalanceTransactionListParams,
    CouponCreateParams,
    DisputeListParams,
    DisputeRetrieveParams,
    InvoiceListParams,
    InvoicePaymentListParams,
    InvoiceRetrieveParams,
    SubscriptionCancelParams,
    SubscriptionListParams,
    SubscriptionRetrieveParams,
    SubscriptionUpdateParams,
)

from .answers import as_json, expanded, form, kept, once, page, query
from .api import EXPAND, PAGE
from .billing import Billing
from .books import BALANCE, COUPON, CUSTOMER, DISPUTE, INVOICE, INVOICE_PAYMENT, SUBSCRIPTION
from .checks import check_coupon
from .objects import Object
from .params import checked
from .store import Store
from .till import Till

CREATE_COUPON = frozenset(
    {"amount_off", "currency", "duration", "expand", "id", "max_redemptions", "metadata[*", "name"}
)
CHANGE_SUBSCRIPTION = frozenset({"cancel_at_period_end", "expand", "metadata[*"})


def billing_api(app: Flask, store: Store, till: Till, billing: Billing) -> None:
    """Add the routes."""

    def one(kind: str, object_id: str, params: Object) -> Response:
        till.tick()
        return as_json(expanded(store, kept(store, kind, object_id), params))

    def many(kind: str, params: Object, *names: str) -> Response:
        till.tick()
        return as_json(page(store, kind, params, {f"$.{name}": params.get(name) for name in names}))

    @app.post("/v1/coupons")
    def create_coupon() -> Response:
        params = checked(form(), CouponCreateParams, supported=CREATE_COUPON)
        check_coupon(params)
        return once(store, request, lambda: billing.coupon(params))

    @app.get("/v1/coupons/<coupon_id>")
    def retrieve_coupon(coupon_id: str) -> Response:
        return one(COUPON, coupon_id, query())

    @app.get("/v1/customers/<customer_id>")
    def retrieve_customer(customer_id: str) -> Response:
        return one(CUSTOMER, customer_id, query())

    @app.get("/v1/subscriptions/<subscription_id>")
    def retrieve_subscription(subscription_id: str) -> Response:
        return one(
            SUBSCRIPTION, subscription_id, checked(query(), SubscriptionRetrieveParams, supported=EXPAND)
        )

    @app.get("/v1/subscriptions")
    def list_subscriptions() -> Response:
        params = checked(query(), SubscriptionListParams, supported=PAGE | {"customer", "status"})
        return many(SUBSCRIPTION, params, "customer", "status")

    @app.post("/v1/subscriptions/<subscription_id>")
    def change_subscription(subscription_id: str) -> Response:
        till.tick()
        params = checked(form(), SubscriptionUpdateParams, supported=CHANGE_SUBSCRIPTION)
        return once(store, request, lambda: expanded(store, billing.change(subscription_id, params), params))

    @app.delete("/v1/subscriptions/<subscription_id>")
    def cancel_subscription(subscription_id: str) -> Response:
        till.tick()
        params = checked({**query(), **form()}, SubscriptionCancelParams, supported=EXPAND)
        return as_json(expanded(store, billing.end(subscription_id), params))

    @app.get("/v1/invoices/<invoice_id>")
    def retrieve_invoice(invoice_id: str) -> Response:
        return one(INVOICE, invoice_id, checked(query(), InvoiceRetrieveParams, supported=EXPAND))

    @app.get("/v1/invoices")
    def list_invoices() -> Response:
        params = checked(query(), InvoiceListParams, supported=PAGE | {"customer", "status", "subscription"})
        where = {f"$.{name}": params.get(name) for name in ("customer", "status")}
        where["$.parent.subscription_details.subscription"] = params.get("subscription")
        till.tick()
        return as_json(page(store, INVOICE, params, where))

    @app.get("/v1/invoice_payments")
    def list_invoice_payments() -> Response:
        params = checked(query(), InvoicePaymentListParams, supported=PAGE | {"invoice", "status"})
        return many(INVOICE_PAYMENT, params, "invoice", "status")

    @app.get("/v1/disputes/<dispute_id>")
    def retrieve_dispute(dispute_id: str) -> Response:
        return one(DISPUTE, dispute_id, checked(query(), DisputeRetrieveParams, supported=EXPAND))

    @app.get("/v1/disputes")
    def list_disputes() -> Response:
        params = checked(query(), DisputeListParams, supported=PAGE | {"charge", "payment_intent"})
        return many(DISPUTE, params, "charge", "payment_intent")

    @app.get("/v1/balance_transactions")
    def list_balance() -> Response:
        params = checked(query(), BalanceTransactionListParams, supported=PAGE | {"currency", "source"})
        return many(BALANCE, params, "currency", "source")
