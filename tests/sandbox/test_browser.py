"""The pay page in Chromium: on a phone, through every button, back to the shop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, request
from playwright.sync_api import expect

from tests.support.browser import Pages, scrolls_sideways
from tests.support.sandbox import LiveSandbox, opened
from tests.support.servers import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def shop() -> Iterator[str]:
    """Where the buyer comes from and returns to."""
    app = Flask("shop")
    app.add_url_rule("/back", "back", view_func=lambda: f"<title>welcome</title>{request.args['session']}")
    app.add_url_rule("/order", "order", view_func=lambda: "<title>order</title>")
    with serving(app) as address:
        yield address


@pytest.mark.parametrize(("locale", "width"), [("zh", 360), ("en", 1280)])
def test_a_buyer_is_declined_mistypes_pays_and_returns(
    sandbox: LiveSandbox, page_factory: Pages, shop: str, locale: str, width: int
) -> None:
    made = opened(
        sandbox,
        locale=locale,
        success_url=shop + "/back?session={CHECKOUT_SESSION_ID}",
        cancel_url=shop + "/order",
    )
    page = page_factory(width)
    page.goto(str(made.url))
    assert not scrolls_sideways(page)
    assert Axe().run(page).violations_count == 0
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44
    page.click("button[value=decline]")
    expect(page.get_by_role("alert")).to_be_visible()
    page.fill("#number", "4242 4242 4242 4241")
    page.fill("#expiry", "12/34")
    page.fill("#cvc", "123")
    page.keyboard.press("Enter")
    expect(page.locator("#number[aria-invalid]")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    page.fill("#number", "4242 4242 4242 4242")
    page.fill("#cvc", "123")
    page.keyboard.press("Enter")
    page.wait_for_url("**/back?session=" + made.id)
    page.goto(f"{sandbox.url}/pay/{made.id}")
    expect(page.locator(".state.good")).to_be_visible()


def test_a_buyer_goes_back_without_paying(sandbox: LiveSandbox, page_factory: Pages, shop: str) -> None:
    made = opened(sandbox, cancel_url=shop + "/order")
    page = page_factory(360)
    page.goto(str(made.url))
    page.get_by_role("link").click()
    page.wait_for_url("**/order")
    assert sandbox.gateway().retrieve_checkout(made.id).status == "open"


@pytest.mark.parametrize(("locale", "width"), [("zh", 360), ("en", 1280)])
def test_a_member_joins_fails_a_renewal_and_pays_it(
    sandbox: LiveSandbox, page_factory: Pages, shop: str, locale: str, width: int
) -> None:
    made = opened(
        sandbox,
        locale=locale,
        interval="month",
        amount=9900,
        discount=2000,
        success_url=shop + "/back?session={CHECKOUT_SESSION_ID}",
    )
    page = page_factory(width)
    page.goto(str(made.url))
    expect(page.locator(".recurring")).to_be_visible()
    assert not scrolls_sideways(page)
    assert Axe().run(page).violations_count == 0
    page.fill("#number", "4242 4242 4242 4242")
    page.fill("#expiry", "12/34")
    page.fill("#cvc", "123")
    page.keyboard.press("Enter")
    page.wait_for_url("**/back?session=" + made.id)
    page.goto(sandbox.url + "/dashboard/")
    assert not scrolls_sideways(page)
    assert Axe().run(page).violations_count == 0
    page.click("button[value=fail]")
    expect(page.locator("button[value=pay]")).to_be_visible()
    member = str(sandbox.gateway().retrieve_checkout(made.id).subscription_ref)
    bill = sandbox.gateway().retrieve_subscription(member).latest_invoice_ref
    page.goto(f"{sandbox.url}/invoice/{bill}")
    assert not scrolls_sideways(page)
    assert Axe().run(page).violations_count == 0
    page.fill("#number", "4242 4242 4242 4242")
    page.fill("#expiry", "12/34")
    page.fill("#cvc", "123")
    page.keyboard.press("Enter")
    expect(page.locator(".state.good")).to_be_visible()
    assert sandbox.gateway().retrieve_subscription(member).status == "active"
