"""The payment port spoken to Stripe, with its own SDK and only parameters of its published API.

``api_base`` points the same code at the sandbox; nothing else differs. In the Stripe dashboard subscribe the webhook to
:data:`WEBHOOK_EVENTS`; anything else that arrives is understood as ``other`` and kept.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import stripe

from qunclub.kernel.clock import Clock, utcnow
from qunclub.kernel.payments import (
    BadSignature,
    CheckoutRequest,
    CheckoutSession,
    GatewayDeclined,
    Notification,
    RefundNotice,
    RefundResult,
)

from . import stripe_objects as objects
from .stripe_calls import make_client, translated
from .stripe_objects import WEBHOOK_EVENTS, from_stripe_amount, to_stripe_amount
from .stripe_recurring import RECURRING_METHODS, RecurringAtStripe

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams
    from stripe.params.checkout import SessionCreateParams

__all__ = ["WEBHOOK_EVENTS", "StripeGateway", "from_stripe_amount", "to_stripe_amount"]

# Stripe keeps a checkout open between 30 minutes and 24 hours; a margin for the way there.
SHORTEST = dt.timedelta(minutes=30, seconds=5)
LONGEST = dt.timedelta(hours=24, seconds=-60)
STEP = 600  # an adjusted end is rounded to this many seconds, so a retry asks for the same

SIGNATURE_TOLERANCE = dt.timedelta(minutes=5)

_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


class StripeGateway(RecurringAtStripe):
    """A :class:`~qunclub.kernel.payments.PaymentGateway` at Stripe.

    Args:
        api_key: the account's secret key.
        webhook_secrets: every signing secret to accept, the current one first; keep the old one here while rotating.
        methods: what to offer when a request names none; empty leaves it to the Stripe dashboard.
        api_base: where the API lives; None for Stripe itself.
        timeout: seconds to wait for one answer.
        retries: how often the SDK repeats a call that got no answer, with the same idempotency key.
        clock: the present moment.
    """

    name = "stripe"

    def __init__(
        self,
        api_key: str,
        *,
        webhook_secrets: Sequence[str],
        methods: Sequence[str] = (),
        api_base: str | None = None,
        timeout: float = 8.0,
        retries: int = 2,
        clock: Clock = utcnow,
    ) -> None:
        self._secrets = tuple(secret for secret in webhook_secrets if secret.strip())
        self._methods = tuple(methods)
        self._clock = clock
        self._client = make_client(api_key, api_base=api_base, timeout=timeout, retries=retries)

    def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CheckoutSession:
        """Open a hosted checkout for one order, paid once or again each month or year; see the port."""
        ends = self._ends(request.expires_at)
        metadata = objects.short_metadata({**request.metadata, "order": request.order_code})
        description = f"{request.order_code} {request.title}"
        params: SessionCreateParams = {
            "mode": "subscription" if request.interval else "payment",
            "line_items": [{"quantity": 1, "price_data": _price(request)}],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "client_reference_id": request.order_code,
            "expires_at": ends,
            "locale": request.locale,
            "metadata": metadata,
        }
        if request.customer_email:
            params["customer_email"] = request.customer_email
        methods = list(request.methods or self._methods)
        if request.interval:
            # A payment made by a subscription takes nothing from the session; its invoices name the subscription.
            params["subscription_data"] = {"description": description[:500], "metadata": metadata}
            methods = methods and list(RECURRING_METHODS)
        else:
            params["payment_intent_data"] = {"description": description, "metadata": metadata}
        if methods:
            # Stripe's API has had no writable payment_method_types since 2026-09-30; this is its successor.
            params["allowed_payment_method_types"] = list(methods)
        if "wechat_pay" in methods:
            params["payment_method_options"] = {"wechat_pay": {"client": "web"}}
        # The end is part of the key: a repeat that falls into another step is another request to Stripe.
        options: stripe.RequestOptions = {"idempotency_key": f"{idempotency_key}:{ends}"}
        with translated("create_checkout"):
            if request.interval and request.discount:
                coupon = self._discount(
                    request.discount, request.currency, request.order_code, idempotency_key=idempotency_key
                )
                params["discounts"] = [{"coupon": coupon}]
            return objects.session(objects.plain(self._client.v1.checkout.sessions.create(params, options)))

    def retrieve_checkout(self, session_id: str) -> CheckoutSession:
        """How a checkout stands now, with its payment, the method and what a membership's charge pays for."""
        expand = ["payment_intent.latest_charge", "subscription", "invoice.payments"]
        with translated("retrieve_checkout"):
            made = self._client.v1.checkout.sessions.retrieve(session_id, {"expand": expand})
        found = objects.session(objects.plain(made))
        if found.subscription_ref and found.payment_ref and found.method is None:
            return replace(found, method=self._method(found.payment_ref))
        return found

    def expire_checkout(self, session_id: str) -> CheckoutSession:
        """Close a checkout, or learn that it is no longer open; see the port."""
        try:
            with translated("expire_checkout"):
                return objects.session(objects.plain(self._client.v1.checkout.sessions.expire(session_id)))
        except GatewayDeclined:
            found = self.retrieve_checkout(session_id)
            if found.status == "open":
                raise
            return found

    def refund(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        *,
        idempotency_key: str,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> RefundResult:
        """Give back part or all of a payment; a reason in words goes into the refund's metadata. See the port."""
        notes = dict(metadata or {})
        if reason and reason not in _REASONS:
            notes.setdefault("reason", reason)
        params: RefundCreateParams = {
            "payment_intent": payment_ref,
            "amount": to_stripe_amount(amount, currency),
            "reason": reason if reason in _REASONS else "requested_by_customer",
        }
        if notes:
            params["metadata"] = objects.short_metadata(notes)
        with translated("refund"):
            made = self._client.v1.refunds.create(params, {"idempotency_key": idempotency_key})
            return RefundResult(
                ref=made.id,
                status=made.status or "pending",
                amount=from_stripe_amount(made.amount, made.currency),
            )

    def refunds_of(self, payment_ref: str) -> list[RefundNotice]:
        """Every refund of a payment, the dashboard's too; see the port."""
        with translated("refunds_of"):
            found = self._client.v1.refunds.list({"payment_intent": payment_ref, "limit": 100})
            return [objects.refund(objects.plain(one)) for one in found.auto_paging_iter()]

    def parse_notification(self, payload: bytes, signature: str) -> Notification:
        """Check signature and age on the raw body, then say what it means for the club; see the port."""
        self._verify(payload, signature)
        return self.read_notification(payload)

    def read_notification(self, payload: bytes) -> Notification:
        """What a notification means whose signature was checked when it came; see the port."""
        try:
            return objects.notification(json.loads(payload))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadSignature(code="not_an_event") from error

    def _verify(self, payload: bytes, signature: str) -> None:
        """Raise BadSignature unless one of our secrets signed *payload* a short while ago."""
        for secret in self._secrets:
            try:
                # Without a tolerance: the SDK would read the machine's clock; the age is judged by ours below.
                stripe.WebhookSignature.verify_header(payload, signature, secret)
                break
            except stripe.SignatureVerificationError:
                continue
            except UnicodeDecodeError as error:
                raise BadSignature(code="not_an_event") from error
        else:
            raise BadSignature(code="signature" if self._secrets else "no_secret_configured")
        signed = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
        if self._clock().timestamp() - signed > SIGNATURE_TOLERANCE.total_seconds():
            raise BadSignature(code="too_old")

    def _ends(self, wanted: dt.datetime) -> int:
        """*wanted* as Stripe's ``expires_at``, moved into the span Stripe accepts."""
        now = self._clock()
        if wanted < now + SHORTEST:
            return -(-int((now + SHORTEST).timestamp()) // STEP) * STEP
        if wanted > now + LONGEST:
            return int((now + LONGEST).timestamp()) // STEP * STEP
        return int(wanted.timestamp())


def _price(request: CheckoutRequest) -> Any:
    """What is sold, as Stripe's inline price."""
    product = {"name": request.title}
    if request.description:
        product["description"] = request.description
    price: dict[str, Any] = {
        "currency": request.currency.lower(),
        "unit_amount": to_stripe_amount(request.amount, request.currency),
        "product_data": product,
    }
    if request.interval:
        price["recurring"] = {"interval": request.interval}
    return price
