"""Memberships in the sandbox: what it takes and refuses, what time and switches do, in which order it tells."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import stripe

from qunclub.sandbox.billing import _after
from tests.support.clock import FakeClock
from tests.support.sandbox import Letterbox, LiveSandbox, opened, paid

STRIPE_ERROR = stripe.InvalidRequestError


def joined(sandbox: LiveSandbox, key: str = "order-1", **changes: Any) -> str:
    """A membership's id."""
    made = paid(sandbox, key, **{"interval": "month", "amount": 9900, **changes})
    return str(made.subscription_ref)


def session_params(clock: FakeClock, **changes: Any) -> Any:
    """A membership's session as the SDK is asked for it."""
    price = {
        "currency": "cny",
        "unit_amount": 9900,
        "product_data": {"name": "月度会员"},
        "recurring": {"interval": "month"},
    }
    values = {
        "mode": "subscription",
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": "https://club.test/back",
        "expires_at": int(clock().timestamp()) + 3600,
    }
    return {key: value for key, value in {**values, **changes}.items() if value is not None}


def events(sandbox: LiveSandbox) -> list[str]:
    """All events so far, the oldest first."""
    found = sandbox.client().v1.events.list({"limit": 100}).data
    return [event.type for event in reversed(found)]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
        ({"mode": "payment"}, "line_items"),
        ({"mode": "payment", "subscription_data": {"description": "x"}}, "subscription_data"),
        ({"subscription_data": {"description": "x" * 501}}, "subscription_data[description]"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
        ({"discounts": [{"coupon": "a"}, {"coupon": "b"}]}, "discounts"),
        ({"subscription_data": {"trial_period_days": 7}}, "subscription_data[trial_period_days]"),
        ({"allowed_payment_method_types": ["wechat_pay"]}, None),
    ],
)
def test_what_stripe_refuses_of_a_membership_is_refused(
    sandbox: LiveSandbox, clock: FakeClock, changes: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(STRIPE_ERROR) as caught:
        sandbox.client().v1.checkout.sessions.create(session_params(clock, **changes))
    assert caught.value.param == param


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_off": 0},
        {"amount_off": None},
        {"currency": "CNY"},
        {"duration": "forever"},
        {"name": "x" * 41},
        {"percent_off": 10},
        {"colour": "red"},
    ],
)
def test_what_stripe_refuses_of_a_coupon_is_refused(sandbox: LiveSandbox, changes: dict[str, Any]) -> None:
    values = {"amount_off": 100, "currency": "cny", "duration": "once", **changes}
    params: Any = {key: value for key, value in values.items() if value is not None}
    with pytest.raises(STRIPE_ERROR):
        sandbox.client().v1.coupons.create(params)


def test_a_coupon_of_another_currency_or_used_up_is_refused(sandbox: LiveSandbox, clock: FakeClock) -> None:
    client = sandbox.client().v1
    dollars = client.coupons.create({"amount_off": 100, "currency": "usd"})
    with pytest.raises(STRIPE_ERROR, match="currency"):
        client.checkout.sessions.create(session_params(clock, discounts=[{"coupon": dollars.id}]))
    once = client.coupons.create({"amount_off": 100, "currency": "cny", "max_redemptions": 1, "id": "ONCE"})
    with pytest.raises(STRIPE_ERROR, match="exists"):
        client.coupons.create({"amount_off": 100, "currency": "cny", "id": "ONCE"})
    with_it = session_params(clock, discounts=[{"coupon": once.id}])
    first, second = client.checkout.sessions.create(with_it), client.checkout.sessions.create(with_it)
    sandbox.pay(first.id)
    with pytest.raises(STRIPE_ERROR, match="used up"):
        client.checkout.sessions.create(with_it)
    assert sandbox.control(f"/sandbox/sessions/{second.id}/pay", {}).status == 400
    assert client.checkout.sessions.retrieve(second.id).status == "open"
    assert len(client.subscriptions.list().data) == 1, "nothing of the refused one stays"


