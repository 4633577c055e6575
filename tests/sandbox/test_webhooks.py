"""Webhooks and the ways the sandbox can be told to misbehave."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import stripe

from tests.support.clock import FakeClock
from tests.support.sandbox import SECRET, Letterbox, LiveSandbox, live_sandbox, opened, wait_until

COMPLETED = "checkout.session.completed"


def paid(sandbox: LiveSandbox, key: str = "order-1") -> str:
    """A session that was opened and paid; gives its id."""
    made = opened(sandbox, key=key)
    assert sandbox.pay(made.id).status == 303
    return made.id


def test_a_payment_is_told_with_a_signature_stripe_would_accept(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock
) -> None:
    session_id = paid(sandbox)
    assert box.wait(1) == [COMPLETED]
    body, signature = box.letters[0]
    assert stripe.WebhookSignature.verify_header(body, signature, SECRET)
    assert f"t={int(clock().timestamp())}," in signature
    event = json.loads(body)
    assert event["data"]["object"]["id"] == session_id
    assert event["data"]["object"]["payment_status"] == "paid"
    assert "_sandbox" not in event["data"]["object"]
    assert sandbox.client().v1.events.retrieve(event["id"]).type == COMPLETED


def test_failed_deliveries_come_again_signed_anew(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock
) -> None:
    box.answers = [500, 302]
    paid(sandbox)
    box.wait(3)
    wait_until(lambda: sandbox.deliveries()[0]["state"] == "sent")
    assert len({body for body, _ in box.letters}) == 1
    assert sandbox.deliveries()[0]["attempts"] == 3


def test_a_webhook_that_never_answers_is_given_up_and_paying_does_not_wait(
    tmp_path: Path, clock: FakeClock
) -> None:
    with live_sandbox(
        tmp_path,
        clock=clock,
        webhook_url="http://127.0.0.1:9/nobody",
        webhook_attempts=2,
        webhook_backoff=0.01,
    ) as sandbox:
        paid(sandbox)
        wait_until(lambda: sandbox.deliveries()[0]["state"] == "failed")
        assert sandbox.deliveries()[0]["attempts"] == 2
        assert "refused" in sandbox.deliveries()[0]["answer"]


def test_what_was_not_sent_is_sent_after_a_restart(tmp_path: Path, clock: FakeClock, box: Letterbox) -> None:
    with live_sandbox(
        tmp_path, clock=clock, webhook_url="http://127.0.0.1:9/nobody", webhook_backoff=60
    ) as before:
        paid(before)
        wait_until(lambda: before.deliveries()[0]["attempts"] == 1)
    with live_sandbox(tmp_path, clock=clock, webhook_url=box.url):
        assert box.wait(1) == [COMPLETED]


def test_twice(sandbox: LiveSandbox, box: Letterbox) -> None:
    sandbox.behave(webhooks="twice")
    paid(sandbox)
    assert box.wait(2) == [COMPLETED] * 2
    assert len({json.loads(body)["id"] for body, _ in box.letters}) == 1


def test_late(sandbox: LiveSandbox, box: Letterbox) -> None:
    sandbox.behave(webhooks="late", late_ms=400)
    began = time.monotonic()
    paid(sandbox)
    box.wait(1)
    assert time.monotonic() - began >= 0.4


def test_reversed(sandbox: LiveSandbox, box: Letterbox) -> None:
    sandbox.behave(webhooks="reversed", gather_ms=300)
    session_id = paid(sandbox)
    sandbox.gateway().refund(
        str(sandbox.gateway().retrieve_checkout(session_id).payment_ref), 100, "CNY", idempotency_key="r"
    )
    assert box.wait(3) == ["charge.refunded", "refund.created", COMPLETED]


def test_never_until_released(sandbox: LiveSandbox, box: Letterbox) -> None:
    sandbox.behave(webhooks="never")
    paid(sandbox)
    time.sleep(0.4)
    assert box.letters == []
    assert sandbox.deliveries()[0]["state"] == "withheld"
    assert sandbox.control("/sandbox/deliver", {}).json == {"sent": 1}
    assert box.wait(1) == [COMPLETED]
    assert sandbox.control("/sandbox/deliver", {}).json == {"sent": 0}
    event_id = json.loads(box.letters[0][0])["id"]
    assert sandbox.control("/sandbox/deliver", {"event": event_id}).json == {"sent": 1}
    assert box.wait(2) == [COMPLETED] * 2
    assert sandbox.control("/sandbox/deliver", {"event": "evt_none"}).status == 404


def test_a_delayed_method_settles_later(sandbox: LiveSandbox, box: Letterbox) -> None:
    sandbox.behave(settle="later")
    first, second = paid(sandbox), paid(sandbox, key="order-2")
    box.wait(2)
    assert {json.loads(body)["data"]["object"]["payment_status"] for body, _ in box.letters} == {"unpaid"}
    path = f"/sandbox/sessions/{first}/settle"
    assert sandbox.control(path, {"outcome": "succeeded"}).json["payment_status"] == "paid"
    assert sandbox.control(path, {"outcome": "succeeded"}).status == 400
    assert sandbox.control(path, {"outcome": "maybe"}).status == 400
    assert sandbox.control(f"/sandbox/sessions/{second}/settle", {"outcome": "failed"}).status == 200
    assert set(box.wait(4)[2:]) == {
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
    }
    assert sandbox.gateway().retrieve_checkout(second).payment_status == "unpaid"


def test_a_refund_can_fail_a_moment_later(sandbox: LiveSandbox, box: Letterbox, clock: FakeClock) -> None:
    made = opened(sandbox)
    sandbox.control(f"/sandbox/sessions/{made.id}/pay", {"method": "card", "number": "4000 0000 0000 5126"})
    payment = str(sandbox.gateway().retrieve_checkout(made.id).payment_ref)
    refund = sandbox.gateway().refund(payment, 19900, "CNY", idempotency_key="r")
    assert refund.status == "succeeded"
    clock.advance(seconds=3)
    assert sandbox.client().v1.refunds.retrieve(refund.ref).status == "failed"
    assert set(box.wait(5)[1:]) == {"refund.created", "charge.refunded", "refund.updated", "refund.failed"}
    assert sandbox.gateway().refund(payment, 19900, "CNY", idempotency_key="r2").status == "succeeded"


def test_a_refund_can_wait(sandbox: LiveSandbox, clock: FakeClock) -> None:
    made = opened(sandbox)
    sandbox.control(f"/sandbox/sessions/{made.id}/pay", {"number": "4000000000007726"})
    payment = str(sandbox.gateway().retrieve_checkout(made.id).payment_ref)
    refund = sandbox.gateway().refund(payment, 100, "CNY", idempotency_key="r")
    assert refund.status == "pending"
    clock.advance(seconds=3)
    assert sandbox.client().v1.refunds.retrieve(refund.ref).status == "succeeded"


def test_expiry_is_told_without_anybody_looking(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock
) -> None:
    opened(sandbox)
    clock.advance(minutes=36)
    assert box.wait(1) == ["checkout.session.expired"]


def test_the_api_can_be_slow_fail_and_lose_its_answer(sandbox: LiveSandbox) -> None:
    sandbox.behave(delay_ms=250)
    began = time.monotonic()
    opened(sandbox)
    assert time.monotonic() - began >= 0.25
    sandbox.behave(reset=True, fail_next_api=1)
    sessions = sandbox.client().v1.checkout.sessions
    with pytest.raises(stripe.APIError) as failed:
        sessions.list()
    assert failed.value.http_status == 500
    open_session = sessions.list().data[0]
    sandbox.behave(lose_next_api=1)
    with pytest.raises(stripe.APIError) as lost:
        sessions.expire(open_session.id)
    assert lost.value.http_status == 502
    assert sessions.retrieve(open_session.id).status == "expired"


def test_switches_are_checked_and_reset(sandbox: LiveSandbox) -> None:
    assert sandbox.control("/sandbox/behaviour").json["webhooks"] == "normal"
    for wrong in ({"colour": 1}, {"webhooks": "sometimes"}, {"delay_ms": -1}, {"delay_ms": True}, ["x"]):
        assert sandbox.control("/sandbox/behaviour", wrong).status == 400
    assert sandbox.behave(delay_ms=1)["delay_ms"] == 1
    assert sandbox.behave(reset=True)["delay_ms"] == 0
