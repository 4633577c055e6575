"""The sandbox's API as the real SDK sees it: what it takes, what it refuses, and what it remembers."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.support.clock import FakeClock
from tests.support.sandbox import LiveSandbox, live_sandbox, opened


def params(clock: FakeClock, **changes: Any) -> Any:
    """A session as the SDK is asked for it."""
    product = {"currency": "cny", "unit_amount": 19900, "product_data": {"name": "PPT 大师通行证"}}
    values = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": product}],
        "success_url": "https://club.test/back?s={CHECKOUT_SESSION_ID}",
        "expires_at": int(clock().timestamp()) + 1800,
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def item(**changes: Any) -> list[Any]:
    """One line item with its price changed."""
    price = {"currency": "cny", "unit_amount": 100, "product_data": {"name": "x"}, **changes}
    return [
        {"quantity": 1, "price_data": {name: value for name, value in price.items() if value is not None}}
    ]


def test_a_session_is_made_and_found_again(sandbox: LiveSandbox, clock: FakeClock) -> None:
    sessions = sandbox.client().v1.checkout.sessions
    wanted = params(
        clock,
        locale="zh",
        customer_email="lin@example.com",
        client_reference_id="QC1",
        metadata={"order": "QC1"},
        allowed_payment_method_types=["wechat_pay", "card"],
        payment_method_options={"wechat_pay": {"client": "web"}},
    )
    made = sessions.create(wanted)
    assert made.id.startswith("cs_test_")
    assert (made.status, made.payment_status, made.amount_total, made.currency) == (
        "open",
        "unpaid",
        19900,
        "cny",
    )
    assert made.payment_method_types == ["wechat_pay", "card"]
    assert made.url == f"{sandbox.url}/pay/{made.id}"
    assert made.payment_intent is None
    found = sessions.retrieve(made.id, {"expand": ["line_items", "payment_intent"]})
    assert found.line_items is not None
    assert [line.description for line in found.line_items.data] == ["PPT 大师通行证"]
    assert found.metadata is not None and found.metadata["order"] == "QC1"
    assert "_sandbox" not in found.to_dict()


def test_the_wallets_are_offered_only_where_they_take_the_currency(
    sandbox: LiveSandbox, clock: FakeClock
) -> None:
    sessions = sandbox.client().v1.checkout.sessions
    assert sessions.create(params(clock, line_items=item(currency="krw"))).payment_method_types == ["card"]
    only_wallets = params(clock, line_items=item(currency="krw"), allowed_payment_method_types=["alipay"])
    with pytest.raises(stripe.InvalidRequestError, match="No valid payment method"):
        sessions.create(only_wallets)


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"payment_method_types": ["card"]}, "payment_method_types", "parameter_unknown"),
        ({"api_key": "sk"}, "api_key", "parameter_unknown"),
        ({"line_items": item(colour="red")}, "line_items[0][price_data][colour]", "parameter_unknown"),
        ({"locale": "tlh"}, "locale", None),
        ({"allowed_payment_method_types": ["shells"]}, "allowed_payment_method_types[0]", None),
        ({"metadata": "text"}, "metadata", None),
        ({"metadata": {"k" * 41: "v"}}, "metadata[" + "k" * 41 + "]", None),
        ({"metadata": {f"k{i}": "v" for i in range(51)}}, "metadata", None),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"allow_promotion_codes": "maybe"}, "allow_promotion_codes", None),
        ({"allow_promotion_codes": True}, "allow_promotion_codes", "sandbox_unsupported"),
        ({"mode": "setup"}, "mode", "sandbox_unsupported"),
        ({"mode": "rent"}, "mode", None),
        ({"line_items": None}, "line_items", "parameter_missing"),
        ({"line_items": "one"}, "line_items", None),
        ({"line_items": [{"price_data": "x"}]}, "line_items[0][price_data]", None),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price_data]", "parameter_missing"),
        (
            {"line_items": item(unit_amount=None)},
            "line_items[0][price_data][unit_amount]",
            "parameter_missing",
        ),
        ({"line_items": item(currency=None)}, "line_items[0][price_data][currency]", "parameter_missing"),
        ({"line_items": item(currency="CNY")}, "line_items[0][price_data][currency]", None),
        (
            {"line_items": item(unit_amount=-1)},
            "line_items[0][price_data][unit_amount]",
            "parameter_invalid_integer",
        ),
        ({"line_items": item(unit_amount=10**8)}, "line_items[0]", "amount_too_large"),
        ({"line_items": item() + item(currency="usd")}, "line_items", None),
        (
            {"line_items": item(product_data={"name": "x", "description": ""})},
            "line_items[0][price_data][product_data][description]",
            "parameter_invalid_empty",
        ),
        (
            {"line_items": [{**item()[0], "quantity": 0}]},
            "line_items[0][quantity]",
            "parameter_invalid_integer",
        ),
        ({"success_url": None}, "success_url", "parameter_missing"),
        ({"success_url": "/back"}, "success_url", "url_invalid"),
        ({"cancel_url": "javascript:x"}, "cancel_url", "url_invalid"),
        ({"customer_email": "nobody"}, "customer_email", "email_invalid"),
        ({"client_reference_id": "x" * 201}, "client_reference_id", None),
        ({"payment_method_options": {"wechat_pay": {"app_id": "x"}}}, None, "parameter_missing"),
    ],
)
def test_what_stripe_refuses_is_refused(
    sandbox: LiveSandbox, clock: FakeClock, changes: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.client().v1.checkout.sessions.create(params(clock, **changes))
    assert caught.value.http_status == 400
    assert caught.value.code == code
    if param is not None:
        assert caught.value.param == param


@pytest.mark.parametrize(("seconds", "fine"), [(1799, False), (1800, True), (86_400, True), (86_401, False)])
def test_a_session_lives_between_thirty_minutes_and_a_day(
    sandbox: LiveSandbox, clock: FakeClock, seconds: int, fine: bool
) -> None:
    wanted = params(clock, expires_at=int(clock().timestamp()) + seconds)
    sessions = sandbox.client().v1.checkout.sessions
    if fine:
        assert sessions.create(wanted).status == "open"
    else:
        with pytest.raises(stripe.InvalidRequestError, match="expires_at"):
            sessions.create(wanted)


def test_only_the_key_opens_the_api_and_the_switches(sandbox: LiveSandbox) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        sandbox.client(key="sk_test_wrong").v1.checkout.sessions.retrieve("cs_test_x")
    assert sandbox.control("/sandbox/behaviour", {}, key="wrong").status == 401
    assert sandbox.open("/v1/events").status == 401


def test_unknown_ids_and_addresses_answer_404(sandbox: LiveSandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such checkout.session") as caught:
        sandbox.client().v1.checkout.sessions.retrieve("cs_test_x")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert caught.value.request_id is not None and caught.value.request_id.startswith("req_")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        sandbox.client().v1.customers.create({"name": "Lin"})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        sandbox.client().v1.refunds.create({"payment_intent": "pi_x"})


def test_an_idempotency_key_gives_one_session_and_guards_its_parameters(
    sandbox: LiveSandbox, clock: FakeClock
) -> None:
    sessions = sandbox.client().v1.checkout.sessions
    first = sessions.create(params(clock), {"idempotency_key": "k1"})
    again = sessions.create(params(clock), {"idempotency_key": "k1"})
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert sessions.create(params(clock), {"idempotency_key": "k2"}).id != first.id
    with pytest.raises(stripe.IdempotencyError):
        sessions.create(params(clock, locale="en"), {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError):
        sessions.create(params(clock), {"idempotency_key": "k" * 256})


def test_a_refused_request_may_be_mended_under_the_same_key(sandbox: LiveSandbox, clock: FakeClock) -> None:
    sessions = sandbox.client().v1.checkout.sessions
    with pytest.raises(stripe.InvalidRequestError):
        sessions.create(params(clock, locale="tlh"), {"idempotency_key": "k"})
    assert sessions.create(params(clock), {"idempotency_key": "k"}).status == "open"


def test_sixteen_at_once_with_one_key_get_one_session(sandbox: LiveSandbox, clock: FakeClock) -> None:
    def create(_: int) -> str:
        return sandbox.client().v1.checkout.sessions.create(params(clock), {"idempotency_key": "k"}).id

    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(create, range(16)))) == 1
    assert len(sandbox.client().v1.checkout.sessions.list().data) == 1


def test_only_an_open_session_can_be_expired(sandbox: LiveSandbox) -> None:
    sessions = sandbox.client().v1.checkout.sessions
    first, second = opened(sandbox), opened(sandbox, key="order-2")
    assert sessions.expire(first.id).status == "expired"
    assert sessions.retrieve(first.id).url is None
    assert sandbox.pay(second.id).status == 303
    for session_id in (first.id, second.id):
        with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
            sessions.expire(session_id)
    assert {found.id for found in sessions.list({"status": "expired"}).data} == {first.id}


def test_a_session_expires_by_the_clock(sandbox: LiveSandbox, clock: FakeClock) -> None:
    made = opened(sandbox)
    clock.advance(minutes=36)
    assert sandbox.client().v1.checkout.sessions.retrieve(made.id).status == "expired"
    assert sandbox.pay(made.id).status == 410
    assert [event.type for event in sandbox.client().v1.events.list().data] == ["checkout.session.expired"]


def test_lists_come_in_pages_newest_first(sandbox: LiveSandbox) -> None:
    made = [opened(sandbox, key=f"order-{number}").id for number in range(5)]
    sessions = sandbox.client().v1.checkout.sessions
    first = sessions.list({"limit": 2})
    assert [found.id for found in first.data] == made[:2:-1]
    assert first.has_more
    assert [found.id for found in first.auto_paging_iter()] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError):
        sessions.list({"limit": 101})


def test_payments_charges_refunds_and_events_can_be_looked_up(sandbox: LiveSandbox) -> None:
    client, made = sandbox.client().v1, opened(sandbox)
    sandbox.pay(made.id, method="alipay")
    paid = client.checkout.sessions.retrieve(made.id)
    intent = client.payment_intents.retrieve(str(paid.payment_intent), {"expand": ["latest_charge"]})
    assert (intent.status, intent.amount_received, intent.metadata["order"]) == (
        "succeeded",
        19900,
        "QC7F3K9M2P",
    )
    assert isinstance(intent.latest_charge, stripe.Charge)
    charge = client.charges.retrieve(intent.latest_charge.id)
    assert charge.payment_method_details is not None and charge.payment_method_details.type == "alipay"
    refund = client.refunds.create({"charge": charge.id, "amount": 900})
    assert client.refunds.retrieve(refund.id).amount == 900
    assert [found.id for found in client.refunds.list({"payment_intent": intent.id}).data] == [refund.id]
    event = client.events.list({"type": "checkout.session.completed"}).data[0]
    assert client.events.retrieve(event.id).to_dict()["data"]["object"]["id"] == made.id
    kinds = client.events.list({"types": ["charge.refunded", "refund.created"]}).data
    assert [found.type for found in kinds] == ["charge.refunded", "refund.created"]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.checkout.sessions.retrieve(made.id, {"expand": ["url"]})


def test_refunds_never_exceed_the_payment(sandbox: LiveSandbox) -> None:
    refunds, made = sandbox.client().v1.refunds, opened(sandbox)
    sandbox.pay(made.id)
    intent = str(sandbox.client().v1.checkout.sessions.retrieve(made.id).payment_intent)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        refunds.create({"payment_intent": intent, "amount": 19901})
    with pytest.raises(stripe.InvalidRequestError, match="positive"):
        refunds.create({"payment_intent": intent, "amount": 0})
    with pytest.raises(stripe.InvalidRequestError, match="exactly one"):
        refunds.create({"amount": 1})
    first = refunds.create({"payment_intent": intent, "amount": 9900}, {"idempotency_key": "r1"})
    assert (
        refunds.create({"payment_intent": intent, "amount": 9900}, {"idempotency_key": "r1"}).id == first.id
    )
    assert refunds.create({"payment_intent": intent}).amount == 10000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        refunds.create({"payment_intent": intent, "amount": 1})
    assert caught.value.code == "charge_already_refunded"


def test_sixteen_refunds_at_once_stay_within_the_payment(sandbox: LiveSandbox) -> None:
    made = opened(sandbox)
    sandbox.pay(made.id)
    intent = str(sandbox.client().v1.checkout.sessions.retrieve(made.id).payment_intent)

    def refund(_: int) -> int:
        try:
            return sandbox.client().v1.refunds.create({"payment_intent": intent, "amount": 3000}).amount
        except stripe.InvalidRequestError:
            return 0

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(refund, range(16))) == 18000


def test_an_unpaid_session_has_nothing_to_refund(sandbox: LiveSandbox) -> None:
    made = opened(sandbox)
    assert sandbox.pay(made.id, method="decline").status == 402
    intent = sandbox.client().v1.checkout.sessions.retrieve(made.id).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        sandbox.client().v1.refunds.create({"payment_intent": str(intent)})


def test_a_restart_keeps_sessions_keys_and_switches(tmp_path: Path, clock: FakeClock) -> None:
    with live_sandbox(tmp_path, clock=clock) as before:
        made = opened(before)
        before.behave(settle="later")
    with live_sandbox(tmp_path, clock=clock) as after:
        assert opened(after).id == made.id
        assert after.control("/sandbox/behaviour").json["settle"] == "later"
        assert after.pay(made.id).status == 303
        assert after.gateway().retrieve_checkout(made.id).payment_status == "unpaid"


def test_a_public_address_leads_to_the_page(tmp_path: Path, clock: FakeClock) -> None:
    with live_sandbox(tmp_path, clock=clock, public_url="https://pay.club.test/sandbox/") as live:
        assert str(opened(live).url).startswith("https://pay.club.test/sandbox/pay/cs_test_")


def test_a_session_without_an_end_lives_a_day(sandbox: LiveSandbox, clock: FakeClock) -> None:
    made = sandbox.client().v1.checkout.sessions.create(params(clock, expires_at=None))
    assert made.expires_at == int((clock() + dt.timedelta(days=1)).timestamp())
