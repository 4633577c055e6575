"""The payment port: what the club asks of a payment gateway, in the club's own words.

Amounts are integers in the club's minor units (:mod:`qunclub.kernel.money`); an adapter translates where its gateway
counts otherwise. Every change asked for carries an idempotency key, so the same question asked twice has one effect.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .errors import N_, ClubError

SessionStatus = Literal["open", "complete", "expired"]
PaymentStatus = Literal["paid", "unpaid", "no_payment_required"]
Outcome = Literal[
    "paid", "pending", "failed", "expired", "refund", "invoice", "subscription", "dispute", "other"
]
Interval = Literal["", "month", "year"]
InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]
SubscriptionStatus = Literal["incomplete", "active", "past_due", "ended"]
DisputeStatus = Literal["inquiry", "open", "won", "lost"]


class GatewayError(ClubError):
    """The gateway did not do what was asked.

    Args:
        message: a msgid that is safe to show to a buyer.
        code: the gateway's short machine-readable reason, for logs and the desk; never a secret.
        reference: the gateway's request id, to quote to its support.
    """

    def __init__(self, message: str, *, code: str = "", reference: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reference = reference


class GatewayUnavailable(GatewayError):
    """No answer, or none to build on: it may or may not have happened; ask again later with the same key."""

    status = 503

    def __init__(self, *, code: str = "", reference: str = "") -> None:
        message = N_("The payment service cannot be reached right now. Please try again in a few minutes.")
        super().__init__(message, code=code, reference=reference)


class GatewayDeclined(GatewayError):
    """The gateway understood and said no; nothing happened, and asking again will not help."""

    def __init__(self, *, code: str = "", reference: str = "") -> None:
        super().__init__(N_("The payment service refused this request."), code=code, reference=reference)


class BadSignature(GatewayError):
    """A notification that did not come from the gateway, was changed on its way, or is too old."""

    status = 400

    def __init__(self, *, code: str = "") -> None:
        super().__init__(N_("This notification was not signed by the payment service."), code=code)


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a buyer is to pay for.

    Attributes:
        amount: minor units of *currency*, the whole order.
        success_url: where the buyer returns; ``{CHECKOUT_SESSION_ID}`` in it is replaced by the session's id.
        expires_at: when the offer ends, aware UTC. A gateway that needs a longer life than this is given one, so the
            caller also calls ``expire_checkout`` when the order ends.
        methods: ``card``, ``alipay``, ``wechat_pay``; those that fit the currency are shown. Empty: as the gateway is
            set up.
        metadata: short texts kept at the gateway with the session and the payment.
        interval: ``month`` or ``year`` for a membership that the gateway charges again each time; empty for once.
        discount: minor units taken off the first charge of a recurring membership, whose *amount* is that of every
            later one. A single payment's *amount* is what is to be paid, whatever it was reduced by.
    """

    order_code: str
    title: str
    description: str
    amount: int
    currency: str
    customer_email: str
    success_url: str
    cancel_url: str
    expires_at: dt.datetime
    locale: Literal["zh", "en"] = "en"
    methods: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    interval: Interval = ""
    discount: int = 0


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """The gateway's view of one checkout.

    Attributes:
        url: where the buyer pays; None when the session is no longer open.
        payment_ref: the payment's id at the gateway, once money was tried; refunds name it. Of a recurring
            membership only ``retrieve_checkout`` tells it, not a notification; None too when nothing was due.
        method: how it was paid, when the gateway says so.
        subscription_ref, customer_ref, invoice_ref: for a recurring membership, once the buyer is done.
        period_ends_at: until when its first charge pays; told by ``retrieve_checkout``.
    """

    id: str
    url: str | None
    status: SessionStatus
    payment_status: PaymentStatus
    payment_ref: str | None
    amount_total: int
    currency: str
    order_code: str
    method: str | None = None
    subscription_ref: str | None = None
    customer_ref: str | None = None
    invoice_ref: str | None = None
    period_ends_at: dt.datetime | None = None

    @property
    def settled(self) -> bool:
        """Whether the club owes what was bought."""
        return self.status == "complete" and self.payment_status in ("paid", "no_payment_required")


