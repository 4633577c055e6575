"""The payment port spoken to Stripe, with its own SDK and only parameters of its published API.

``api_base`` points the same code at the sandbox; nothing else differs. In the Stripe dashboard subscribe the webhook to
:data:`WEBHOOK_EVENTS`; anything else that arrives is understood as ``other`` and kept.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import stripe

from qunclub.kernel.clock import Clock, utcnow
from qunclub.kernel.money import exponent
from qunclub.kernel.payments import (
    BadSignature,
    CheckoutRequest,
    CheckoutSession,
    GatewayDeclined,
    GatewayUnavailable,
    Notification,
    Outcome,
    PaymentStatus,
    RefundNotice,
    RefundResult,
    SessionStatus,
)

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams
    from stripe.params.checkout import SessionCreateParams

log = logging.getLogger(__name__)

WEBHOOK_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
)

# Stripe keeps a checkout open between 30 minutes and 24 hours; a margin for the way there.
SHORTEST = dt.timedelta(minutes=30, seconds=5)
LONGEST = dt.timedelta(hours=24, seconds=-60)
STEP = 600  # an adjusted end is rounded to this many seconds, so a retry asks for the same

SIGNATURE_TOLERANCE = dt.timedelta(minutes=5)

# What Stripe counts differently from the club: three decimals (the last one 0), and UGX with two that are always 00.
_STRIPE_DIGITS = {**dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3), "UGX": 2}

_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_REFUND_KINDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_SESSION_OUTCOMES: dict[str, Outcome] = {
    "checkout.session.async_payment_succeeded": "paid",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "expired",
}


def to_stripe_amount(amount: int, currency: str) -> int:
    """The club's minor units as the integer Stripe expects for *currency*."""
    code = currency.upper()
    own = exponent(code)
    return amount * int(10 ** (_STRIPE_DIGITS.get(code, own) - own))


def from_stripe_amount(amount: int, currency: str) -> int:
    """Stripe's integer for *currency* as the club's minor units."""
    code = currency.upper()
    own = exponent(code)
    return amount // int(10 ** (_STRIPE_DIGITS.get(code, own) - own))


class StripeGateway:
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
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CheckoutSession:
        """Open a hosted checkout for one order; see the port."""
        ends = self._ends(request.expires_at)
        methods = request.methods or self._methods
        product: Any = {"name": request.title}
        if request.description:
            product["description"] = request.description
        metadata = _metadata({**request.metadata, "order": request.order_code})
        params: SessionCreateParams = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.currency.lower(),
                        "unit_amount": to_stripe_amount(request.amount, request.currency),
                        "product_data": product,
                    },
                }
            ],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "client_reference_id": request.order_code,
            "expires_at": ends,
            "locale": request.locale,
            "metadata": metadata,
            "payment_intent_data": {
                "description": f"{request.order_code} {request.title}",
                "metadata": metadata,
            },
        }
        if request.customer_email:
            params["customer_email"] = request.customer_email
        if methods:
            # Stripe's API has had no writable payment_method_types since 2026-09-30; this is its successor.
            params["allowed_payment_method_types"] = list(methods)
        if "wechat_pay" in methods:
            params["payment_method_options"] = {"wechat_pay": {"client": "web"}}
        # The end is part of the key: a repeat that falls into another step is another request to Stripe.
        options: stripe.RequestOptions = {"idempotency_key": f"{idempotency_key}:{ends}"}
        with _translated("create_checkout"):
            return _session(_plain(self._client.v1.checkout.sessions.create(params, options)))

    def retrieve_checkout(self, session_id: str) -> CheckoutSession:
        """How a checkout stands now, with the method it was paid by; see the port."""
        with _translated("retrieve_checkout"):
            found = self._client.v1.checkout.sessions.retrieve(
                session_id, {"expand": ["payment_intent.latest_charge"]}
            )
            return _session(_plain(found))

    def expire_checkout(self, session_id: str) -> CheckoutSession:
        """Close a checkout, or learn that it is no longer open; see the port."""
        try:
            with _translated("expire_checkout"):
                return _session(_plain(self._client.v1.checkout.sessions.expire(session_id)))
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
            params["metadata"] = _metadata(notes)
        with _translated("refund"):
            made = self._client.v1.refunds.create(params, {"idempotency_key": idempotency_key})
            return RefundResult(
                ref=made.id,
                status=made.status or "pending",
                amount=from_stripe_amount(made.amount, made.currency),
            )

    def parse_notification(self, payload: bytes, signature: str) -> Notification:
        """Check signature and age on the raw body, then say what it means for the club; see the port."""
        self._verify(payload, signature)
        return self.read_notification(payload)

    def read_notification(self, payload: bytes) -> Notification:
        """What a notification means whose signature was checked when it came; see the port."""
        try:
            return _notification(json.loads(payload))
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


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn Stripe's errors into the port's, keeping nothing of them that a buyer must not read."""
    try:
        yield
    except stripe.StripeError as error:
        code = str(error.code or type(error).__name__)
        reference = str(error.request_id or "")
        log.warning(
            "stripe refused or did not answer",
            extra={"doing": doing, "code": code, "status": error.http_status, "request_id": reference},
        )
        final = (stripe.InvalidRequestError, stripe.CardError, stripe.IdempotencyError)
        kind: Callable[..., Exception] = GatewayDeclined if isinstance(error, final) else GatewayUnavailable
        raise kind(code=code, reference=reference) from error


def _plain(thing: stripe.StripeObject) -> dict[str, Any]:
    return thing.to_dict()


def _metadata(values: Mapping[str, str]) -> dict[str, str]:
    """Within Stripe's limits: 50 keys of 40 characters, values of 500."""
    return {key[:40]: str(value)[:500] for key, value in list(values.items())[-50:]}


