"""The part of the payment port about memberships that are charged again, and about disputes, at Stripe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import stripe

from qunclub.kernel.payments import DisputeNotice, GatewayDeclined, Invoice, RecurringState

from . import stripe_objects as objects
from .stripe_calls import translated

if TYPE_CHECKING:
    from stripe.params import CouponCreateParams, SubscriptionUpdateParams

# What Stripe lets a checkout of a membership offer without an invitation; WeChat Pay cannot be charged again at all.
RECURRING_METHODS = ("card",)


class RecurringAtStripe:
    """Looks at and ends what Stripe charges by itself."""

    _client: stripe.StripeClient

    def retrieve_invoice(self, invoice_ref: str) -> Invoice:
        """How one charge of a membership stands now, with the payment that settled it; see the port."""
        with translated("retrieve_invoice"):
            data = objects.plain(self._client.v1.invoices.retrieve(invoice_ref, {"expand": ["payments"]}))
        found = objects.invoice(data)
        if found.payment_ref is None:
            return found
        return replace(found, method=self._method(found.payment_ref))

    def retrieve_subscription(self, subscription_ref: str) -> RecurringState:
        """How a membership stands now; see the port."""
        with translated("retrieve_subscription"):
            found = self._client.v1.subscriptions.retrieve(subscription_ref)
            return objects.subscription(objects.plain(found))

    def cancel_subscription(
        self, subscription_ref: str, *, at_end: bool, idempotency_key: str
    ) -> RecurringState:
        """End a membership at its period's end or at once; one that has ended is as asked. See the port."""
        if at_end:
            return self._end_at_period(subscription_ref, ends=True, idempotency_key=idempotency_key)
        try:
            with translated("cancel_subscription"):
                # A DELETE has no idempotency key at Stripe: the second one finds nothing to end.
                made = self._client.v1.subscriptions.cancel(subscription_ref)
                return objects.subscription(objects.plain(made))
        except GatewayDeclined as refusal:
            return self._ended_already(subscription_ref, refusal)

    def resume_subscription(self, subscription_ref: str, *, idempotency_key: str) -> RecurringState:
        """Take the end at the period's end back; see the port."""
        return self._end_at_period(subscription_ref, ends=False, idempotency_key=idempotency_key)

    def retrieve_dispute(self, dispute_ref: str) -> DisputeNotice:
        """How a dispute stands now; see the port."""
        with translated("retrieve_dispute"):
            return objects.dispute(objects.plain(self._client.v1.disputes.retrieve(dispute_ref)))

    def _end_at_period(self, subscription_ref: str, *, ends: bool, idempotency_key: str) -> RecurringState:
        params: SubscriptionUpdateParams = {"cancel_at_period_end": ends}
        try:
            with translated("cancel_subscription" if ends else "resume_subscription"):
                made = self._client.v1.subscriptions.update(
                    subscription_ref, params, {"idempotency_key": idempotency_key}
                )
                return objects.subscription(objects.plain(made))
        except GatewayDeclined as refusal:
            if not ends:
                raise
            return self._ended_already(subscription_ref, refusal)

    def _ended_already(self, subscription_ref: str, refusal: GatewayDeclined) -> RecurringState:
        """After a refusal: fine when it has ended, else the refusal stands."""
        found = self.retrieve_subscription(subscription_ref)
        if found.status != "ended":
            raise refusal
        return found

    def _method(self, payment_ref: str) -> str | None:
        with translated("retrieve_payment"):
            found = self._client.v1.payment_intents.retrieve(payment_ref, {"expand": ["latest_charge"]})
            return objects.method_of(objects.plain(found))

    def _discount(self, amount: int, currency: str, order_code: str, *, idempotency_key: str) -> str:
        """A coupon at Stripe for one order's first charge; the same key gives the same one."""
        params: CouponCreateParams = {
            "amount_off": objects.to_stripe_amount(amount, currency),
            "currency": currency.lower(),
            "duration": "once",
            "max_redemptions": 1,
            "name": order_code[:40],
            "metadata": {"order": order_code},
        }
        return self._client.v1.coupons.create(params, {"idempotency_key": f"{idempotency_key}:coupon"}).id
