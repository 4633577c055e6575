"""The door in a browser: a ticket held before the camera, and the card for the wallet on paper."""

from __future__ import annotations

import io
import re

import pytest
import segno
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import select

from qunclub.passes import tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import TicketCheck
from tests.support.browser import FLAGS, Pages, executable, keep_shot, scrolls_sideways

PASSWORD = "a long enough password"


@pytest.fixture
def ticket(app, make, site_db):
    """(id, signed code) of a member whose group asks nothing of them."""
    make.person(email="host@example.com", password=PASSWORD, roles=("host",))
    _account, member = make.person(email="me@example.com", password=PASSWORD, nickname="小荷", city="杭州")
    line = make.group_line(name="写作营", name_pattern="写作营{index}群", slug="w")
    make.pass_(make.plan(line=line), member)
    with site_db.session() as session:
        row = session.scalars(select(EntryTicket)).one()
        return row.id, tickets.sign(row.code, app.extensions["qunclub"].secret)


def film(text, path):
    """A film of one picture, as Chromium's pretended camera plays it: motion JPEG."""
    buffer = io.BytesIO()
    segno.make(text, micro=False).save(buffer, kind="png", scale=7, border=4)
    code = Image.open(buffer).convert("RGB")
    room = Image.new("RGB", (640, 480), "#776655")
    code.thumbnail((400, 400))
    room.paste(code.rotate(8, fillcolor="#776655", expand=True), (110, 20))
    with path.open("wb") as handle:
        for _frame in range(5):
            room.save(handle, "JPEG", quality=85)
    return path


def enter(page, email):
    page.goto("/account/sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/account/sign-in" not in url)


@pytest.mark.browser
def test_a_ticket_before_the_camera(live, ticket, tmp_path):
    camera = film(f"{live}/t/{ticket[1]}", tmp_path / "camera.mjpeg")
    flags = [
        *FLAGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=flags)
        pages = Pages(browser, live)
        page = pages(360, locale="zh-CN", permissions=["camera"])
        enter(page, "host@example.com")
        page.goto("/door")
        assert not scrolls_sideways(page)
        keep_shot(page, "door-360")
        page.click("[data-camera-start]")
        page.wait_for_url("**/t/**")
        assert "way=camera" in page.url
        keep_shot(page, "door-ticket-360")
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_load_state()
        assert "小荷" in page.locator("#qc-flash").inner_text()
        pages.close()
        browser.close()
        assert not pages.problems, pages.problems


@pytest.mark.browser
def test_the_card_is_as_large_as_a_bank_card(live, ticket, page_factory):
    page = page_factory(360, locale="zh-CN")
    enter(page, "me@example.com")
    page.goto(f"/me/ticket/{ticket[0]}/card")
    page.locator(".qc-wallet img").scroll_into_view_if_needed()
    assert not scrolls_sideways(page)
    keep_shot(page, "wallet-360")
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", paper)
    assert len(boxes) == 1, "one card, one page"
    width, height = (float(number) / 72 * 25.4 for number in boxes[0])
    assert abs(width - 85.6) < 0.5 and abs(height - 54) < 0.5
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 324, "height": 204})
    keep_shot(page, "wallet-print")
    shown = page.locator(".qc-wallet").bounding_box()
    stub = page.locator(".qc-wallet__code").bounding_box()
    assert stub["y"] + stub["height"] <= shown["y"] + shown["height"]
    assert not page.locator(".qc-wallet-head").is_visible()


@pytest.mark.browser
def test_a_door_without_a_network(live, ticket, page_factory, site_db, now):
    page = page_factory(360, locale="zh-CN")
    # The phone's clock is the club's.
    page.clock.set_fixed_time(now)
    enter(page, "host@example.com")
    page.goto("/door")
    page.select_option("#door-at", label="写作营1群")
    page.locator(".qc-door-at button").click()
    page.goto("/door/lists")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/door/offline/*")
    expect(page.locator("[data-offline-ready]")).to_contain_text("准备好了")
    assert not scrolls_sideways(page)
    keep_shot(page, "offline-360")
    page.context.set_offline(True)
    page.reload()
    page.fill("[data-offline-code]", "0000 0000 0000")
    page.locator("[data-offline-form] button").click()
    expect(page.locator("[data-offline-say]")).to_contain_text("不在名单上")
    page.fill("[data-offline-code]", f"{live}/t/{ticket[1]}")
    page.locator("[data-offline-form] button").click()
    expect(page.locator("[data-offline-say]")).to_contain_text("小荷")
    page.click("[data-offline-admit]")
    expect(page.locator("[data-offline-counts]")).to_contain_text("未上传：1")
    page.fill("[data-offline-code]", ticket[1])
    page.locator("[data-offline-form] button").click()
    expect(page.locator("[data-offline-say]")).to_contain_text("已经查过")
    keep_shot(page, "offline-checked-360")
    with site_db.session() as session:
        assert session.scalars(select(TicketCheck)).all() == [], "nothing has reached the club"
    page.context.set_offline(False)
    page.reload()
    expect(page.locator("[data-offline-state]")).to_contain_text("已全部上传")
    with site_db.session() as session:
        row = session.scalars(select(TicketCheck)).one()
        assert (row.outcome, row.way) == ("admitted", "offline") and row.claimed_at is not None
