"""Stripe's notifications: what the gateway believes, and what it makes of them for the club."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from qunclub.adapters.stripe_gateway import StripeGateway
from qunclub.kernel.payments import BadSignature, Notification
from tests.support.clock import FakeClock
from tests.support.sandbox import SECRET, Letterbox, LiveSandbox, opened


def signed(event: dict[str, Any] | bytes, clock: FakeClock, secret: str = SECRET) -> tuple[bytes, str]:
    """A body and its signature as Stripe would send them at this moment."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    moment = int(clock().timestamp())
    return body, stripe.WebhookSignature.generate_signature_header(body.decode(), secret, moment)


def event(kind: str, data: dict[str, Any], event_id: str = "evt_1") -> dict[str, Any]:
    """A Stripe event of the given kind."""
    return {"id": event_id, "object": "event", "type": kind, "created": 1776225600, "data": {"object": data}}


def session_data(**changes: Any) -> dict[str, Any]:
    """A Checkout Session as an event carries it."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "amount_total": 19900,
        "currency": "cny",
        "client_reference_id": "QC1",
        "metadata": {"order": "QC1"},
        "payment_method_types": ["card", "alipay"],
        "url": None,
        **changes,
    }


def parsed(gateway: StripeGateway, clock: FakeClock, kind: str, data: dict[str, Any]) -> Notification:
    """What the gateway makes of a signed event."""
    return gateway.parse_notification(*signed(event(kind, data), clock))


def test_every_notification_of_a_purchase_is_understood(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock
) -> None:
    gateway, made = sandbox.gateway(), opened(sandbox)
    sandbox.pay(made.id)
    payment = str(gateway.retrieve_checkout(made.id).payment_ref)
    refund = gateway.refund(payment, 900, "CNY", idempotency_key="r", metadata={"refund": "7"})
    box.wait(3)
    told = {note.kind: note for note in (gateway.parse_notification(*letter) for letter in box.letters)}
    done = told["checkout.session.completed"]
    assert (done.outcome, done.payment_ref) == ("paid", payment)
    assert done.session is not None and done.session.settled and done.session.id == made.id
    assert (done.created, done.raw["type"]) == (clock(), "checkout.session.completed")
    charge = told["charge.refunded"]
    assert charge.refund is not None and (charge.outcome, charge.payment_ref) == ("refund", payment)
    assert (charge.refund.ref, charge.refund.amount, charge.refund.total_refunded) == (None, None, 900)
    given_back = told["refund.created"].refund
    assert given_back is not None
    assert (given_back.ref, given_back.status, given_back.amount) == (refund.ref, "succeeded", 900)
    assert given_back.metadata == {"refund": "7"}


@pytest.mark.parametrize(
    ("kind", "changes", "outcome"),
    [
        ("checkout.session.completed", {}, "paid"),
        (
            "checkout.session.completed",
            {"payment_status": "no_payment_required", "payment_intent": None},
            "paid",
        ),
        ("checkout.session.completed", {"payment_status": "unpaid"}, "pending"),
        ("checkout.session.async_payment_succeeded", {}, "paid"),
        ("checkout.session.async_payment_failed", {"payment_status": "unpaid"}, "failed"),
        ("checkout.session.expired", {"status": "expired", "payment_status": "unpaid"}, "expired"),
        ("checkout.session.something_new", {}, "other"),
    ],
)
def test_what_happens_to_a_session_is_told_in_one_word(
    gateway: StripeGateway, clock: FakeClock, kind: str, changes: dict[str, Any], outcome: str
) -> None:
    note = parsed(gateway, clock, kind, session_data(**changes))
    assert note.outcome == outcome
    assert note.session is not None and note.session.order_code == "QC1"


@pytest.mark.parametrize("kind", ["refund.updated", "refund.failed", "charge.refund.updated"])
def test_a_refund_that_changes_is_told(gateway: StripeGateway, clock: FakeClock, kind: str) -> None:
    data = {
        "id": "re_1",
        "amount": 500,
        "currency": "jpy",
        "status": "failed",
        "payment_intent": {"id": "pi_9"},
    }
    note = parsed(gateway, clock, kind, data)
    assert (note.outcome, note.payment_ref) == ("refund", "pi_9")
    assert note.refund is not None
    assert (note.refund.status, note.refund.amount, note.refund.currency) == ("failed", 500, "JPY")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("customer.created", {"id": "cus_1"}),
        ("payment_intent.payment_failed", {"id": "pi_1", "amount": 1}),
        ("checkout.session.completed", {"id": "cs_1", "mode": "setup"}),
        ("invoice.paid", {"id": "in_1", "parent": None}),
        ("invoice.created", {"id": "in_1", "parent": None}),
    ],
)
def test_what_the_club_does_not_know_is_kept(
    gateway: StripeGateway, clock: FakeClock, kind: str, data: dict[str, Any]
) -> None:
    note = parsed(gateway, clock, kind, data)
    assert (note.kind, note.outcome, note.session, note.refund) == (kind, "other", None, None)
    assert note.raw["data"]["object"] == data


def test_details_stripe_may_leave_out(gateway: StripeGateway, clock: FakeClock) -> None:
    data = session_data(client_reference_id=None, payment_method_types=["alipay"])
    note = parsed(gateway, clock, "checkout.session.completed", data)
    assert note.session is not None
    assert (note.session.order_code, note.session.method) == ("QC1", "alipay")


def test_every_secret_is_accepted_while_rotating(gateway: StripeGateway, clock: FakeClock) -> None:
    body = event("checkout.session.completed", session_data())
    for secret in ("whsec_new", SECRET):
        assert gateway.parse_notification(*signed(body, clock, secret)).outcome == "paid"
    with pytest.raises(BadSignature):
        gateway.parse_notification(*signed(body, clock, "whsec_older"))


def test_a_changed_body_or_signature_is_refused(gateway: StripeGateway, clock: FakeClock) -> None:
    body, signature = signed(event("checkout.session.completed", session_data()), clock)
    cheaper = body.replace(b"19900", b"00100")
    other_time = signature.replace(f"t={int(clock().timestamp())}", f"t={int(clock().timestamp()) + 1}")
    for wrong in (
        (cheaper, signature),
        (body, other_time),
        (body, ""),
        (body, "v1=abc"),
        (body, "t=now,v1=abc"),
    ):
        with pytest.raises(BadSignature):
            gateway.parse_notification(*wrong)


def test_an_old_signature_is_refused_by_the_clubs_clock(gateway: StripeGateway, clock: FakeClock) -> None:
    letter = signed(event("customer.created", {"id": "cus_1"}), clock)
    clock.advance(seconds=300)
    assert gateway.parse_notification(*letter).id == "evt_1"
    clock.advance(seconds=1)
    with pytest.raises(BadSignature) as caught:
        gateway.parse_notification(*letter)
    assert caught.value.code == "too_old"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"not json",
        b'{"id": "evt_1", "object": "event"}',
        b'{"id": "evt_1", "type": "refund.updated", "created": 1, "data": {"object": "re_1"}}',
        b'{"id": "evt_1", "type": "checkout.session.completed", "created": 1, "data": {"object": {}}}',
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(
    gateway: StripeGateway, clock: FakeClock, body: bytes
) -> None:
    with pytest.raises(BadSignature):
        gateway.parse_notification(*signed(body, clock))


def test_bytes_that_are_no_text_are_refused(gateway: StripeGateway) -> None:
    with pytest.raises(BadSignature):
        gateway.parse_notification(b"\xff\xfe", "t=1,v1=abc")


@pytest.mark.parametrize("secrets", [(), ("",), (" ",)])
def test_without_a_secret_nothing_is_believed(clock: FakeClock, secrets: tuple[str, ...]) -> None:
    careless = StripeGateway("sk_test_x", webhook_secrets=secrets, clock=clock)
    for signature in signed(b"{}", clock, "")[1], signed(b"{}", clock, " ")[1]:
        with pytest.raises(BadSignature):
            careless.parse_notification(b"{}", signature)
