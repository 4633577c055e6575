"""Homework as it is written: kept while typing, offline, in two windows, and handed in with files."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import look
from tests.browser.club import ACCOUNTS, Club, sign_in
from tests.support.browser import SHOTS, Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_nothing_typed_is_lost(shared_club: Club, page_factory: Pages) -> None:
    page = page_factory(look.DESK, base_url=shared_club.url, locale="en-US", reduced_motion="reduce")
    sign_in(page, ACCOUNTS["member"])
    page.goto("/language/en?next=/homework")
    # The club is shared: other tests hand in this member's other works.
    page.goto("/courses/true-charts")
    page.get_by_role("link", name="一张问题卡，一张能算的表").click()
    link = page.get_by_label("Link")
    area, kept = page.get_by_label("Your work"), page.locator("#qc-kept")

    area.fill("One page, first words.")
    expect(kept).to_contain_text("Draft saved")
    page.context.set_offline(True)
    area.fill("One page, first words. Typed in a tunnel.")
    link.fill("https://example.org/tunnel")
    expect(kept).to_contain_text("kept in this browser")
    page.context.set_offline(False)
    expect(kept).to_contain_text("Draft saved")
    page.reload()
    expect(area).to_have_value("One page, first words. Typed in a tunnel.")
    expect(link).to_have_value("https://example.org/tunnel")

    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Your work").fill("From the other window.")
    expect(other.locator("#qc-kept")).to_contain_text("Draft saved")
    area.fill("From this window.")
    link.fill("https://example.org/here")
    box = page.locator(".qc-notice--warning", has_text="Another window of yours")
    expect(box.locator("textarea")).to_have_value("From the other window.")
    expect(box.locator("input")).to_have_value("https://example.org/tunnel")
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "draft-two-windows.png", full_page=True)
    box.get_by_role("button", name="Keep the text of this window").click()
    expect(kept).to_contain_text("Draft saved")

    page.locator("#files").set_input_files(
        {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Notes"}
    )
    page.locator("#files").set_input_files(
        {"name": "bad.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    )
    expect(page.locator("[data-drop] li")).to_have_count(2)
    page.get_by_role("button", name="Hand in", exact=False).first.click()
    expect(page.locator("form .qc-errors")).to_contain_text("bad.svg is not a file")
    page.set_viewport_size({"width": look.PHONE, "height": 800})
    page.screenshot(path=SHOTS / "draft-phone.png", full_page=True)
    assert not look.too_wide(page)
    assert not look.barriers(page)
    page.get_by_role("button", name="Remove: bad.svg").click()
    page.get_by_role("button", name="Hand in", exact=False).first.click()
    expect(page.get_by_text("waiting for its review").first).to_be_visible()
    expect(page.get_by_text("From this window.")).to_be_visible()
    expect(page.get_by_role("link", name="notes.md")).to_be_visible()
    expect(page.get_by_role("link", name="https://example.org/here")).to_be_visible()
    assert (
        page.evaluate("Object.keys(localStorage).filter((one) => one.startsWith('qunclub:work')).length") == 0
    )
