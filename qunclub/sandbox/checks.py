"""What Stripe checks of a request beyond the types of its parameters."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from . import objects
from .errors import ApiError
from .objects import Object

SHORTEST, LONGEST = 30 * 60, 24 * 3600
MODES = ("payment", "subscription")


def check_session(params: Object) -> None:
    """A Checkout Session; ApiError for what Stripe would not take."""
    mode = params.get("mode")
    if mode not in MODES:
        raise ApiError(
            "The pay sandbox supports `mode=payment` and `mode=subscription` only.",
            code="sandbox_unsupported",
            param="mode",
        )
    for name in ("line_items", "success_url"):
        if not params.get(name):
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    for name in ("success_url", "cancel_url"):
        parts = urlsplit(params.get(name, "https://x"))
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    if "customer_email" in params and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", params["customer_email"]):
        raise ApiError(
            f"Invalid email address: {params['customer_email']}", code="email_invalid", param="customer_email"
        )
    if len(params.get("client_reference_id", "")) > 200:
        raise ApiError("Invalid string: must be at most 200 characters", param="client_reference_id")
    currencies = set()
    for number, item in enumerate(params["line_items"]):
        _check_item(item, f"line_items[{number}]")
        currencies.add(item["price_data"]["currency"])
    if len(currencies) > 1:
        raise ApiError("All line items must have the same currency.", param="line_items")
    _check_mode(params, recurring=mode == "subscription")


def _check_mode(params: Object, *, recurring: bool) -> None:
    """What belongs to one mode is not taken in the other."""
    foreign = "payment_intent_data" if recurring else "subscription_data"
    mode = "subscription" if recurring else "payment"
    if foreign in params:
        raise ApiError(f"You can not pass `{foreign}` in `{mode}` mode.", param=foreign)
    priced = [item for item in params["line_items"] if "recurring" in item["price_data"]]
    if recurring and not priced:
        raise ApiError(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
            param="line_items",
        )
    if priced and not recurring:
        raise ApiError(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode "
            "or use only one-time prices.",
            param="line_items",
        )
    if recurring and (len(params["line_items"]) > 1):
        raise ApiError(
            "The pay sandbox plays memberships of one item only.",
            code="sandbox_unsupported",
            param="line_items",
        )
    if len(params.get("subscription_data", {}).get("description", "")) > 500:
        raise ApiError(
            "Invalid string: must be at most 500 characters", param="subscription_data[description]"
        )
    if len(params.get("discounts", ())) > 1:
        raise ApiError("You can apply at most one discount to a Checkout Session.", param="discounts")


def check_lifetime(expires_at: int, now: int) -> None:
    """When a session may end."""
    for wrong, words in (
        (expires_at < now + SHORTEST, "at least 30 minutes"),
        (expires_at > now + LONGEST, "less than 24 hours"),
    ):
        if wrong:
            raise ApiError(
                f"The `expires_at` timestamp must be {words} from Checkout Session creation.",
                param="expires_at",
            )


def check_amount(amount: int, currency: str, param: str) -> None:
    """Money as Stripe takes it: some currencies have digits that must be zero."""
    shown = objects.digits(currency)
    if currency.upper() in ("ISK", "UGX") and amount % 100:
        raise ApiError(
            f"Invalid amount. Currency {currency} has become effectively zero-decimal and charged amounts must be "
            "evenly divisible by 100.",
            code="invalid_charge_amount_no_decimal_compatible",
            param=param,
        )
    if shown == 3 and amount % 10:
        raise ApiError(f"Invalid amount: {currency} amounts must end in 0.", param=param)


def check_coupon(params: Object) -> None:
    """A coupon that takes an amount off once; the sandbox plays no other."""
    for name in ("amount_off", "currency"):
        if name not in params:
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if params["amount_off"] <= 0:
        raise ApiError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_off",
        )
    if params.get("duration", "once") != "once":
        raise ApiError(
            "The pay sandbox plays coupons of `duration=once` only.",
            code="sandbox_unsupported",
            param="duration",
        )
    if len(params.get("name", "")) > 40:
        raise ApiError("Invalid string: must be at most 40 characters", param="name")
    _check_currency(params["currency"], "currency")
    check_amount(params["amount_off"], params["currency"], "amount_off")


def _check_currency(currency: str, param: str) -> None:
    if not re.fullmatch(r"[a-z]{3}", currency):
        raise ApiError(f"Invalid currency: {currency}.", param=param)


def _check_item(item: dict[str, Any], path: str) -> None:
    for name in ("price_data", "quantity"):
        if name not in item:
            where = f"{path}[{name}]"
            raise ApiError(f"Missing required param: {where}.", code="parameter_missing", param=where)
    price = item["price_data"]
    for name in ("product_data", "unit_amount"):
        where = f"{path}[price_data][{name}]"
        if name not in price:
            raise ApiError(f"Missing required param: {where}.", code="parameter_missing", param=where)
    _check_currency(price["currency"], f"{path}[price_data][currency]")
    where = f"{path}[price_data][unit_amount]"
    if price["unit_amount"] < 0:
        raise ApiError("Invalid non-negative integer", code="parameter_invalid_integer", param=where)
    if price["unit_amount"] > 99_999_999:
        raise ApiError("Amount must be no more than 999,999.99", code="amount_too_large", param=path)
    check_amount(price["unit_amount"], price["currency"], where)
    if price.get("recurring", {}).get("interval", "month") not in ("month", "year"):
        raise ApiError(
            "The pay sandbox charges again each month or year only.",
            code="sandbox_unsupported",
            param=f"{path}[price_data][recurring][interval]",
        )
    if item["quantity"] < 1:
        raise ApiError(
            "Quantity must be positive", code="parameter_invalid_integer", param=f"{path}[quantity]"
        )
    for name in ("name", "description"):
        if price["product_data"].get(name) == "":
            where = f"{path}[price_data][product_data][{name}]"
            raise ApiError(
                f"You passed an empty string for '{where}'. Remove it or give it a value.",
                code="parameter_invalid_empty",
                param=where,
            )