@pytest.mark.parametrize(("amount", "currency"), [(700, "isk"), (1234, "kwd"), (9950, "ugx")])
def test_digits_that_must_be_zero(sandbox: LiveSandbox, clock: FakeClock, amount: int, currency: str) -> None:
    price = {"currency": currency, "product_data": {"name": "x"}}
    create = sandbox.client().v1.checkout.sessions.create

    def params(value: int) -> Any:
        item = {"quantity": 1, "price_data": {**price, "unit_amount": value}}
        return session_params(clock, mode="payment", line_items=[item])

    assert create(params(amount // 100 * 100)).amount_total == amount // 100 * 100
    with pytest.raises(STRIPE_ERROR, match="amount"):
        create(params(amount // 100 * 100 + 51))


def test_beginning_renewing_and_failing_are_told_in_stripe_s_order(sandbox: LiveSandbox) -> None:
    member = joined(sandbox)
    assert events(sandbox) == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]
    sandbox.control(f"/sandbox/subscriptions/{member}/renew", {"outcome": "failed"})
    assert events(sandbox)[9:] == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    bill = str(sandbox.client().v1.subscriptions.retrieve(member).latest_invoice)
    assert sandbox.control(f"/sandbox/invoices/{bill}/pay", {"outcome": "failed"}).json["attempt_count"] == 2
    assert sandbox.control(f"/sandbox/invoices/{bill}/pay", {}).json["status"] == "paid"
    assert sandbox.control(f"/sandbox/invoices/{bill}/pay", {}).json["status"] == "paid"
    assert events(sandbox)[-3:] == [
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]
    assert sandbox.client().v1.subscriptions.retrieve(member).status == "active"
    assert sandbox.control(f"/sandbox/subscriptions/{member}/renew", {"outcome": "maybe"}).status == 400


def test_webhooks_of_memberships_come_twice_reversed_or_never(sandbox: LiveSandbox, box: Letterbox) -> None:
    sandbox.behave(webhooks="never")
    member = joined(sandbox)
    assert box.letters == []
    assert sandbox.control("/sandbox/deliver", {}).json["sent"] == 2
    assert box.wait(2) == ["invoice.paid", "checkout.session.completed"]
    sandbox.behave(webhooks="reversed", gather_ms=200)
    sandbox.control(f"/sandbox/subscriptions/{member}/renew", {"outcome": "failed"})
    assert box.wait(5)[2:] == [
        "customer.subscription.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    sandbox.behave(webhooks="twice")
    sandbox.control(f"/sandbox/subscriptions/{member}/end", {})
    assert box.wait(7)[5:] == ["customer.subscription.deleted"] * 2


def test_time_renews_by_itself(sandbox: LiveSandbox, box: Letterbox, clock: FakeClock) -> None:
    member = joined(sandbox)
    box.wait(2)
    clock.advance(days=32)
    assert "invoice.paid" in box.wait(4)[2:], "without anybody asking"
    clock.advance(days=62)
    found = sandbox.client().v1.invoices.list({"subscription": member}).data
    assert len(found) == 4
    assert {one.status for one in found} == {"paid"}
    ends = sandbox.client().v1.subscriptions.retrieve(member).to_dict()["items"]["data"][0]
    assert ends["current_period_end"] > clock().timestamp()


def test_failed_renewals_are_retried_and_end_the_membership(sandbox: LiveSandbox, clock: FakeClock) -> None:
    member = joined(sandbox, interval="year")
    sandbox.behave(renewals="failed")
    client = sandbox.client().v1
    clock.advance(days=366)
    assert client.subscriptions.retrieve(member).status == "past_due"
    for days in (3, 5):
        clock.advance(days=days)
        assert client.subscriptions.retrieve(member).status == "past_due"
    clock.advance(days=7)
    ended = client.subscriptions.retrieve(member)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None and ended.cancellation_details.reason == "payment_failed"
    bill = client.invoices.retrieve(str(ended.latest_invoice))
    assert (bill.status, bill.attempt_count, bill.next_payment_attempt) == ("open", 4, None)


def test_a_card_may_pay_once_and_never_again(sandbox: LiveSandbox) -> None:
    made = opened(sandbox, interval="month", amount=9900)
    sandbox.control(f"/sandbox/sessions/{made.id}/pay", {"number": "4000 0000 0000 0341"})
    member = str(sandbox.gateway().retrieve_checkout(made.id).subscription_ref)
    assert sandbox.control(f"/sandbox/subscriptions/{member}/renew", {}).json["status"] == "past_due"
    bill = sandbox.gateway().retrieve_invoice(
        str(sandbox.gateway().retrieve_subscription(member).latest_invoice_ref)
    )
    sandbox.pay_page(str(bill.pay_url))
    assert sandbox.control(f"/sandbox/subscriptions/{member}/renew", {}).json["status"] == "active"


def test_an_ended_membership_changes_no_more(sandbox: LiveSandbox) -> None:
    member = joined(sandbox)
    sandbox.control(f"/sandbox/subscriptions/{member}/end", {})
    client = sandbox.client().v1
    with pytest.raises(STRIPE_ERROR, match="only update its cancellation_details"):
        client.subscriptions.update(member, {"cancel_at_period_end": True})
    with pytest.raises(STRIPE_ERROR, match="No such subscription"):
        client.subscriptions.cancel(member)
    assert sandbox.control(f"/sandbox/subscriptions/{member}/renew", {}).status == 404


def test_what_belongs_together_can_be_expanded_four_levels_deep(sandbox: LiveSandbox) -> None:
    member = joined(sandbox)
    client = sandbox.client().v1
    found = client.subscriptions.retrieve(member, {"expand": ["latest_invoice.payments", "customer"]})
    data = found.to_dict()
    assert data["customer"]["email"] == "lin@example.com"
    payment = data["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    deep = client.invoices.retrieve(
        data["latest_invoice"]["id"], {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert deep.to_dict()["payments"]["data"][0]["payment"]["payment_intent"]["id"] == payment
    with pytest.raises(STRIPE_ERROR) as caught:
        client.checkout.sessions.list({"expand": ["data.invoice.payments.data.payment"]})
    assert caught.value.code == "property_expansion_max_depth"
    listed = client.invoice_payments.list({"invoice": data["latest_invoice"]["id"]}).data
    assert [one.status for one in listed] == ["paid"]
    assert client.customers.retrieve(data["customer"]["id"]).email == "lin@example.com"


@pytest.mark.parametrize(
    ("began", "interval", "count", "ends"),
    [
        ("2026-01-31", "month", 1, "2026-02-28"),
        ("2026-01-31", "month", 2, "2026-03-31"),
        ("2026-11-15", "month", 3, "2027-02-15"),
        ("2028-02-29", "year", 1, "2029-02-28"),
        ("2028-02-29", "year", 4, "2032-02-29"),
    ],
)
def test_periods_keep_the_day_they_began_on(began: str, interval: str, count: int, ends: str) -> None:
    def stamp(day: str) -> int:
        return int(dt.datetime.fromisoformat(f"{day}T10:00:00+00:00").timestamp())

    assert _after(stamp(began), {"interval": interval}, count) == stamp(ends)
