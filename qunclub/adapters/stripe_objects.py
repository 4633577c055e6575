"""What Stripe's objects and events mean in the payment port's words; no network here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, cast

import stripe

from qunclub.kernel.money import exponent
from qunclub.kernel.payments import (
    CheckoutSession,
    DisputeNotice,
    DisputeStatus,
    Invoice,
    InvoiceStatus,
    Notification,
    Outcome,
    PaymentStatus,
    RecurringState,
    RefundNotice,
    SessionStatus,
    SubscriptionStatus,
)

Data = Mapping[str, Any]

WEBHOOK_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)

# What Stripe counts differently from the club: three decimals (the last one 0), and two that are always 00.
STRIPE_DIGITS = {**dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3), "ISK": 2, "UGX": 2}

_REFUND_KINDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_INVOICE_KINDS = frozenset(
    {
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.payment_succeeded",
        "invoice.marked_uncollectible",
        "invoice.voided",
    }
)
_SESSION_OUTCOMES: dict[str, Outcome] = {
    "checkout.session.async_payment_succeeded": "paid",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "expired",
}
_SUBSCRIPTION_STATES: dict[str, SubscriptionStatus] = {
    "incomplete": "incomplete",
    "trialing": "active",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "past_due",
    "canceled": "ended",
    "incomplete_expired": "ended",
}
# A bank that only asked and let it rest, and a dispute that was prevented, took no money: as good as won.
_DISPUTE_STATES: dict[str, DisputeStatus] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "won",
    "prevented": "won",
    "won": "won",
    "lost": "lost",
}


def to_stripe_amount(amount: int, currency: str) -> int:
    """The club's minor units as the integer Stripe expects for *currency*."""
    code = currency.upper()
    own = exponent(code)
    return amount * int(10 ** (STRIPE_DIGITS.get(code, own) - own))


def from_stripe_amount(amount: int, currency: str) -> int:
    """Stripe's integer for *currency* as the club's minor units."""
    code = currency.upper()
    own = exponent(code)
    return amount // int(10 ** (STRIPE_DIGITS.get(code, own) - own))


def plain(thing: stripe.StripeObject) -> dict[str, Any]:
    """An answer of the SDK as plain data."""
    return thing.to_dict()


def short_metadata(values: Mapping[str, str]) -> dict[str, str]:
    """Within Stripe's limits: 50 keys of 40 characters, values of 500."""
    return {key[:40]: str(value)[:500] for key, value in list(values.items())[-50:]}


def ref(value: Any) -> str | None:
    """The id of something that Stripe gives as an id, as an expanded object or not at all."""
    found: str | None = value["id"] if isinstance(value, dict) else value
    return found


def session(data: Data) -> CheckoutSession:
    """A Checkout Session, with whatever of its payment or membership is expanded in it."""
    currency = str(data.get("currency") or "").upper()
    metadata = data.get("metadata") or {}
    bill = data.get("invoice")
    payment = ref(data.get("payment_intent"))
    if payment is None and isinstance(bill, dict):
        payment = _payment_of(bill)
    return CheckoutSession(
        id=data["id"],
        url=data.get("url") or None,
        status=cast("SessionStatus", str(data.get("status") or "open")),
        payment_status=cast("PaymentStatus", str(data.get("payment_status") or "unpaid")),
        payment_ref=payment,
        amount_total=from_stripe_amount(int(data.get("amount_total") or 0), currency),
        currency=currency,
        order_code=str(data.get("client_reference_id") or metadata.get("order") or ""),
        method=_session_method(data),
        subscription_ref=ref(data.get("subscription")),
        customer_ref=ref(data.get("customer")),
        invoice_ref=ref(bill),
        period_ends_at=_first_period_end(data),
    )


def method_of(intent: Data) -> str | None:
    """How a payment was made, from its expanded charge."""
    charge = intent.get("latest_charge")
    if not isinstance(charge, dict):
        return None
    details = charge.get("payment_method_details") or {}
    kind: str | None = details.get("type")
    return kind


def invoice(data: Data) -> Invoice:
    """An invoice of a recurring membership; its payment is known when ``payments`` is expanded."""
    currency = str(data.get("currency") or "").upper()
    status = cast("InvoiceStatus", str(data.get("status") or "draft"))
    details = _membership(data)
    starts, ends = _periods(data)
    amount = data.get("amount_paid") if status == "paid" else data.get("amount_due")
    return Invoice(
        ref=data["id"],
        status=status,
        first=data.get("billing_reason") == "subscription_create",
        amount=from_stripe_amount(int(amount or 0), currency),
        currency=currency,
        subscription_ref=ref(details.get("subscription")),
        order_code=str((details.get("metadata") or {}).get("order") or ""),
        payment_ref=_payment_of(data, paid=True),
        period_starts_at=starts,
        period_ends_at=ends,
        pay_url=data.get("hosted_invoice_url") if status == "open" else None,
        next_attempt_at=_moment(data.get("next_payment_attempt")),
    )


def subscription(data: Data) -> RecurringState:
    """A subscription; since 2025 its period is told by its items."""
    ends = [item["current_period_end"] for item in _listed(data.get("items"))]
    return RecurringState(
        ref=data["id"],
        status=_SUBSCRIPTION_STATES.get(str(data.get("status")), "past_due"),
        order_code=str((data.get("metadata") or {}).get("order") or ""),
        customer_ref=ref(data.get("customer")) or "",
        cancel_at_end=bool(data.get("cancel_at_period_end") or data.get("cancel_at")),
        period_ends_at=_moment(max(ends, default=None)),
        latest_invoice_ref=ref(data.get("latest_invoice")),
        ended_at=_moment(data.get("ended_at")),
    )


