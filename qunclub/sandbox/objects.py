"""The objects of a single payment, shaped as Stripe's; what is null there for such payments is null here."""

from __future__ import annotations

from typing import Any

import stripe

from qunclub.kernel import ids
from qunclub.kernel.money import exponent

Object = dict[str, Any]

# What Stripe documents as presentment currencies of the two wallets; cards take every currency.
WALLETS = {
    "alipay": frozenset("AUD CAD CNY EUR GBP HKD JPY MYR NZD SGD USD".lower().split()),
    "wechat_pay": frozenset("AUD CAD CHF CNY DKK EUR GBP HKD JPY NOK SEK SGD USD".lower().split()),
}
METHODS = ("card", *WALLETS)
PRIVATE = "_sandbox"

# Where Stripe's integers differ from the kernel's: three decimals, and two currencies with two forced zeros.
STRIPE_DIGITS = {**dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3), "ISK": 2, "UGX": 2}


def new_id(prefix: str) -> str:
    """An id as Stripe makes them: a prefix and letters and digits that nobody can guess."""
    return f"{prefix}_test_{ids.code(32).lower()}" if prefix == "cs" else f"{prefix}_{ids.code(24).lower()}"


def public(body: Object) -> Object:
    """*body* without what only the sandbox knows."""
    return {key: value for key, value in body.items() if key != PRIVATE}


def listed(data: list[Object], url: str) -> Object:
    """A whole list inside an object."""
    return {"object": "list", "data": data, "has_more": False, "url": url}


def digits(currency: str) -> int:
    """How many digits of Stripe's integer are behind the point."""
    code = currency.upper()
    return STRIPE_DIGITS.get(code, exponent(code))


def fitting(methods: list[str] | None, currency: str, *, recurring: bool = False) -> list[str]:
    """The methods this sandbox can play that were asked for, take *currency* and can be charged again if need be."""
    wanted = METHODS if methods is None else [method for method in methods if method in METHODS]
    return [
        method for method in wanted if method == "card" or (currency in WALLETS[method] and not recurring)
    ]


def session(
    params: Object,
    *,
    methods: list[str],
    now: int,
    expires_at: int,
    base_url: str,
    discount: int = 0,
) -> Object:
    """An open Checkout Session; *discount* comes off its total."""
    session_id = new_id("cs")
    items = params["line_items"]
    total = sum(item["price_data"]["unit_amount"] * item["quantity"] for item in items)
    coupons = [{"coupon": one["coupon"], "promotion_code": None} for one in params.get("discounts", [])]
    return {
        "id": session_id,
        "object": "checkout.session",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total - discount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": now,
        "currency": items[0]["price_data"]["currency"],
        "custom_fields": [],
        "customer": None,
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": coupons,
        "expires_at": expires_at,
        "invoice": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata", {}),
        "mode": params["mode"],
        "payment_intent": None,
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_method_types": methods,
        "payment_status": "unpaid",
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/pay/{session_id}",
        PRIVATE: {
            "items": items,
            "intent": params.get("payment_intent_data", {}),
            "membership": params.get("subscription_data", {}),
            "base_url": base_url,
        },
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
    return listed(data, f"/v1/checkout/sessions/{checkout['id']}/line_items")


def payment_intent(
    amount: int,
    currency: str,
    *,
    now: int,
    methods: list[str],
    description: str | None = None,
    metadata: Object | None = None,
    customer: str | None = None,
    private: Object | None = None,
) -> Object:
    """A payment before anything succeeded."""
    return {
        "id": new_id("pi"),
        "object": "payment_intent",
        "amount": amount,
        "amount_received": 0,
        "created": now,
        "currency": currency,
        "customer": customer,
        "description": description,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata or {},
        "payment_method": None,
        "payment_method_types": methods,
        "status": "requires_payment_method",
        PRIVATE: private or {},
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
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": "card_declined" if status == "failed" else None,
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": details,
        "refunded": False,
        "status": status,
        PRIVATE: {"card": card, **intent[PRIVATE]},
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


def dispute(
    paid: Object, *, amount: int, reason: str, inquiry: bool, refundable: bool, now: int, due_by: int
) -> Object:
    """A bank that asks about, or takes back, one charge."""
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": paid["id"],
        "created": now,
        "currency": paid["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": due_by,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": refundable,
        "livemode": False,
        "metadata": {},
        "payment_intent": paid["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def balance_transaction(
    category: str, source: Object, paid: Object, *, amount: int, fee: int, now: int
) -> Object:
    """One line of the account's statement, about *source*, which is or belongs to the charge *paid*."""
    kind = "adjustment" if category.startswith("dispute") else category
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + 2 * 86_400,
        "created": now,
        "currency": paid["currency"],
        "description": paid["description"],
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source["id"],
        "status": "pending",
        "type": kind,
        PRIVATE: {"charge": paid["id"]},
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
