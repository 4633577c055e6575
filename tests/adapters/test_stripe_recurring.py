"""Memberships and disputes at Stripe: the real SDK against a live sandbox, and every notification about them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from qunclub.adapters.stripe_gateway import WEBHOOK_EVENTS, StripeGateway
from qunclub.adapters.stripe_objects import dispute, invoice, session, subscription
from qunclub.kernel.payments import CheckoutSession, GatewayDeclined, GatewayUnavailable, Notification
from qunclub.sandbox.courier import SENT
from tests.support.clock import FakeClock
from tests.support.sandbox import Letterbox, LiveSandbox, opened, order, paid

MONTHLY: dict[str, Any] = {"interval": "month", "amount": 9900}


def joined(sandbox: LiveSandbox, key: str = "order-1", **changes: Any) -> CheckoutSession:
    """A membership whose first charge was paid."""
    return paid(sandbox, key, **{**MONTHLY, **changes})


def of(made: CheckoutSession) -> str:
    """The membership that a checkout began."""
    assert made.subscription_ref is not None
    return made.subscription_ref


def told(box: Letterbox, gateway: StripeGateway) -> list[Notification]:
    """What arrived, as the club reads it."""
    return [gateway.parse_notification(*letter) for letter in list(box.letters)]


def month_after(moment: dt.datetime, months: int = 1) -> dt.datetime:
    """The same day some months on; good for the fake clock's day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, microsecond=0)


# -- beginning -------------------------------------------------------------------------------------------------


def test_a_membership_is_opened_paid_and_looked_up(sandbox: LiveSandbox, clock: FakeClock) -> None:
    gateway, made = sandbox.gateway(), opened(sandbox, **MONTHLY)
    assert (made.status, made.amount_total, made.subscription_ref, made.invoice_ref) == (
        "open",
        9900,
        None,
        None,
    )
    sandbox.pay(made.id)
    found = gateway.retrieve_checkout(made.id)
    assert found.settled
    assert str(found.subscription_ref).startswith("sub_")
    assert str(found.customer_ref).startswith("cus_")
    assert str(found.invoice_ref).startswith("in_")
    assert str(found.payment_ref).startswith("pi_"), "found through the invoice's payments"
    assert (found.method, found.order_code) == ("card", "QC7F3K9M2P")
    assert found.period_ends_at == month_after(clock())
    bill = gateway.retrieve_invoice(str(found.invoice_ref))
    assert (bill.status, bill.first, bill.amount, bill.currency) == ("paid", True, 9900, "CNY")
    assert (bill.subscription_ref, bill.order_code) == (found.subscription_ref, "QC7F3K9M2P")
    assert (bill.payment_ref, bill.method) == (found.payment_ref, "card")
    assert (bill.period_starts_at, bill.period_ends_at) == (clock(), found.period_ends_at)
    assert (bill.pay_url, bill.next_attempt_at) == (None, None)
    state = gateway.retrieve_subscription(of(found))
    assert (state.status, state.order_code, state.customer_ref) == (
        "active",
        "QC7F3K9M2P",
        found.customer_ref,
    )
    assert (state.cancel_at_end, state.ended_at) == (False, None)
    assert (state.period_ends_at, state.latest_invoice_ref) == (found.period_ends_at, found.invoice_ref)


def test_what_stripe_is_told_of_a_membership(sandbox: LiveSandbox) -> None:
    made = joined(sandbox, interval="year", methods=("alipay", "wechat_pay"))
    client = sandbox.client().v1
    kept = client.checkout.sessions.retrieve(made.id, {"expand": ["line_items"]}).to_dict()
    assert (kept["mode"], kept["payment_intent"]) == ("subscription", None)
    assert kept["payment_method_types"] == ["card"], "no wallet can be charged again"
    assert kept["payment_method_options"] == {}
    member = client.subscriptions.retrieve(of(made)).to_dict()
    assert member["metadata"] == {"plan": "master", "order": "QC7F3K9M2P"}
    assert member["description"] == "QC7F3K9M2P PPT 大师通行证"
    price = member["items"]["data"][0]["price"]
    assert (price["recurring"]["interval"], price["unit_amount"]) == ("year", 9900)


