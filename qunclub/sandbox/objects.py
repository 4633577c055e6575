"""The objects the sandbox hands out, shaped as Stripe's; what is null there for such payments is null here."""

from __future__ import annotations

from typing import Any

import stripe

from qunclub.kernel import ids

Object = dict[str, Any]

# What Stripe documents as presentment currencies of the two wallets; cards take every currency.
WALLETS = {
    "alipay": frozenset("AUD CAD CNY EUR GBP HKD JPY MYR NZD SGD USD".lower().split()),
    "wechat_pay": frozenset("AUD CAD CHF CNY DKK EUR GBP HKD JPY NOK SEK SGD USD".lower().split()),
}
METHODS = ("card", *WALLETS)
PRIVATE = "_sandbox"


def new_id(prefix: str) -> str:
    """An id as Stripe makes them: a prefix and letters and digits that nobody can guess."""
    return f"{prefix}_test_{ids.code(32).lower()}" if prefix == "cs" else f"{prefix}_{ids.code(24).lower()}"


def public(body: Object) -> Object:
    """*body* without what only the sandbox knows."""
    return {key: value for key, value in body.items() if key != PRIVATE}


def fitting(methods: list[str] | None, currency: str) -> list[str]:
    """The methods this sandbox can play that were asked for and take *currency*."""
    wanted = METHODS if methods is None else [method for method in methods if method in METHODS]
    return [method for method in wanted if method == "card" or currency in WALLETS[method]]


def session(params: Object, *, methods: list[str], now: int, expires_at: int, base_url: str) -> Object:
    """An open Checkout Session."""
    session_id = new_id("cs")
    items = params["line_items"]
    total = sum(item["price_data"]["unit_amount"] * item["quantity"] for item in items)
    return {
        "id": session_id,
        "object": "checkout.session",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": now,
        "currency": items[0]["price_data"]["currency"],
        "custom_fields": [],
        "customer": None,
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "expires_at": expires_at,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata", {}),
        "mode": "payment",
        "payment_intent": None,
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_method_types": methods,
        "payment_status": "unpaid",
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/pay/{session_id}",
        PRIVATE: {"items": items, "intent": params.get("payment_intent_data", {})},
    }


def line_items(checkout: Object) -> Object:
    """A session's line items, for whoever expands them."""
    data = [
        {
            "id": f"li_{checkout['id'][8:]}_{number}",
            "object": "item",
            "amount_subtotal": item["price_data"]["unit_amount"] * item["quantity"],
            "amount_total": item["price_data"]["unit_amount"] * item["quantity"],
            "currency": checkout["currency"],
            "description": item["price_data"]["product_data"]["name"],
            "quantity": item["quantity"],
        }
        for number, item in enumerate(checkout[PRIVATE]["items"], start=1)
    ]
    url = f"/v1/checkout/sessions/{checkout['id']}/line_items"
    return {"object": "list", "data": data, "has_more": False, "url": url}


def payment_intent(checkout: Object, *, now: int) -> Object:
    """The payment of a session, before anything succeeded."""
    return {
        "id": new_id("pi"),
        "object": "payment_intent",
        "amount": checkout["amount_total"],
        "amount_received": 0,
        "created": now,
        "currency": checkout["currency"],
        "customer": None,
        "description": checkout[PRIVATE]["intent"].get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": checkout[PRIVATE]["intent"].get("metadata", {}),
        "payment_method": None,
        "payment_method_types": checkout["payment_method_types"],
        "status": "requires_payment_method",
        PRIVATE: {"session": checkout["id"]},
    }


def charge(intent: Object, *, method: str, card: str, status: str, now: int) -> Object:
    """An attempt to take the money of *intent*."""
    details: Object = {"type": method, method: {}}
    if method == "card":
        details["card"] = {"brand": "visa", "last4": card[-4:], "exp_month": 12, "exp_year": 2099}
    return {
        "id": new_id("ch" if method == "card" else "py"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if status == "succeeded" else 0,
        "amount_refunded": 0,
        "captured": status == "succeeded",
        "created": now,
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": details,
        "refunded": False,
        "status": status,
        PRIVATE: {"card": card},
    }


def refund(paid: Object, params: Object, *, amount: int, status: str, now: int) -> Object:
    """Money given back of one charge."""
    return {
        "id": new_id("re" if paid["id"].startswith("ch") else "pyr"),
        "object": "refund",
        "amount": amount,
        "charge": paid["id"],
        "created": now,
        "currency": paid["currency"],
        "failure_reason": None,
        "metadata": params.get("metadata") or {},
        "payment_intent": paid["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "status": status,
    }


def event(kind: str, body: Object, *, now: int) -> Object:
    """What a webhook carries: *body* as it is at this moment."""
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": stripe.api_version,
        "created": now,
        "data": {"object": public(body)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
