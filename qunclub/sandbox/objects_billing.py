"""The objects of a membership that is charged again, shaped as Stripe's."""

from __future__ import annotations

from .objects import PRIVATE, Object, listed, new_id


def coupon(params: Object, *, now: int) -> Object:
    """What takes something off a first charge."""
    return {
        "id": params.get("id") or new_id("co")[3:],
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": now,
        "currency": params.get("currency"),
        "duration": params.get("duration", "once"),
        "duration_in_months": None,
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": params.get("metadata") or {},
        "name": params.get("name"),
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def customer(email: str | None, *, locale: str | None, now: int) -> Object:
    """Whom a membership charges."""
    return {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "delinquent": False,
        "description": None,
        "email": email,
        "livemode": False,
        "metadata": {},
        "name": None,
        "phone": None,
        "preferred_locales": [locale] if locale and locale != "auto" else [],
    }


def subscription(checkout: Object, *, customer_id: str, card: str, now: int, ends: int) -> Object:
    """A membership in its first period, made by a completed session."""
    item, asked = checkout[PRIVATE]["items"][0], checkout[PRIVATE]["membership"]
    subscription_id = new_id("sub")
    price = item["price_data"]
    recurring = {**price["recurring"], "interval_count": price["recurring"].get("interval_count", 1)}
    row = {
        "id": new_id("si"),
        "object": "subscription_item",
        "created": now,
        "current_period_end": ends,
        "current_period_start": now,
        "discounts": [],
        "metadata": {},
        "price": {
            "id": new_id("price"),
            "object": "price",
            "currency": checkout["currency"],
            "product": new_id("prod"),
            "recurring": {**recurring, "usage_type": "licensed"},
            "type": "recurring",
            "unit_amount": price["unit_amount"],
        },
        "quantity": item["quantity"],
        "subscription": subscription_id,
    }
    return {
        "id": subscription_id,
        "object": "subscription",
        "billing_cycle_anchor": now,
        "billing_mode": {"type": "flexible", "flexible": None},
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": checkout["currency"],
        "customer": customer_id,
        "default_payment_method": new_id("pm"),
        "description": asked.get("description"),
        "discounts": [],
        "ended_at": None,
        "items": listed([row], f"/v1/subscription_items?subscription={subscription_id}"),
        "latest_invoice": None,
        "livemode": False,
        "metadata": asked.get("metadata") or {},
        "schedule": None,
        "start_date": now,
        "status": "active",
        "trial_end": None,
        PRIVATE: {
            "card": card,
            "periods": 1,
            "title": price["product_data"]["name"],
            "email": checkout["customer_email"],
            "locale": checkout["locale"],
            "base_url": checkout[PRIVATE]["base_url"],
        },
    }


def item_of(member: Object) -> Object:
    """A membership's one item."""
    found: Object = member["items"]["data"][0]
    return found


def invoice(
    member: Object,
    *,
    first: bool,
    number: int,
    discounts: list[tuple[str, int]],
    usage: tuple[int, int],
    period: tuple[int, int],
    now: int,
) -> Object:
    """A finalised charge of a membership for *period*; its own period is that of the *usage* before, as at Stripe."""
    invoice_id, row = new_id("in"), item_of(member)
    full = row["price"]["unit_amount"] * row["quantity"]
    off = [{"amount": amount, "discount": name} for name, amount in discounts]
    total = full - sum(amount for _, amount in discounts)
    parent = {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"metadata": member["metadata"], "subscription": member["id"]},
    }
    line = {
        "id": new_id("il"),
        "object": "line_item",
        "amount": full,
        "currency": member["currency"],
        "description": f"{row['quantity']} × {member[PRIVATE]['title']}",
        "discount_amounts": off,
        "invoice": invoice_id,
        "livemode": False,
        "metadata": member["metadata"],
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {"subscription": member["id"], "subscription_item": row["id"]},
        },
        "period": {"start": period[0], "end": period[1]},
        "quantity": row["quantity"],
    }
    return {
        "id": invoice_id,
        "object": "invoice",
        "amount_due": total,
        "amount_paid": 0,
        "amount_remaining": total,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "billing_reason": "subscription_create" if first else "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": now,
        "currency": member["currency"],
        "customer": member["customer"],
        "customer_email": member[PRIVATE]["email"],
        "description": member["description"],
        "discounts": [],
        "hosted_invoice_url": f"{member[PRIVATE]['base_url']}/invoice/{invoice_id}",
        "lines": listed([line], f"/v1/invoices/{invoice_id}/lines"),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": f"SANDBOX-{number:04d}",
        "parent": parent,
        "period_end": usage[1],
        "period_start": usage[0],
        "status": "open",
        "status_transitions": {
            "finalized_at": now,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": full,
        "total": total,
        "total_discount_amounts": off,
        PRIVATE: {
            "title": member[PRIVATE]["title"],
            "locale": member[PRIVATE]["locale"],
            "subscription": member["id"],
        },
    }


def invoice_payment(bill: Object, intent: Object, *, now: int) -> Object:
    """What ties a payment to an invoice."""
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": bill["amount_due"],
        "created": now,
        "currency": bill["currency"],
        "invoice": bill["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def off_first_charge(found: Object, total: int) -> int:
    """How much a coupon takes off *total*."""
    return min(total, int(found["amount_off"] or 0))