def test_a_discount_is_taken_off_the_first_charge_only(sandbox: LiveSandbox) -> None:
    gateway = sandbox.gateway()
    made = joined(sandbox, discount=2000)
    assert made.amount_total == 7900
    assert gateway.retrieve_invoice(str(made.invoice_ref)).amount == 7900
    sandbox.control(f"/sandbox/subscriptions/{made.subscription_ref}/renew", {"outcome": "paid"})
    latest = gateway.retrieve_subscription(of(made)).latest_invoice_ref
    assert gateway.retrieve_invoice(str(latest)).amount == 9900
    coupon = sandbox.client().v1.checkout.sessions.retrieve(made.id).to_dict()["discounts"][0]["coupon"]
    kept = sandbox.client().v1.coupons.retrieve(coupon).to_dict()
    assert (kept["duration"], kept["amount_off"], kept["times_redeemed"], kept["valid"]) == (
        "once",
        2000,
        1,
        False,
    )


def test_a_first_time_that_costs_nothing_still_begins_a_membership(sandbox: LiveSandbox) -> None:
    made = joined(sandbox, discount=9900)
    assert (made.amount_total, made.payment_status, made.settled) == (0, "no_payment_required", True)
    assert (made.payment_ref, made.method) == (None, None)
    assert made.period_ends_at is not None
    assert sandbox.gateway().retrieve_subscription(of(made)).status == "active"


@pytest.mark.parametrize("lost_call", [0, 1])
def test_the_same_key_gives_the_same_membership_even_after_a_lost_answer(
    sandbox: LiveSandbox, lost_call: int
) -> None:
    if lost_call:
        opened(sandbox, key="another", **MONTHLY, discount=100)
    before = len(sandbox.client().v1.checkout.sessions.list().data)
    sandbox.behave(lose_next_api=1)
    with pytest.raises(GatewayUnavailable):
        opened(sandbox, **MONTHLY, discount=2000 if lost_call == 0 else 0)
    changes = {**MONTHLY, "discount": 2000 if lost_call == 0 else 0}
    assert opened(sandbox, **changes).id == opened(sandbox, **changes).id
    assert len(sandbox.client().v1.checkout.sessions.list().data) == before + 1


def test_the_sdk_repeats_coupon_and_checkout_by_itself(sandbox: LiveSandbox, clock: FakeClock) -> None:
    sandbox.behave(lose_next_api=1)
    request = order(clock(), **MONTHLY, discount=500)
    made = sandbox.gateway(retries=1).create_checkout(request, idempotency_key="k")
    assert made.amount_total == 9400
    assert [found.id for found in sandbox.client().v1.checkout.sessions.list().data] == [made.id]


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 3000), ("KWD", 1250), ("UGX", 40000), ("ISK", 900)])
def test_memberships_in_every_kind_of_money(sandbox: LiveSandbox, currency: str, amount: int) -> None:
    made = joined(sandbox, currency=currency, amount=amount, discount=100)
    assert made.amount_total == amount - 100
    assert sandbox.gateway().retrieve_invoice(str(made.invoice_ref)).amount == amount - 100


def test_a_delayed_first_charge_settles_or_fails(sandbox: LiveSandbox) -> None:
    sandbox.behave(settle="later")
    gateway = sandbox.gateway()
    first, second = joined(sandbox), joined(sandbox, key="order-2")
    assert (first.status, first.payment_status, first.settled) == ("complete", "unpaid", False)
    sandbox.control(f"/sandbox/sessions/{first.id}/settle", {"outcome": "succeeded"})
    assert gateway.retrieve_checkout(first.id).settled
    sandbox.control(f"/sandbox/sessions/{second.id}/settle", {"outcome": "failed"})
    assert gateway.retrieve_checkout(second.id).payment_status == "unpaid"
    assert gateway.retrieve_subscription(of(second)).status == "past_due"
    assert sandbox.control(f"/sandbox/sessions/{first.id}/settle", {}).status == 400


# -- going on, failing, ending ---------------------------------------------------------------------------------


