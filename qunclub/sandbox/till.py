"""The sandbox's till: opens, pays, expires and refunds, each in one transaction together with the events it causes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from qunclub.kernel.clock import Clock

from . import objects
from .behaviour import Behaviour
from .errors import ApiError, missing
from .objects import PRIVATE, Object
from .store import Store

SESSION, INTENT, CHARGE, REFUND, EVENT = "checkout.session", "payment_intent", "charge", "refund", "event"
SHORTEST, LONGEST = 30 * 60, 24 * 3600

# Test cards with a fate, by number: a decline's code, or what becomes of a refund.
DECLINED = {"4000000000000002": "generic_decline", "4000000000009995": "insufficient_funds"}
REFUND_FATES = {"4000000000005126": ("succeeded", "failed"), "4000000000007726": ("pending", "succeeded")}
REFUND_FATE_AFTER = 2  # seconds


class Deliveries(Protocol):
    """Who carries events to the webhook."""

    def enqueue(self, event_id: str, kind: str) -> None:
        """Note a delivery, inside the transaction that made the event."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How paying went: ``paid``, ``declined`` (with the bank's *reason*) or ``expired``."""

    outcome: str
    session: Object
    reason: str = ""


class Till:
    """Verbs over the store.

    Args:
        deliveries: gets every event.
    """

    def __init__(self, store: Store, behaviour: Behaviour, deliveries: Deliveries, clock: Clock) -> None:
        self._store = store
        self._behaviour = behaviour
        self._deliveries = deliveries
        self._clock = clock

    # -- sessions --------------------------------------------------------------------------------------------------

    def open(self, params: Object, *, base_url: str) -> Object:
        """A new session from checked parameters; ApiError for what Stripe would not take."""
        now = self._now()
        _check_session(params)
        expires_at = params.get("expires_at", now + LONGEST)
        if expires_at < now + SHORTEST:
            raise ApiError(
                "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
                param="expires_at",
            )
        if expires_at > now + LONGEST:
            raise ApiError(
                "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
                param="expires_at",
            )
        currency = params["line_items"][0]["price_data"]["currency"]
        methods = objects.fitting(params.get("allowed_payment_method_types"), currency)
        if not methods:
            raise ApiError("No valid payment method types for this Checkout Session.", saved=True)
        made = objects.session(params, methods=methods, now=now, expires_at=expires_at, base_url=base_url)
        with self._store.transaction():
            self._store.add(SESSION, made, due=expires_at)
        return made

    def session(self, session_id: str) -> Object:
        """A session as it stands at this moment."""
        self.tick()
        found = self._store.get(SESSION, session_id)
        if found is None:
            raise missing("checkout.session", session_id, "session")
        return found

    def expire(self, session_id: str) -> Object:
        """Close an open session."""
        with self._store.transaction():
            found = self.session(session_id)
            if found["status"] != "open":
                raise ApiError(
                    'Only Checkout Sessions with a status in ["open"] can be expired. '
                    f"This Checkout Session has a status of `{found['status']}`.",
                    saved=True,
                )
            return self._expired(found)

    def pay(self, session_id: str, method: str, *, card: str = "") -> Attempt:
        """Try to pay a session; paying twice pays once.

        Args:
            method: one of the session's methods, or ``decline`` for a bank that says no.
            card: the digits typed, for ``card``.
        """
        with self._store.transaction():
            found = self.session(session_id)
            if found["status"] == "complete":
                return Attempt("paid", found)
            if found["status"] == "expired":
                return Attempt("expired", found)
            if found["amount_total"] == 0:
                return Attempt("paid", self._complete(found, payment_status="no_payment_required"))
            if method != "decline" and method not in found["payment_method_types"]:
                raise ApiError(f"This session does not offer {method}.", param="method")
            intent = self._intent_of(found)
            reason = (
                "generic_decline"
                if method == "decline"
                else DECLINED.get(card, "")
                if method == "card"
                else ""
            )
            if reason:
                intent["last_payment_error"] = {
                    "type": "card_error",
                    "code": "card_declined",
                    "decline_code": reason,
                }
                self._store.save(intent)
                self._emit("payment_intent.payment_failed", intent)
                return Attempt("declined", found, reason)
            later = self._behaviour.all()["settle"] == "later"
            intent["payment_method"] = objects.new_id("pm")
            charge = objects.charge(
                intent, method=method, card=card, status="pending" if later else "succeeded", now=self._now()
            )
            intent["latest_charge"] = charge["id"]
            intent["status"] = "processing" if later else "succeeded"
            intent["amount_received"] = 0 if later else intent["amount"]
            self._store.save(intent)
            self._store.add(CHARGE, charge)
            if not later:
                self._emit("charge.succeeded", charge)
                self._emit("payment_intent.succeeded", intent)
            return Attempt("paid", self._complete(found, payment_status="unpaid" if later else "paid"))

    def settle(self, session_id: str, *, succeeded: bool) -> Object:
        """End the payment of a session that completed unpaid."""
        with self._store.transaction():
            found = self.session(session_id)
            intent = self._store.get(INTENT, found["payment_intent"] or "")
            if intent is None or intent["status"] != "processing":
                raise ApiError("Only a session whose payment is processing can be settled.")
            charge = self._charge(intent["latest_charge"])
            if succeeded:
                found["payment_status"] = "paid"
                intent.update(status="succeeded", amount_received=intent["amount"])
                charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])
            else:
                intent.update(status="requires_payment_method")
                charge.update(status="failed")
            for changed in (found, intent, charge):
                self._store.save(changed)
            outcome = "succeeded" if succeeded else "failed"
            self._emit(f"checkout.session.async_payment_{outcome}", found)
            return found

    # -- money back ------------------------------------------------------------------------------------------------

    def refund(self, params: Object) -> Object:
        """Give back some or all of a payment; never more than is left of it."""
        with self._store.transaction():
            charge = self._refundable(params)
            left = charge["amount"] - charge["amount_refunded"]
            amount = params.get("amount", left)
            if amount <= 0 and left > 0:
                raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
            if left == 0:
                raise ApiError(
                    f"Charge {charge['id']} has already been refunded.",
                    code="charge_already_refunded",
                    saved=True,
                )
            if amount > left:
                raise ApiError(
                    f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                    param="amount",
                    saved=True,
                )
            status, then = REFUND_FATES.get(charge[PRIVATE]["card"], ("succeeded", ""))
            made = objects.refund(charge, params, amount=amount, status=status, now=self._now())
            due = self._now() + REFUND_FATE_AFTER if then else None
            self._store.add(REFUND, made, due=due)
            self._give_back(charge, amount)
            self._emit("refund.created", made)
            self._emit("charge.refunded", charge)
            return made

    def _refundable(self, params: Object) -> Object:
        if ("payment_intent" in params) == ("charge" in params):
            raise ApiError("Specify exactly one of `charge` and `payment_intent`.", code="parameter_missing")
        if "charge" in params:
            charge_id = params["charge"]
        else:
            intent = self._store.get(INTENT, params["payment_intent"])
            if intent is None:
                raise missing("payment_intent", params["payment_intent"], "payment_intent")
            charge_id = intent["latest_charge"] or ""
            if intent["status"] != "succeeded":
                raise ApiError(
                    f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                    param="payment_intent",
                    saved=True,
                )
        return self._charge(charge_id)

    def _give_back(self, charge: Object, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._store.save(charge)

    # -- time ------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What happens by itself: sessions end, undecided refunds are decided."""
        with self._store.transaction():
            for object_id in self._store.due(self._now()):
                session = self._store.get(SESSION, object_id)
                if session is not None:
                    self._expired(session)
                refund = self._store.get(REFUND, object_id)
                if refund is not None:
                    self._decide(refund)

    def _expired(self, session: Object) -> Object:
        session.update(status="expired", url=None)
        self._store.save(session)
        self._emit("checkout.session.expired", session)
        return session

    def _decide(self, refund: Object) -> None:
        charge = self._charge(refund["charge"])
        refund["status"] = REFUND_FATES[charge[PRIVATE]["card"]][1]
        failed = refund["status"] == "failed"
        if failed:
            refund["failure_reason"] = "expired_or_canceled_card"
            self._give_back(charge, -refund["amount"])
        self._store.save(refund)
        self._emit("refund.updated", refund)
        if failed:
            self._emit("refund.failed", refund)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _complete(self, session: Object, *, payment_status: str) -> Object:
        session.update(
            status="complete",
            payment_status=payment_status,
            url=None,
            customer_details={"email": session["customer_email"], "name": None, "phone": None},
        )
        self._store.save(session)
        self._emit("checkout.session.completed", session)
        return session

    def _intent_of(self, session: Object) -> Object:
        """The session's payment, made at the first attempt."""
        if session["payment_intent"]:
            found = self._store.get(INTENT, session["payment_intent"])
            assert found is not None, "a session names a payment that is kept"
            return found
        made = objects.payment_intent(session, now=self._now())
        self._store.add(INTENT, made)
        session["payment_intent"] = made["id"]
        self._store.save(session, due=session["expires_at"])
        return made

    def _charge(self, charge_id: str) -> Object:
        found = self._store.get(CHARGE, charge_id)
        if found is None:
            raise missing("charge", charge_id, "charge")
        return found

    def _emit(self, kind: str, body: Object) -> None:
        made = objects.event(kind, body, now=self._now())
        self._store.add(EVENT, made)
        self._deliveries.enqueue(made["id"], kind)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _check_session(params: Object) -> None:
    """What Stripe checks beyond types."""
    if params.get("mode") != "payment":
        raise ApiError(
            "The pay sandbox supports `mode=payment` only.", code="sandbox_unsupported", param="mode"
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
    if not re.fullmatch(r"[a-z]{3}", price["currency"]):
        where = f"{path}[price_data][currency]"
        raise ApiError(f"Invalid currency: {price['currency']}.", param=where)
    if price["unit_amount"] < 0:
        where = f"{path}[price_data][unit_amount]"
        raise ApiError("Invalid non-negative integer", code="parameter_invalid_integer", param=where)
    if price["unit_amount"] > 99_999_999:
        raise ApiError("Amount must be no more than 999,999.99", code="amount_too_large", param=path)
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
