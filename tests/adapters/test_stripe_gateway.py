"""The Stripe gateway: the real SDK against a live sandbox, and notifications from the raw body on."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.adapters.stripe_gateway import StripeGateway, from_stripe_amount, to_stripe_amount
from qunclub.kernel.payments import (
    GatewayDeclined,
    GatewayUnavailable,
    PaymentGateway,
)
from tests.support.clock import FakeClock
from tests.support.sandbox import LiveSandbox, opened, order

# -- checkouts -------------------------------------------------------------------------------------------------


def test_it_is_a_payment_gateway(gateway: StripeGateway) -> None:
    port: PaymentGateway = gateway
    assert port.name == "stripe"


def test_a_checkout_is_opened_paid_and_looked_up(sandbox: LiveSandbox) -> None:
    gateway = sandbox.gateway()
    made = opened(sandbox)
    assert (made.status, made.payment_status, made.settled) == ("open", "unpaid", False)
    assert (made.amount_total, made.currency, made.order_code) == (19900, "CNY", "QC7F3K9M2P")
    assert (made.payment_ref, made.method) == (None, None)
    assert str(made.url).startswith(sandbox.url)
    sandbox.pay(made.id, method="wechat_pay")
    found = gateway.retrieve_checkout(made.id)
    assert (found.status, found.payment_status, found.settled) == ("complete", "paid", True)
    assert (found.method, found.url) == ("wechat_pay", None)
    assert str(found.payment_ref).startswith("pi_")


def test_what_stripe_is_told(sandbox: LiveSandbox, clock: FakeClock) -> None:
    made = opened(sandbox)
    kept = sandbox.client().v1.checkout.sessions.retrieve(made.id, {"expand": ["line_items"]}).to_dict()
    assert kept["locale"] == "zh"
    assert kept["customer_email"] == "lin@example.com"
    assert kept["client_reference_id"] == "QC7F3K9M2P"
    assert kept["metadata"] == {"plan": "master", "order": "QC7F3K9M2P"}
    assert kept["payment_method_types"] == ["card", "alipay", "wechat_pay"]
    assert kept["payment_method_options"] == {"wechat_pay": {"client": "web"}}
    assert kept["expires_at"] == int((clock() + dt.timedelta(minutes=35)).timestamp())
    assert kept["line_items"]["data"][0]["description"] == "PPT 大师通行证"
    sandbox.pay(made.id)
    payment = sandbox.client().v1.payment_intents.retrieve(
        str(sandbox.gateway().retrieve_checkout(made.id).payment_ref)
    )
    assert payment.description == "QC7F3K9M2P PPT 大师通行证"
    assert payment.metadata["order"] == "QC7F3K9M2P"


def test_empty_fields_are_left_out_and_methods_come_from_the_settings(
    sandbox: LiveSandbox, clock: FakeClock
) -> None:
    gateway = sandbox.gateway(methods=("card",))
    bare = order(clock(), description="", customer_email="", methods=(), metadata={})
    kept = sandbox.client().v1.checkout.sessions.retrieve(
        gateway.create_checkout(bare, idempotency_key="k").id
    )
    assert kept.payment_method_types == ["card"]
    assert kept.customer_email is None
    dashboard = sandbox.gateway().create_checkout(bare, idempotency_key="k2")
    assert sandbox.client().v1.checkout.sessions.retrieve(dashboard.id).allowed_payment_method_types is None


def test_the_same_key_gives_the_same_checkout(sandbox: LiveSandbox) -> None:
    assert opened(sandbox).id == opened(sandbox).id
    assert opened(sandbox).id != opened(sandbox, key="order-2").id
    with pytest.raises(GatewayDeclined):
        opened(sandbox, amount=1)


@pytest.mark.parametrize(
    ("hold", "least", "most"), [(0, 30, 41), (15, 30, 41), (30, 30, 41), (3000, 1420, 1440)]
)
def test_an_end_that_stripe_would_refuse_is_moved(
    sandbox: LiveSandbox, clock: FakeClock, hold: int, least: int, most: int
) -> None:
    ends = clock() + dt.timedelta(minutes=hold)
    made = opened(sandbox, expires_at=ends)
    clock.advance(seconds=20)
    assert opened(sandbox, expires_at=ends).id == made.id, "a repeat asks for the same"
    kept = sandbox.client().v1.checkout.sessions.retrieve(made.id)
    assert least * 60 <= kept.expires_at - kept.created <= most * 60


def test_a_lost_answer_is_asked_for_again_and_gives_the_same_checkout(
    sandbox: LiveSandbox, clock: FakeClock
) -> None:
    sandbox.behave(lose_next_api=1)
    with pytest.raises(GatewayUnavailable):
        opened(sandbox)
    assert opened(sandbox).status == "open"
    assert len(sandbox.client().v1.checkout.sessions.list().data) == 1


def test_the_sdk_repeats_a_failed_call_by_itself(sandbox: LiveSandbox, clock: FakeClock) -> None:
    sandbox.behave(lose_next_api=1)
    made = sandbox.gateway(retries=1).create_checkout(order(clock()), idempotency_key="k")
    assert [found.id for found in sandbox.client().v1.checkout.sessions.list().data] == [made.id]


def test_expiring_tells_how_it_stands_even_when_too_late(sandbox: LiveSandbox) -> None:
    gateway = sandbox.gateway()
    first, second = opened(sandbox), opened(sandbox, key="order-2")
    sandbox.pay(second.id)
    assert gateway.expire_checkout(first.id).status == "expired"
    assert gateway.expire_checkout(first.id).status == "expired"
    assert gateway.expire_checkout(second.id).settled
    with pytest.raises(GatewayDeclined):
        gateway.expire_checkout("cs_test_nothing")


# -- money back ------------------------------------------------------------------------------------------------


def test_refunds_are_partial_idempotent_and_bounded(sandbox: LiveSandbox) -> None:
    gateway, made = sandbox.gateway(), opened(sandbox)
    sandbox.pay(made.id)
    payment = str(gateway.retrieve_checkout(made.id).payment_ref)
    first = gateway.refund(
        payment, 9900, "CNY", idempotency_key="r1", reason="学员退课", metadata={"refund": "7"}
    )
    assert (first.amount, first.status) == (9900, "succeeded")
    again = gateway.refund(
        payment, 9900, "CNY", idempotency_key="r1", reason="学员退课", metadata={"refund": "7"}
    )
    assert again == first
    kept = sandbox.client().v1.refunds.retrieve(first.ref).to_dict()
    assert (kept["reason"], kept["metadata"]) == (
        "requested_by_customer",
        {"refund": "7", "reason": "学员退课"},
    )
    with pytest.raises(GatewayDeclined):
        gateway.refund(payment, 10001, "CNY", idempotency_key="r2")
    second = gateway.refund(payment, 10000, "CNY", idempotency_key="r3", reason="duplicate")
    assert sandbox.client().v1.refunds.retrieve(second.ref).reason == "duplicate"
    with pytest.raises(GatewayDeclined) as caught:
        gateway.refund(payment, 1, "CNY", idempotency_key="r4")
    assert caught.value.code == "charge_already_refunded"
    with pytest.raises(GatewayDeclined):
        gateway.refund("pi_nothing", 1, "CNY", idempotency_key="r5")


# -- when Stripe is away ---------------------------------------------------------------------------------------


def test_away_broken_or_locked_out_is_unavailable_and_says_nothing_else(
    sandbox: LiveSandbox, gateway: StripeGateway, clock: FakeClock
) -> None:
    with pytest.raises(GatewayUnavailable) as away:
        gateway.create_checkout(order(clock()), idempotency_key="k")
    assert away.value.status == 503
    assert "127.0.0.1" not in str(away.value)
    sandbox.behave(fail_next_api=1)
    with pytest.raises(GatewayUnavailable) as broken:
        opened(sandbox)
    assert broken.value.reference.startswith("req_")
    wrong_key = sandbox.gateway(api_key="sk_test_wrong_secret_key")
    with pytest.raises(GatewayUnavailable) as locked_out:
        wrong_key.retrieve_checkout("cs_test_x")
    assert "sk_test" not in str(locked_out.value)


def test_it_does_not_wait_for_ever(sandbox: LiveSandbox, clock: FakeClock) -> None:
    sandbox.behave(delay_ms=1200)
    began = time.monotonic()
    with pytest.raises(GatewayUnavailable):
        sandbox.gateway(timeout=0.3).create_checkout(order(clock()), idempotency_key="k")
    assert time.monotonic() - began < 1.0


# -- money -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "at_stripe"),
    [
        (19900, "CNY", 19900),
        (500, "JPY", 500),
        (1234, "KWD", 12340),
        (5000, "UGX", 500000),
        (700, "isk", 70000),
    ],
)
def test_amounts_are_written_as_stripe_counts(amount: int, currency: str, at_stripe: int) -> None:
    assert to_stripe_amount(amount, currency) == at_stripe
    assert from_stripe_amount(at_stripe, currency) == amount


@given(st.integers(0, 10**12), st.sampled_from(["CNY", "USD", "JPY", "KRW", "BHD", "UGX", "ISK", "TWD"]))
def test_no_amount_is_changed_on_the_way_there_and_back(amount: int, currency: str) -> None:
    assert from_stripe_amount(to_stripe_amount(amount, currency), currency) == amount


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 3000), ("KWD", 1250), ("UGX", 40000)])
def test_money_of_every_kind_comes_back_whole(sandbox: LiveSandbox, currency: str, amount: int) -> None:
    gateway, made = sandbox.gateway(), opened(sandbox, currency=currency, amount=amount)
    assert made.amount_total == amount
    sandbox.pay(made.id)
    payment = str(gateway.retrieve_checkout(made.id).payment_ref)
    assert gateway.refund(payment, amount, currency, idempotency_key="r").amount == amount