def test_a_renewal_is_told_and_looked_up(sandbox: LiveSandbox, box: Letterbox, clock: FakeClock) -> None:
    gateway, made = sandbox.gateway(), joined(sandbox)
    box.wait(2)
    box.letters.clear()
    sandbox.control(f"/sandbox/subscriptions/{made.subscription_ref}/renew", {"outcome": "paid"})
    assert sorted(box.wait(2)) == ["customer.subscription.updated", "invoice.paid"]
    notes = {note.kind: note for note in told(box, gateway)}
    note = notes["invoice.paid"]
    assert (note.outcome, note.subscription_ref) == ("invoice", made.subscription_ref)
    bill = gateway.retrieve_invoice(str(note.invoice_ref))
    assert (bill.status, bill.first, bill.amount, bill.order_code) == ("paid", False, 9900, "QC7F3K9M2P")
    assert bill.payment_ref not in (None, made.payment_ref)
    assert (bill.period_starts_at, bill.period_ends_at) == (made.period_ends_at, month_after(clock(), 2))
    changed = notes["customer.subscription.updated"]
    assert (changed.outcome, changed.subscription_ref) == ("subscription", made.subscription_ref)
    refunded = gateway.refund(str(bill.payment_ref), 9900, "CNY", idempotency_key="r")
    assert refunded.status == "succeeded"


def test_a_renewal_fails_is_paid_on_its_page_and_goes_on(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock
) -> None:
    gateway, made = sandbox.gateway(), joined(sandbox)
    box.wait(2)
    box.letters.clear()
    sandbox.control(f"/sandbox/subscriptions/{made.subscription_ref}/renew", {"outcome": "failed"})
    kinds = box.wait(3)
    assert sorted(kinds) == [
        "customer.subscription.updated",
        "customer.subscription.updated",
        "invoice.payment_failed",
    ]
    state = gateway.retrieve_subscription(of(made))
    assert state.status == "past_due"
    bill = gateway.retrieve_invoice(str(state.latest_invoice_ref))
    assert (bill.status, bill.payment_ref, bill.amount) == ("open", None, 9900)
    assert bill.next_attempt_at == clock() + dt.timedelta(days=3)
    assert bill.pay_url is not None
    assert sandbox.open(bill.pay_url).status == 200
    sandbox.pay_page(bill.pay_url)
    assert gateway.retrieve_invoice(bill.ref).status == "paid"
    assert gateway.retrieve_invoice(bill.ref).pay_url is None
    assert gateway.retrieve_subscription(of(made)).status == "active"


def test_it_ends_at_the_period_s_end_and_that_can_be_taken_back(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock
) -> None:
    gateway, made = sandbox.gateway(), joined(sandbox)
    state = gateway.cancel_subscription(of(made), at_end=True, idempotency_key="c1")
    assert (state.status, state.cancel_at_end) == ("active", True)
    again = gateway.cancel_subscription(of(made), at_end=True, idempotency_key="c1")
    assert again == state
    assert not gateway.resume_subscription(of(made), idempotency_key="r1").cancel_at_end
    gateway.cancel_subscription(of(made), at_end=True, idempotency_key="c2")
    clock.advance(days=32)
    ended = gateway.retrieve_subscription(of(made))
    assert (ended.status, ended.ended_at) == ("ended", clock())
    box.wait(6)
    read = [gateway.read_notification(body) for body, _ in list(box.letters)]
    last = [note for note in read if note.kind == "customer.subscription.deleted"]
    assert [note.subscription_ref for note in last] == [made.subscription_ref]
    assert gateway.cancel_subscription(of(made), at_end=True, idempotency_key="c3").status == "ended"
    with pytest.raises(GatewayDeclined):
        gateway.resume_subscription(of(made), idempotency_key="r2")


def test_it_ends_at_once_and_twice_is_once(sandbox: LiveSandbox, clock: FakeClock) -> None:
    gateway, made = sandbox.gateway(), joined(sandbox)
    ended = gateway.cancel_subscription(of(made), at_end=False, idempotency_key="c")
    assert (ended.status, ended.ended_at) == ("ended", clock())
    assert gateway.cancel_subscription(of(made), at_end=False, idempotency_key="c") == ended
    clock.advance(days=40)
    assert len(sandbox.client().v1.invoices.list({"subscription": of(made)}).data) == 1
    with pytest.raises(GatewayDeclined):
        gateway.cancel_subscription("sub_nothing", at_end=False, idempotency_key="x")


