"""The hosted pay page over HTTP: what it says, what its buttons do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qunclub.sandbox.pay import luhn
from qunclub.sandbox.texts import TEXTS, amount, language
from tests.support.clock import FakeClock
from tests.support.sandbox import CARD, LiveSandbox, opened


def state(sandbox: LiveSandbox, session_id: str) -> tuple[str, str]:
    """How a session stands."""
    found = sandbox.gateway().retrieve_checkout(session_id)
    return found.status, found.payment_status


def test_it_says_what_is_paid_for_and_that_it_is_a_test(sandbox: LiveSandbox) -> None:
    made = opened(sandbox)
    page = sandbox.open(str(made.url))
    assert page.status == 200
    assert '<html lang="zh-CN">' in page.text
    for words in (
        "测试支付",
        "PPT 大师通行证",
        "¥199.00",
        "lin@example.com",
        "QC7F3K9M2P",
        "支付宝",
        "微信支付",
    ):
        assert words in page.text
    assert 'href="http://127.0.0.1:9/orders/QC7F3K9M2P"' in page.text
    assert sandbox.open("/static/pay.css").status == 200


def test_it_speaks_the_language_of_the_session_else_of_the_browser(sandbox: LiveSandbox) -> None:
    english = opened(sandbox, key="en", locale="en")
    assert "This is a pay sandbox" in sandbox.open(str(english.url)).text
    assert language("auto", "zh") == language("zh-TW", None) == "zh"
    assert language(None, None) == language("de", "zh") == "en"
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()


def test_nothing_on_it_is_inline_and_its_form_may_only_end_at_the_shop(sandbox: LiveSandbox) -> None:
    page = sandbox.open(str(opened(sandbox).url))
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", [CARD, {"method": "alipay"}, {"method": "wechat_pay"}])
def test_every_way_to_pay_pays_and_returns(sandbox: LiveSandbox, form: dict[str, str]) -> None:
    made = opened(sandbox)
    answer = sandbox.pay(made.id, **form)
    assert answer.status == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/back?session={made.id}"
    found = sandbox.gateway().retrieve_checkout(made.id)
    assert found.settled
    assert (found.method, found.amount_total) == (form["method"], 19900)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"method": "decline"}, "银行拒绝"),
        ({**CARD, "number": "4000 0000 0000 0002"}, "银行拒绝"),
        ({**CARD, "number": "4000000000009995"}, "余额不足"),
    ],
)
def test_a_decline_says_so_and_leaves_the_session_open(
    sandbox: LiveSandbox, form: dict[str, str], says: str
) -> None:
    made = opened(sandbox)
    page = sandbox.pay(made.id, **form)
    assert page.status == 402
    assert says in page.text
    assert state(sandbox, made.id) == ("open", "unpaid")
    assert sandbox.pay(made.id, method="alipay").status == 303


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"number": "4242 4242 4242 4241"}, "检查卡号"),
        ({"number": "42"}, "检查卡号"),
        ({"expiry": "13/34"}, "有效期"),
        ({"expiry": "03/26"}, "有效期"),
        ({"expiry": "soon"}, "有效期"),
        ({"cvc": "1"}, "安全码为"),
        ({"method": "shells"}, "选择一种"),
    ],
)
def test_a_mistyped_card_names_the_field_and_keeps_what_was_typed(
    sandbox: LiveSandbox, change: dict[str, str], says: str
) -> None:
    made = opened(sandbox)
    typed: dict[str, str] = {**CARD, **change}
    page = sandbox.pay(made.id, **typed)
    assert page.status == 422
    assert says in page.text
    if "method" not in change:
        assert f'value="{typed["number"]}"' in page.text
        assert 'aria-invalid="true"' in page.text
    assert typed["cvc"] == "1" or f'value="{typed["cvc"]}"' not in page.text
    assert state(sandbox, made.id) == ("open", "unpaid")


def test_paying_twice_pays_once(sandbox: LiveSandbox) -> None:
    made = opened(sandbox)
    assert sandbox.pay(made.id).status == 303
    assert sandbox.pay(made.id, method="alipay").status == 303
    client = sandbox.client().v1
    assert [event.type for event in client.events.list({"type": "payment_intent.succeeded"}).data] == [
        "payment_intent.succeeded"
    ]
    page = sandbox.open(f"/pay/{made.id}")
    assert page.status == 200
    assert "支付成功" in page.text
    assert f"/back?session={made.id}" in page.text


def test_an_expired_page_and_an_unknown_one_say_what_to_do(sandbox: LiveSandbox, clock: FakeClock) -> None:
    made = opened(sandbox)
    clock.advance(minutes=36)
    for page in (sandbox.open(f"/pay/{made.id}"), sandbox.pay(made.id)):
        assert page.status == 410
        assert "已过期" in page.text
        assert "返回商家" in page.text
    unknown = sandbox.open("/pay/cs_test_nothing", **{"Accept-Language": "zh-CN,zh;q=0.9"})
    assert unknown.status == 404
    assert "没有这笔支付" in unknown.text
    assert sandbox.pay("cs_test_nothing").status == 404


def test_only_the_methods_of_the_session_are_offered(sandbox: LiveSandbox) -> None:
    made = opened(sandbox, methods=("alipay",))
    page = sandbox.open(f"/pay/{made.id}").text
    assert "支付宝支付" in page
    assert 'name="number"' not in page and 'value="wechat_pay"' not in page
    assert sandbox.pay(made.id).status == 422
    refused = sandbox.control(f"/sandbox/sessions/{made.id}/pay", {"method": "wechat_pay"})
    assert refused.status == 400


def test_nothing_to_pay_is_confirmed(sandbox: LiveSandbox) -> None:
    made = opened(sandbox, amount=0)
    assert "无需付款" in sandbox.open(f"/pay/{made.id}").text
    assert sandbox.pay(made.id, method="none").status == 303
    assert state(sandbox, made.id) == ("complete", "no_payment_required")


def test_texts_of_strangers_are_only_text(sandbox: LiveSandbox) -> None:
    page = sandbox.open(str(opened(sandbox, title="<script>alert(1)</script>").url)).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("value", "currency", "zh"),
    [
        (19900, "cny", "¥199.00"),
        (500, "jpy", "JP¥500"),
        (1250, "usd", "US$12.50"),
        (12340, "kwd", "KWD12.340"),
        (500000, "ugx", "UGX5,000"),
    ],
)
def test_money_is_written_as_stripe_counts_it(value: int, currency: str, zh: str) -> None:
    assert amount(value, currency, "zh").replace("\xa0", " ") == zh


@pytest.mark.parametrize(
    ("number", "good"), [("4242424242424242", True), ("4242424242424241", False), ("79927398713", True)]
)
def test_card_numbers_are_checked_as_printed(number: str, good: Any) -> None:
    assert luhn(number) is good


# -- memberships -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "zh", "en"),
    [
        ({}, "每月 ¥99.00，直到取消", "CN¥99.00 per month until cancelled"),
        ({"interval": "year"}, "每年 ¥99.00，直到取消", "CN¥99.00 per year until cancelled"),
        (
            {"discount": 2000},
            "今天支付 ¥79.00，之后每月 ¥99.00，直到取消",
            "CN¥79.00 today, then CN¥99.00 per month until cancelled",
        ),
    ],
)
def test_a_membership_says_what_it_costs_and_until_when(
    sandbox: LiveSandbox, changes: dict[str, Any], zh: str, en: str
) -> None:
    recurring = {"interval": "month", "amount": 9900, **changes}
    for locale, words in (("zh", zh), ("en", en)):
        made = opened(sandbox, key=locale, locale=locale, **recurring)
        page = sandbox.open(str(made.url)).text
        assert words in page
        assert "alipay" not in page
    assert "订阅并支付" in sandbox.open(str(opened(sandbox, key="zh", **recurring).url)).text


def test_a_free_first_time_still_asks_for_a_card(sandbox: LiveSandbox) -> None:
    made = opened(sandbox, interval="month", amount=9900, discount=9900)
    assert 'name="number"' in sandbox.open(str(made.url)).text
    assert sandbox.pay(made.id, method="none").status == 422
    assert sandbox.pay(made.id, **{**CARD, "number": "4000000000000002"}).status == 402
    assert sandbox.pay(made.id).status == 303
    assert state(sandbox, made.id) == ("complete", "no_payment_required")


def test_an_invoice_s_page_takes_a_card_and_says_when_it_is_paid(sandbox: LiveSandbox) -> None:
    made = opened(sandbox, interval="month", amount=9900)
    sandbox.pay(made.id)
    gateway = sandbox.gateway()
    member = str(gateway.retrieve_checkout(made.id).subscription_ref)
    sandbox.control(f"/sandbox/subscriptions/{member}/renew", {"outcome": "failed"})
    bill = str(gateway.retrieve_subscription(member).latest_invoice_ref)
    page = sandbox.open(f"/invoice/{bill}")
    assert page.status == 200
    for words in ("账单", "SANDBOX-0002", "¥99.00", "lin@example.com"):
        assert words in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert sandbox.pay_page(f"/invoice/{bill}", **{**CARD, "cvc": "1"}).status == 422
    declined = sandbox.pay_page(f"/invoice/{bill}", **{**CARD, "number": "4000 0000 0000 9995"})
    assert (declined.status, "余额不足" in declined.text) == (402, True)
    assert gateway.retrieve_invoice(bill).status == "open"
    assert sandbox.pay_page(f"/invoice/{bill}").status == 303
    assert "会员资格继续有效" in sandbox.open(f"/invoice/{bill}").text
    assert sandbox.pay_page(f"/invoice/{bill}").status == 200
    assert sandbox.open("/invoice/in_nothing").status == 404
