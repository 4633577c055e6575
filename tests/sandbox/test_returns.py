"""Money that goes back in the sandbox, its statement, and the dashboard page."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from tests.support.clock import FakeClock
from tests.support.sandbox import LiveSandbox, opened, paid


def statement(sandbox: LiveSandbox) -> list[dict[str, str]]:
    """The balance report's lines."""
    return list(csv.DictReader(io.StringIO(sandbox.control("/sandbox/balance.csv").text)))


def test_disputes_are_bounded_and_decided_once(sandbox: LiveSandbox) -> None:
    payment = paid(sandbox).payment_ref
    path = f"/sandbox/payments/{payment}/dispute"
    for wrong in ({"reason": "because"}, {"amount": 19901}, {"amount": 0}, {"amount": "1"}):
        assert sandbox.control(path, wrong).status == 400
    assert sandbox.control("/sandbox/payments/pi_none/dispute", {}).status == 404
    made = sandbox.control(path, {}).json
    assert (made["amount"], made["status"], made["is_charge_refundable"]) == (19900, "needs_response", False)
    assert sandbox.control(path, {}).status == 400, "one dispute a charge"
    close = f"/sandbox/disputes/{made['id']}/close"
    assert sandbox.control(close, {"outcome": "maybe"}).status == 400
    assert sandbox.control(close, {"outcome": "escalated"}).status == 400
    won = sandbox.control(close, {"outcome": "won"}).json
    assert [entry["amount"] for entry in won["balance_transactions"]] == [-19900, 19900]
    assert sandbox.control(close, {"outcome": "lost"}).status == 400
    assert sandbox.control(f"/sandbox/payments/{payment}/refund", {"amount": 100}).status == 200


@pytest.mark.parametrize(
    ("outcome", "status", "moved"), [("won", "warning_closed", []), ("lost", "lost", [-19900])]
)
def test_an_inquiry_ends_quietly_or_at_once_badly(
    sandbox: LiveSandbox, outcome: str, status: str, moved: list[int]
) -> None:
    made = sandbox.control(f"/sandbox/payments/{paid(sandbox).payment_ref}/dispute", {"inquiry": True}).json
    assert made["status"] == "warning_needs_response"
    closed = sandbox.control(f"/sandbox/disputes/{made['id']}/close", {"outcome": outcome}).json
    assert closed["status"] == status
    assert [entry["amount"] for entry in closed["balance_transactions"]] == moved
    client = sandbox.client().v1
    assert [one.id for one in client.disputes.list({"payment_intent": made["payment_intent"]}).data] == [
        made["id"]
    ]


def test_the_statement_has_every_movement_once(sandbox: LiveSandbox, clock: FakeClock) -> None:
    first = paid(sandbox)
    yen = paid(sandbox, "order-2", currency="JPY", amount=3000, methods=("alipay", "card"))
    joined = paid(sandbox, "order-3", interval="year", amount=9900)
    sandbox.control(f"/sandbox/payments/{first.payment_ref}/refund", {"amount": 900})
    made = sandbox.control(f"/sandbox/payments/{joined.payment_ref}/dispute", {}).json
    sandbox.control(f"/sandbox/disputes/{made['id']}/close", {"outcome": "won"})
    lines = statement(sandbox)
    assert [(line["reporting_category"], line["gross"], line["fee"], line["net"]) for line in lines] == [
        ("charge", "199.00", "5.77", "193.23"),
        ("charge", "3000", "87", "2913"),
        ("charge", "99.00", "2.87", "96.13"),
        ("refund", "-9.00", "0.00", "-9.00"),
        ("dispute", "-99.00", "15.00", "-114.00"),
        ("dispute_reversal", "99.00", "0.00", "99.00"),
    ]
    assert all(Decimal(line["gross"]) - Decimal(line["fee"]) == Decimal(line["net"]) for line in lines)
    assert [line["payment_intent_id"] for line in lines] == [
        *(made_by.payment_ref for made_by in (first, yen, joined)),
        first.payment_ref,
        joined.payment_ref,
        joined.payment_ref,
    ]
    member = lines[2]
    assert (member["subscription_id"], member["invoice_id"]) == (joined.subscription_ref, joined.invoice_ref)
    assert (member["customer_email"], member["currency"]) == ("lin@example.com", "cny")
    assert lines[0]["payment_metadata[order]"] == "QC7F3K9M2P"
    assert lines[0]["created_utc"] == f"{clock():%Y-%m-%d %H:%M:%S}"
    assert lines[4]["dispute_reason"] == "fraudulent"
    assert len(sandbox.client().v1.balance_transactions.list().data) == 6


def test_a_refund_that_fails_comes_back_onto_the_statement(sandbox: LiveSandbox, clock: FakeClock) -> None:
    made = opened(sandbox)
    sandbox.control(f"/sandbox/sessions/{made.id}/pay", {"number": "4000000000005126"})
    payment = sandbox.gateway().retrieve_checkout(made.id).payment_ref
    sandbox.control(f"/sandbox/payments/{payment}/refund", {})
    clock.advance(seconds=3)
    sandbox.client().v1.refunds.list()
    assert [line["reporting_category"] for line in statement(sandbox)] == [
        "charge",
        "refund",
        "refund_failure",
    ]


def test_the_statement_needs_the_key(sandbox: LiveSandbox) -> None:
    assert sandbox.open("/sandbox/balance.csv").status == 401


# -- the dashboard ---------------------------------------------------------------------------------------------


def test_the_dashboard_s_buttons_do_what_they_say(sandbox: LiveSandbox) -> None:
    made = paid(sandbox, interval="month", amount=9900)
    page = sandbox.open("/dashboard/", **{"Accept-Language": "zh"})
    assert page.status == 200
    for words in ("沙箱控制台", "PPT 大师通行证", "¥99.00", "立即续费", "发起拒付"):
        assert words in page.text
    assert "Renew now" in sandbox.open("/dashboard/").text
    member = str(made.subscription_ref)
    assert sandbox.press("fail", member).status == 303
    assert sandbox.gateway().retrieve_subscription(member).status == "past_due"
    bill = str(sandbox.gateway().retrieve_subscription(member).latest_invoice_ref)
    assert bill in sandbox.open("/dashboard/").text
    assert sandbox.press("pay", bill).status == 303
    assert sandbox.press("renew", member).status == 303
    assert sandbox.press("ask", str(made.payment_ref)).status == 303
    dispute = sandbox.client().v1.disputes.list().data[0].id
    assert sandbox.press("won", dispute).status == 303
    assert sandbox.press("won", dispute).status == 422
    assert sandbox.press("refund", str(made.payment_ref)).status == 303
    assert "¥99.00" in sandbox.open("/dashboard/").text
    assert sandbox.press("end", member).status == 303
    assert sandbox.press("dance", member).status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "pay.club.test"}, 404),
        ({"Host": "evil.test:80"}, 404),
        ({"X-Forwarded-For": "1.2.3.4"}, 404),
    ],
)
def test_the_dashboard_is_only_for_this_machine(
    sandbox: LiveSandbox, headers: dict[str, str], status: int
) -> None:
    assert sandbox.open("/dashboard/", **headers).status == status


def test_no_page_from_elsewhere_presses_its_buttons(sandbox: LiveSandbox) -> None:
    member = str(paid(sandbox, interval="month", amount=9900).subscription_ref)
    for headers in ({}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert sandbox.press("end", member, headers=headers).status == 403
    assert sandbox.press("end", member, headers={"Sec-Fetch-Site": "same-origin"}).status == 303