@pytest.mark.parametrize("at_end", [True, False])
def test_a_lost_answer_to_an_ending_is_asked_again(sandbox: LiveSandbox, at_end: bool) -> None:
    gateway, made = sandbox.gateway(), joined(sandbox)
    sandbox.behave(lose_next_api=1)
    with pytest.raises(GatewayUnavailable):
        gateway.cancel_subscription(of(made), at_end=at_end, idempotency_key="c")
    state = gateway.cancel_subscription(of(made), at_end=at_end, idempotency_key="c")
    assert (state.status, state.cancel_at_end) == (("active", True) if at_end else ("ended", False))
    sandbox.behave(lose_next_api=1)
    if at_end:
        with pytest.raises(GatewayUnavailable):
            gateway.resume_subscription(of(made), idempotency_key="r")
        assert not gateway.resume_subscription(of(made), idempotency_key="r").cancel_at_end


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("incomplete", "incomplete"),
        ("trialing", "active"),
        ("active", "active"),
        ("past_due", "past_due"),
        ("unpaid", "past_due"),
        ("paused", "past_due"),
        ("canceled", "ended"),
        ("incomplete_expired", "ended"),
    ],
)
def test_every_state_of_a_membership(status: str, means: str) -> None:
    item = {"current_period_end": 1776225600}
    data = {"id": "sub_1", "status": status, "customer": "cus_1", "items": {"data": [item]}}
    state = subscription(data)
    assert (state.status, state.order_code, state.cancel_at_end) == (means, "", False)
    assert state.period_ends_at == dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
    assert subscription({**data, "cancel_at": 1776225600}).cancel_at_end, "as the customer portal sets it"


def test_what_an_invoice_may_leave_out() -> None:
    bare = invoice({"id": "in_1", "status": "open", "currency": "cny", "amount_due": 100, "amount_paid": 0})
    assert (bare.subscription_ref, bare.order_code, bare.payment_ref) == (None, "", None)
    assert (bare.period_starts_at, bare.period_ends_at, bare.pay_url) == (None, None, None)
    tries = [
        {"status": "canceled", "payment": {"payment_intent": "pi_1"}},
        {"status": "paid", "payment": {"type": "payment_record", "payment_record": "prec_1"}},
        {"status": "paid", "payment": {"payment_intent": {"id": "pi_2"}}},
    ]
    data = {"id": "in_1", "status": "paid", "currency": "cny", "payments": {"data": tries}}
    assert invoice(data).payment_ref == "pi_2"
    assert invoice({**data, "payments": {"data": tries[:1]}}).payment_ref is None
    begun = {"id": "cs_1", "mode": "subscription", "status": "complete", "payment_status": "unpaid"}
    assert session({**begun, "invoice": {**data, "payments": {"data": tries[:1]}}}).payment_ref == "pi_1"


# -- money taken back ------------------------------------------------------------------------------------------


def test_a_refund_made_elsewhere_is_told_and_listed(sandbox: LiveSandbox, box: Letterbox) -> None:
    gateway, made = sandbox.gateway(), paid(sandbox)
    payment = str(made.payment_ref)
    gateway.refund(payment, 900, "CNY", idempotency_key="r", metadata={"refund": "7"})
    assert sandbox.control(f"/sandbox/payments/{payment}/refund", {"amount": 1000}).status == 200
    box.wait(5)
    totals = [
        note.refund.total_refunded
        for note in told(box, gateway)
        if note.refund and note.refund.total_refunded
    ]
    assert sorted(totals) == [900, 1900]
    listed = gateway.refunds_of(payment)
    assert [(one.amount, dict(one.metadata), one.status) for one in listed] == [
        (1000, {}, "succeeded"),
        (900, {"refund": "7"}, "succeeded"),
    ]
    assert gateway.refunds_of("pi_nothing") == []