@dataclass(frozen=True, slots=True)
class RefundNotice:
    """What a notification says about money given back.

    Attributes:
        ref: the refund's id; None when the gateway only told the new total.
        amount: of this refund; None likewise.
        total_refunded: of the whole payment so far, when told.
        status: ``pending``, ``succeeded``, ``failed``, ``canceled`` or ``requires_action``.
        metadata: what ``refund`` was given, so the club finds its own row; empty for a refund made in the dashboard.
    """

    ref: str | None
    status: str
    amount: int | None
    total_refunded: int | None
    currency: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invoice:
    """One charge of a recurring membership, as the gateway sees it now.

    Attributes:
        first: whether it is the one paid at checkout.
        amount: what it asks for or was paid, minor units.
        payment_ref: the payment that settled it; refunds name it. None while it is open, and when nothing was due.
        method: how it was paid.
        period_starts_at, period_ends_at: the time it pays for.
        pay_url: where the member can pay it while it is open.
        order_code: the order that began the membership.
        next_attempt_at: when the gateway tries again by itself; None when it will not.
    """

    ref: str
    status: InvoiceStatus
    first: bool
    amount: int
    currency: str
    subscription_ref: str | None
    order_code: str
    payment_ref: str | None = None
    method: str | None = None
    period_starts_at: dt.datetime | None = None
    period_ends_at: dt.datetime | None = None
    pay_url: str | None = None
    next_attempt_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class RecurringState:
    """A recurring membership, as the gateway sees it now.

    Attributes:
        status: ``incomplete`` until the first charge, ``past_due`` while one failed, ``ended`` for good.
        cancel_at_end: whether it ends by itself at *period_ends_at*.
        period_ends_at: the end of the period being charged for, paid or not; what was paid for is told by invoices.
        latest_invoice_ref: its newest charge, paid or not.
    """

    ref: str
    status: SubscriptionStatus
    order_code: str
    customer_ref: str
    cancel_at_end: bool
    period_ends_at: dt.datetime | None
    latest_invoice_ref: str | None = None
    ended_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class DisputeNotice:
    """A dispute, as the gateway sees it now.

    Attributes:
        amount: what is disputed, minor units.
        status: ``inquiry`` while the bank only asks and no money has moved; ``open``; ``won`` or ``lost`` at last.
        due_at: until when evidence can be sent.
    """

    ref: str
    payment_ref: str | None
    amount: int
    currency: str
    reason: str
    status: DisputeStatus
    due_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing the gateway told us; deliveries repeat and come in any order.

    Attributes:
        id: unique at the gateway; the inbox keeps each once.
        kind: the gateway's own name for it, kept as it came.
        outcome: what it means for the club. ``paid``: the session is settled. ``pending``: the buyer is done, the
            money is on its way. ``failed``: it will not come. ``expired``: the session ended unpaid. ``refund``: see
            *refund*; ``dispute``: see *dispute*. ``invoice`` and ``subscription``: something of a recurring membership
            changed; ask the gateway for *invoice_ref* or *subscription_ref*, because what is told here may be old.
            ``other``: keep it, do nothing.
        raw: the whole notification, for the inbox.
    """

    id: str
    kind: str
    created: dt.datetime
    outcome: Outcome
    session: CheckoutSession | None
    payment_ref: str | None
    refund: RefundNotice | None
    raw: dict[str, Any]
    invoice_ref: str | None = None
    subscription_ref: str | None = None
    dispute: DisputeNotice | None = None


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A refund as the gateway took it; ``pending`` is settled by a later notification."""

    ref: str
    status: str
    amount: int


class PaymentGateway(Protocol):
    """Takes money and gives it back. Every method may raise GatewayUnavailable or GatewayDeclined."""

    @property
    def name(self) -> str:
        """The provider's short name, as written on payments."""

    def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CheckoutSession:
        """Open a checkout; the same key and request give the same session."""

    def retrieve_checkout(self, session_id: str) -> CheckoutSession:
        """How that checkout stands now."""

    def expire_checkout(self, session_id: str) -> CheckoutSession:
        """Close it if it is still open; either way say how it stands: it may have been paid in between."""

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
        """Give back *amount* of one payment, in part or whole."""

    def refunds_of(self, payment_ref: str) -> list[RefundNotice]:
        """Every refund of one payment, wherever it was made, the newest first."""

    def retrieve_invoice(self, invoice_ref: str) -> Invoice:
        """How one charge of a recurring membership stands now."""

    def retrieve_subscription(self, subscription_ref: str) -> RecurringState:
        """How a recurring membership stands now."""

    def cancel_subscription(
        self, subscription_ref: str, *, at_end: bool, idempotency_key: str
    ) -> RecurringState:
        """End it at the end of the time paid for, or (*at_end* false) at once, without giving anything back."""

    def resume_subscription(self, subscription_ref: str, *, idempotency_key: str) -> RecurringState:
        """Take a cancellation at the period's end back, before it has come."""

    def retrieve_dispute(self, dispute_ref: str) -> DisputeNotice:
        """How a dispute stands now."""

    def parse_notification(self, payload: bytes, signature: str) -> Notification:
        """Read a notification from its raw body; raises BadSignature unless it is genuine and recent."""

    def read_notification(self, payload: bytes) -> Notification:
        """Read a notification again that was found genuine when it came: for replaying the inbox."""