def _ref(value: Any) -> str | None:
    """The id of something that Stripe gives as an id, as an expanded object or not at all."""
    found: str | None = value["id"] if isinstance(value, dict) else value
    return found


def _session(data: Mapping[str, Any]) -> CheckoutSession:
    """A Checkout Session object as the port's."""
    currency = str(data.get("currency") or "").upper()
    metadata = data.get("metadata") or {}
    status = str(data.get("status") or "open")
    return CheckoutSession(
        id=data["id"],
        url=data.get("url") or None,
        status=cast("SessionStatus", status),
        payment_status=cast("PaymentStatus", str(data.get("payment_status") or "unpaid")),
        payment_ref=_ref(data.get("payment_intent")),
        amount_total=from_stripe_amount(int(data.get("amount_total") or 0), currency),
        currency=currency,
        order_code=str(data.get("client_reference_id") or metadata.get("order") or ""),
        method=_method(data),
    )


def _method(data: Mapping[str, Any]) -> str | None:
    """How it was paid: from the expanded charge, or because there was only one way."""
    intent = data.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    if isinstance(charge, dict):
        details = charge.get("payment_method_details") or {}
        kind: str | None = details.get("type")
        return kind
    types: list[str] = data.get("payment_method_types") or []
    return types[0] if data.get("payment_status") == "paid" and len(types) == 1 else None


def _notification(raw: dict[str, Any]) -> Notification:
    """A genuine event, in the port's words."""
    data, kind = raw["data"]["object"], str(raw["type"])
    session: CheckoutSession | None = None
    refund: RefundNotice | None = None
    payment_ref: str | None = None
    outcome: Outcome = "other"
    if kind.startswith("checkout.session.") and data.get("mode", "payment") == "payment":
        session = _session(data)
        payment_ref = session.payment_ref
        outcome = _SESSION_OUTCOMES.get(kind, "other")
        if kind == "checkout.session.completed":
            outcome = "paid" if session.settled else "pending"
    elif kind == "charge.refunded":
        payment_ref, refund, outcome = _ref(data.get("payment_intent")), _charge_refund(data), "refund"
    elif kind in _REFUND_KINDS:
        payment_ref, refund, outcome = _ref(data.get("payment_intent")), _refund(data), "refund"
    return Notification(
        id=str(raw["id"]),
        kind=kind,
        created=dt.datetime.fromtimestamp(int(raw["created"]), dt.UTC),
        outcome=outcome,
        session=session,
        payment_ref=payment_ref,
        refund=refund,
        raw=raw,
    )


def _charge_refund(charge: Mapping[str, Any]) -> RefundNotice:
    """A refunded charge tells the new total, not which refund made it."""
    currency = str(charge.get("currency") or "").upper()
    total = from_stripe_amount(int(charge.get("amount_refunded") or 0), currency)
    return RefundNotice(None, "succeeded", None, total, currency)


def _refund(data: Mapping[str, Any]) -> RefundNotice:
    """A Refund object as the port's."""
    currency = str(data.get("currency") or "").upper()
    return RefundNotice(
        ref=data["id"],
        status=str(data.get("status") or "pending"),
        amount=from_stripe_amount(int(data.get("amount") or 0), currency),
        total_refunded=None,
        currency=currency,
        metadata=dict(data.get("metadata") or {}),
    )
