"""A payment gateway in memory with a truth of its own; a test delivers what it tells, when and as often as it likes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qunclub.kernel.payments import (
    CheckoutRequest,
    CheckoutSession,
    DisputeNotice,
    GatewayDeclined,
    GatewayUnavailable,
    Invoice,
    Notification,
    RecurringState,
    RefundNotice,
    RefundResult,
    SubscriptionStatus,
)

PERIOD = dt.timedelta(days=30)


@dataclass
class Paid:
    """One payment as the gateway knows it."""

    ref: str
    amount: int
    currency: str
    refunds: dict[str, RefundNotice] = field(default_factory=dict)
    lost: int = 0
    disputes: list[str] = field(default_factory=list)

    @property
    def given_back(self) -> int:
        """What went back by refunds that did not fail."""
        good = (one for one in self.refunds.values() if one.status in ("succeeded", "pending"))
        return sum(one.amount or 0 for one in good)

    @property
    def left(self) -> int:
        """What can still go back."""
        return max(0, self.amount - self.given_back - self.lost)


class FakeGateway:
    """See :class:`qunclub.kernel.payments.PaymentGateway`; ``away`` makes every question fail."""

    name = "stripe"

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self.clock = clock
        self.away = False
        self.refunds_pend = False
        self.sessions: dict[str, CheckoutSession] = {}
        self.requests: dict[str, CheckoutRequest] = {}
        self.payments: dict[str, Paid] = {}
        self.subscriptions: dict[str, RecurringState] = {}
        self.prices: dict[str, tuple[int, str]] = {}
        self.invoices: dict[str, Invoice] = {}
        self.disputes: dict[str, DisputeNotice] = {}
        self.told: list[Notification] = []
        self._by_key: dict[str, Any] = {}
        self._count = 0

    # What tests do at the gateway

    def pay(self, session_id: str, *, later: bool = False) -> None:
        """The buyer pays; *later*: the money is on its way."""
        found = self.sessions[session_id]
        if found.status != "open":
            return
        if later and self.requests[session_id].interval == "":
            self._put(replace(found, status="complete", url=None), "pending")
            return
        self._settle(found)

    def arrive(self, session_id: str, *, good: bool) -> None:
        """Money that was on its way arrives, or will not."""
        found = self.sessions[session_id]
        if found.status == "complete" and found.payment_status == "unpaid":
            if good:
                self._settle(found)
            else:
                self._put(found, "failed")
                self.sessions[session_id] = replace(found, status="expired")

    def _settle(self, found: CheckoutSession) -> None:
        request = self.requests[found.id]
        paid = self._paid(found.amount_total, found.currency)
        done = replace(
            found, status="complete", payment_status="paid", url=None, payment_ref=paid.ref, method="card"
        )
        if not request.interval:
            self._put(done, "paid")
            return
        ref, invoice = self._name("sub"), self._name("in")
        now = self.clock()
        self.prices[ref] = (request.amount, request.currency)
        self.subscriptions[ref] = RecurringState(
            ref, "active", found.order_code, self._name("cus"), False, now + PERIOD, invoice
        )
        self.invoices[invoice] = Invoice(
            invoice, "paid", True, found.amount_total, found.currency, ref, found.order_code, paid.ref,
            "card", now, now + PERIOD,
        )  # fmt: skip
        whole = replace(
            done,
            subscription_ref=ref,
            customer_ref=self.subscriptions[ref].customer_ref,
            invoice_ref=invoice,
            period_ends_at=now + PERIOD,
        )
        self.sessions[found.id] = whole
        # Notifications tell less than the gateway knows.
        self._tell(
            "checkout.session.completed",
            "paid",
            session=replace(whole, payment_ref=None, period_ends_at=None),
        )
        self._tell("invoice.paid", "invoice", invoice_ref=invoice, subscription_ref=ref)
        self._tell("customer.subscription.created", "subscription", subscription_ref=ref)

    def renew(self, ref: str, *, good: bool) -> None:
        """The next period is charged, if it is time and the membership lives."""
        found = self.subscriptions[ref]
        if found.status != "active" or found.cancel_at_end or found.period_ends_at is None:
            return
        starts = found.period_ends_at
        if self.clock() < starts:
            return
        amount, currency = self.prices[ref]
        invoice = Invoice(
            self._name("in"), "open", False, amount, currency, ref, found.order_code, None, None,
            starts, starts + PERIOD, "https://pay.example/in",
        )  # fmt: skip
        self.invoices[invoice.ref] = invoice
        status: SubscriptionStatus = "active" if good else "past_due"
        self.subscriptions[ref] = replace(
            found, status=status, period_ends_at=starts + PERIOD, latest_invoice_ref=invoice.ref
        )
        if good:
            self.pay_invoice(invoice.ref)
        else:
            self._tell("invoice.payment_failed", "invoice", invoice_ref=invoice.ref, subscription_ref=ref)
            self._tell("customer.subscription.updated", "subscription", subscription_ref=ref)

    def pay_invoice(self, ref: str) -> None:
        """An open charge is paid."""
        invoice = self.invoices[ref]
        found = self.subscriptions[invoice.subscription_ref or ""]
        if invoice.status != "open" or found.status == "ended":
            return
        paid = self._paid(invoice.amount, invoice.currency)
        self.invoices[ref] = replace(invoice, status="paid", payment_ref=paid.ref, method="card")
        self.subscriptions[found.ref] = replace(found, status="active")
        self._tell("invoice.paid", "invoice", invoice_ref=ref, subscription_ref=found.ref)

    def give_back(self, ref: str, amount: int, *, total_only: bool) -> None:
        """A refund made in the gateway's own dashboard."""
        paid = self.payments[ref]
        amount = min(amount, paid.left)
        if amount <= 0 or self._is_disputed(paid):
            return
        made = RefundNotice(self._name("re"), "succeeded", amount, None, paid.currency)
        paid.refunds[str(made.ref)] = made
        if total_only:
            made = RefundNotice(None, "succeeded", None, paid.given_back, paid.currency)
        self._tell("charge.refunded", "refund", payment_ref=ref, refund=made)

    def refund_fails(self, ref: str, payment: str) -> None:
        """A refund that was on its way or made comes back."""
        paid = self.payments[payment]
        made = paid.refunds[ref]
        if made.status == "failed":
            return
        paid.refunds[ref] = replace(made, status="failed")
        self._tell("refund.failed", "refund", payment_ref=payment, refund=paid.refunds[ref])

    def dispute(self, payment: str, amount: int, status: str) -> None:
        """The payer disputes a payment."""
        paid = self.payments[payment]
        if not self._is_disputed(paid):
            ref = self._name("dp")
            told = DisputeNotice(ref, payment, min(amount, paid.amount), paid.currency, "fraudulent", status)  # type: ignore[arg-type]  # one of the port's words
            self.disputes[ref] = told
            paid.disputes.append(ref)
            self._tell("charge.dispute.created", "dispute", payment_ref=payment, dispute=told)

    def close_dispute(self, ref: str, status: str) -> None:
        """A dispute goes on or ends."""
        found = self.disputes[ref]
        if found.status in ("won", "lost"):
            return
        paid = self.payments[str(found.payment_ref)]
        if status == "lost":
            paid.lost += found.amount
        self.disputes[ref] = told = replace(found, status=status)  # type: ignore[arg-type]  # as above
        self._tell("charge.dispute.closed", "dispute", payment_ref=found.payment_ref, dispute=told)

    def tick(self) -> None:
        """What time alone does: pay pages close, memberships that were cancelled end."""
        now = self.clock()
        for ident, found in list(self.sessions.items()):
            if found.status == "open" and self.requests[ident].expires_at <= now:
                self._put(replace(found, status="expired", url=None), "expired")
        for ref, one in list(self.subscriptions.items()):
            over = one.period_ends_at is not None and one.period_ends_at <= now
            if one.status == "active" and one.cancel_at_end and over:
                self._end(ref)

    def _is_disputed(self, paid: Paid) -> bool:
        return any(self.disputes[ref].status != "won" for ref in paid.disputes)

    def _end(self, ref: str) -> RecurringState:
        found = self.subscriptions[ref]
        self.subscriptions[ref] = ended = replace(found, status="ended", ended_at=self.clock())
        self._tell("customer.subscription.deleted", "subscription", subscription_ref=ref)
        return ended

    def _paid(self, amount: int, currency: str) -> Paid:
        made = Paid(self._name("pi"), amount, currency)
        self.payments[made.ref] = made
        return made

    def _put(self, found: CheckoutSession, outcome: str) -> None:
        self.sessions[found.id] = found
        self._tell(f"checkout.session.{outcome}", outcome, session=found)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def _tell(self, kind: str, outcome: Any, **facts: Any) -> None:
        found: CheckoutSession | None = facts.pop("session", None)
        payment_ref = facts.pop("payment_ref", found.payment_ref if found else None)
        values = {"session": found, "payment_ref": payment_ref, "refund": None, **facts}
        ident = self._name("evt")
        self.told.append(
            Notification(
                id=ident, kind=kind, created=self.clock(), outcome=outcome, raw={"id": ident}, **values
            )
        )

    # The port

    def _here(self) -> None:
        if self.away:
            raise GatewayUnavailable()

    def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CheckoutSession:
        self._here()
        if idempotency_key not in self._by_key:
            ident = self._name("cs")
            self.requests[ident] = request
            self.sessions[ident] = CheckoutSession(
                ident, f"https://pay.example/{ident}", "open", "unpaid", None, request.amount - request.discount
                if request.interval else request.amount, request.currency, request.order_code,
            )  # fmt: skip
            self._by_key[idempotency_key] = ident
        return self.sessions[self._by_key[idempotency_key]]

    def retrieve_checkout(self, session_id: str) -> CheckoutSession:
        self._here()
        if session_id not in self.sessions:
            raise GatewayDeclined()
        return self.sessions[session_id]

    def expire_checkout(self, session_id: str) -> CheckoutSession:
        found = self.retrieve_checkout(session_id)
        if found.status == "open":
            self._put(replace(found, status="expired", url=None), "expired")
        return self.sessions[session_id]

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
        self._here()
        if idempotency_key not in self._by_key:
            paid = self.payments[payment_ref]
            if amount > paid.left or self._is_disputed(paid):
                raise GatewayDeclined(code="charge_disputed")
            status = "pending" if self.refunds_pend else "succeeded"
            made = RefundNotice(self._name("re"), status, amount, None, currency, dict(metadata or {}))
            paid.refunds[str(made.ref)] = made
            self._by_key[idempotency_key] = made.ref
            self._tell("refund.created", "refund", payment_ref=payment_ref, refund=made)
        found = self.payments[payment_ref].refunds[self._by_key[idempotency_key]]
        return RefundResult(str(found.ref), found.status, found.amount or 0)

    def refunds_of(self, payment_ref: str) -> list[RefundNotice]:
        self._here()
        return list(reversed(self.payments[payment_ref].refunds.values()))

    def retrieve_invoice(self, invoice_ref: str) -> Invoice:
        self._here()
        return self.invoices[invoice_ref]

    def retrieve_subscription(self, subscription_ref: str) -> RecurringState:
        self._here()
        return self.subscriptions[subscription_ref]

    def cancel_subscription(
        self, subscription_ref: str, *, at_end: bool, idempotency_key: str
    ) -> RecurringState:
        self._here()
        found = self.subscriptions[subscription_ref]
        if found.status == "ended":
            raise GatewayDeclined(code="resource_missing")
        if not at_end:
            return self._end(subscription_ref)
        self.subscriptions[subscription_ref] = replace(found, cancel_at_end=True)
        self._tell("customer.subscription.updated", "subscription", subscription_ref=subscription_ref)
        return self.subscriptions[subscription_ref]

    def resume_subscription(self, subscription_ref: str, *, idempotency_key: str) -> RecurringState:
        self._here()
        found = self.subscriptions[subscription_ref]
        if found.status == "ended":
            raise GatewayDeclined(code="resource_missing")
        self.subscriptions[subscription_ref] = replace(found, cancel_at_end=False)
        self._tell("customer.subscription.updated", "subscription", subscription_ref=subscription_ref)
        return self.subscriptions[subscription_ref]

    def retrieve_dispute(self, dispute_ref: str) -> DisputeNotice:
        self._here()
        return self.disputes[dispute_ref]

    def parse_notification(self, payload: bytes, signature: str) -> Notification:
        return self.read_notification(payload)

    def read_notification(self, payload: bytes) -> Notification:
        ident = json.loads(payload)["id"]
        return next(one for one in self.told if one.id == ident)