def dispute(data: Data) -> DisputeNotice:
    """A dispute; whatever is neither decided nor a mere question is open."""
    currency = str(data.get("currency") or "").upper()
    return DisputeNotice(
        ref=data["id"],
        payment_ref=ref(data.get("payment_intent")),
        amount=from_stripe_amount(int(data.get("amount") or 0), currency),
        currency=currency,
        reason=str(data.get("reason") or ""),
        status=_DISPUTE_STATES.get(str(data.get("status")), "open"),
        due_at=_moment((data.get("evidence_details") or {}).get("due_by")),
    )


def refund(data: Data) -> RefundNotice:
    """A Refund object."""
    currency = str(data.get("currency") or "").upper()
    return RefundNotice(
        ref=data["id"],
        status=str(data.get("status") or "pending"),
        amount=from_stripe_amount(int(data.get("amount") or 0), currency),
        total_refunded=None,
        currency=currency,
        metadata=dict(data.get("metadata") or {}),
    )


def notification(raw: dict[str, Any]) -> Notification:
    """A genuine event."""
    data, kind = raw["data"]["object"], str(raw["type"])
    told: dict[str, Any] = {"outcome": "other", "session": None, "payment_ref": None, "refund": None}
    if kind.startswith("checkout.session.") and data.get("mode", "payment") != "setup":
        told |= _about_session(kind, data)
    elif kind == "charge.refunded":
        told |= _about_refund(data, _charge_refund(data))
    elif kind in _REFUND_KINDS:
        told |= _about_refund(data, refund(data))
    elif kind.startswith("charge.dispute."):
        found = dispute(data)
        told |= {"outcome": "dispute", "payment_ref": found.payment_ref, "dispute": found}
    elif kind in _INVOICE_KINDS and _membership(data).get("subscription"):
        told |= {
            "outcome": "invoice",
            "invoice_ref": data["id"],
            "subscription_ref": ref(_membership(data)["subscription"]),
        }
    elif kind.startswith("customer.subscription."):
        told |= {"outcome": "subscription", "subscription_ref": data["id"]}
    created = dt.datetime.fromtimestamp(int(raw["created"]), dt.UTC)
    return Notification(id=str(raw["id"]), kind=kind, created=created, raw=raw, **told)


# -- parts -------------------------------------------------------------------------------------------------------------


def _about_session(kind: str, data: Data) -> dict[str, Any]:
    found = session(data)
    outcome: Outcome = _SESSION_OUTCOMES.get(kind, "other")
    if kind == "checkout.session.completed":
        outcome = "paid" if found.settled else "pending"
    return {
        "outcome": outcome,
        "session": found,
        "payment_ref": found.payment_ref,
        "subscription_ref": found.subscription_ref,
        "invoice_ref": found.invoice_ref,
    }


def _about_refund(data: Data, found: RefundNotice) -> dict[str, Any]:
    return {"outcome": "refund", "payment_ref": ref(data.get("payment_intent")), "refund": found}


def _charge_refund(charge: Data) -> RefundNotice:
    """A refunded charge tells the new total, not which refund made it."""
    currency = str(charge.get("currency") or "").upper()
    total = from_stripe_amount(int(charge.get("amount_refunded") or 0), currency)
    return RefundNotice(None, "succeeded", None, total, currency)


def _session_method(data: Data) -> str | None:
    """How it was paid: from the expanded charge, or because there was only one way."""
    intent = data.get("payment_intent")
    told = method_of(intent) if isinstance(intent, dict) else None
    if told is not None:
        return told
    types: list[str] = data.get("payment_method_types") or []
    return types[0] if data.get("payment_status") == "paid" and len(types) == 1 else None


def _first_period_end(data: Data) -> dt.datetime | None:
    """What a membership's first charge pays for: its invoice says so, else the membership while it is new."""
    bill, member = data.get("invoice"), data.get("subscription")
    told = _periods(bill)[1] if isinstance(bill, dict) else None
    if told is None and isinstance(member, dict):
        return subscription(member).period_ends_at
    return told


def _membership(data: Data) -> Data:
    """What an invoice says of the subscription that made it."""
    parent = data.get("parent") or {}
    found: Data = parent.get("subscription_details") or {}
    return found


def _payment_of(data: Data, *, paid: bool = False) -> str | None:
    """The payment of an invoice: the one that settled it, else (unless it must be *paid*) the newest try."""
    tries = sorted(_listed(data.get("payments")), key=lambda one: one.get("status") != "paid")
    for one in tries:
        found = ref((one.get("payment") or {}).get("payment_intent"))
        if found is not None and (one.get("status") == "paid" or not paid):
            return found
    return None


def _periods(data: Data) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The time an invoice pays for, from its lines: its own period is that of the usage before."""
    periods = [line["period"] for line in _listed(data.get("lines")) if line.get("period")]
    # A first line that takes a discount or a proration back can be of another time; the last end counts.
    starts = [period["start"] for period in periods if period["end"] > period["start"]]
    ends = [period["end"] for period in periods]
    return _moment(max(starts, default=None)), _moment(max(ends, default=None))


def _listed(value: Any) -> Iterator[dict[str, Any]]:
    yield from (value or {}).get("data") or ()


def _moment(stamp: int | None) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(stamp, dt.UTC) if stamp else None