@pytest.mark.parametrize(
    ("outcome", "means", "kinds"),
    [
        ("won", "won", ["charge.dispute.closed", "charge.dispute.funds_reinstated"]),
        ("lost", "lost", ["charge.dispute.closed"]),
    ],
)
def test_a_dispute_is_told_looked_up_and_decided(
    sandbox: LiveSandbox, box: Letterbox, clock: FakeClock, outcome: str, means: str, kinds: list[str]
) -> None:
    gateway, made = sandbox.gateway(), paid(sandbox)
    box.wait(1)
    opened_by = {"reason": "fraudulent", "amount": 5000}
    ref = sandbox.control(f"/sandbox/payments/{made.payment_ref}/dispute", opened_by).json["id"]
    box.wait(3)
    notes = [note for note in told(box, gateway) if note.outcome == "dispute"]
    assert {note.kind for note in notes} == {"charge.dispute.created", "charge.dispute.funds_withdrawn"}
    for note in notes:
        assert note.dispute is not None and note.payment_ref == made.payment_ref
        assert (note.dispute.ref, note.dispute.amount, note.dispute.status) == (ref, 5000, "open")
    found = gateway.retrieve_dispute(ref)
    assert (found.reason, found.currency, found.payment_ref) == ("fraudulent", "CNY", made.payment_ref)
    assert found.due_at == clock() + dt.timedelta(days=9)
    with pytest.raises(GatewayDeclined) as refused:
        gateway.refund(str(made.payment_ref), 100, "CNY", idempotency_key="r")
    assert refused.value.code == "charge_disputed"
    box.letters.clear()
    sandbox.control(f"/sandbox/disputes/{ref}/close", {"outcome": outcome})
    assert sorted(box.wait(len(kinds))) == kinds
    assert gateway.retrieve_dispute(ref).status == means
    with pytest.raises(GatewayDeclined):
        gateway.retrieve_dispute("du_nothing")


def test_an_inquiry_takes_nothing_until_it_grows(sandbox: LiveSandbox) -> None:
    gateway, made = sandbox.gateway(), paid(sandbox)
    asked = {"reason": "unrecognized", "inquiry": True}
    ref = sandbox.control(f"/sandbox/payments/{made.payment_ref}/dispute", asked).json["id"]
    assert gateway.retrieve_dispute(ref).status == "inquiry"
    assert gateway.refund(str(made.payment_ref), 100, "CNY", idempotency_key="r").status == "succeeded"
    sandbox.control(f"/sandbox/disputes/{ref}/close", {"outcome": "escalated"})
    assert gateway.retrieve_dispute(ref).status == "open"


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("warning_needs_response", "inquiry"),
        ("warning_under_review", "inquiry"),
        ("warning_closed", "won"),
        ("needs_response", "open"),
        ("under_review", "open"),
        ("appeal_needs_response", "open"),
        ("appeal_under_review", "open"),
        ("won", "won"),
        ("lost", "lost"),
        ("prevented", "won"),
    ],
)
def test_every_state_of_a_dispute(status: str, means: str) -> None:
    data = {"id": "du_1", "status": status, "amount": 500, "currency": "jpy", "payment_intent": None}
    found = dispute({**data, "evidence_details": {"due_by": 0}})
    assert (found.status, found.amount, found.payment_ref, found.due_at) == (means, 500, None, None)


# -- what is subscribed to -------------------------------------------------------------------------------------


def test_everything_the_webhook_subscribes_to_means_something(gateway: StripeGateway) -> None:
    parent = {"subscription_details": {"subscription": "sub_1", "metadata": {}}}
    data = {
        "id": "x_1",
        "mode": "subscription",
        "status": "complete",
        "payment_status": "paid",
        "amount": 1,
        "currency": "cny",
        "payment_intent": "pi_1",
        "parent": parent,
        "subscription": "sub_1",
        "invoice": "in_1",
    }
    for kind in WEBHOOK_EVENTS:
        raw = {"id": "evt_1", "type": kind, "created": 1776225600, "data": {"object": data}}
        note = gateway.read_notification(json.dumps(raw).encode())
        assert note.outcome != "other", kind
        assert kind.startswith(SENT), f"the sandbox sends {kind} too"
    assert note.subscription_ref is not None


def test_a_session_of_a_membership_is_told_like_any_other(sandbox: LiveSandbox, box: Letterbox) -> None:
    made = joined(sandbox)
    box.wait(2)
    notes = {note.kind: note for note in told(box, sandbox.gateway())}
    done = notes["checkout.session.completed"]
    assert done.outcome == "paid" and done.session is not None
    assert (done.session.subscription_ref, done.session.invoice_ref) == (
        made.subscription_ref,
        made.invoice_ref,
    )
    assert done.session.payment_ref is None, "only looking it up tells the payment"
    assert notes["invoice.paid"].invoice_ref == made.invoice_ref
