"""Two phones: what one writes appears on the other's page without a reload; and all of it without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import look
from tests.homework.pictures import picture
from tests.support.browser import keep_shot, scrolls_sideways

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "a quiet green morning"
BOARD = "/groups/ring-1/board"


@pytest.fixture
def people(make, site_db):
    """Ada and Bo with a seat, and a host without one."""
    line = make.group_line(
        slug="ring", name="Ring", name_pattern="Ring {index}", posting="all", capacities=[9]
    )
    found = {}
    for name in ("Ada", "Bo"):
        found[name] = make.person(
            name=name, email=f"{name.lower()}@example.com", password=PASSWORD, number=True
        )[1]
        make.seat(line, found[name])
    make.person(name="Hank", email="hank@example.com", password=PASSWORD, number=True, roles=("host",))
    return found


def enter(page: Page, name: str) -> Page:
    page.goto("/account/sign-in")
    page.fill("input[name=email]", f"{name}@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    page.goto(BOARD)
    return page


def open_form(page: Page) -> None:
    if not page.locator("textarea[name=body_md]").is_visible():
        page.locator("details.qc-card > summary").click()


def test_what_one_writes_appears_on_the_others_page(live, page_factory, people):
    ada = enter(page_factory(360, locale="zh-CN"), "ada")
    bo = enter(page_factory(360, locale="zh-CN"), "bo")
    expect(bo.locator("#board-posts")).to_contain_text("这里还是空的")

    open_form(ada)
    # A name after @ offers members; what is put in is the number.
    ada.locator("textarea[name=body_md]").press_sequentially("谢谢@B")
    ada.locator(".qc-people button").first.click()
    expect(ada.locator("textarea[name=body_md]")).to_have_value(f"谢谢@{people['Bo'].number} ")
    ada.locator("textarea[name=body_md]").press_sequentially("，图收到了。")
    ada.locator("input[name=pictures]").set_input_files(
        {"name": "page.png", "mimeType": "image/png", "buffer": picture(size=(64, 48))}
    )
    ada.locator("form.qc-post-form button[type=submit]").click()
    expect(ada.locator("#board-posts article")).to_contain_text("@Bo")

    # Bo touches nothing.
    bo.evaluate("window.same = true")
    expect(bo.locator("#board-posts article")).to_contain_text("图收到了")
    expect(bo.locator("#board-posts article img")).to_have_js_property("naturalWidth", 64)
    assert bo.evaluate("window.same") and not scrolls_sideways(bo)
    keep_shot(bo, "board-360")
    assert not look.barriers(bo)

    # It was on the screen: it is read.
    bo.wait_for_timeout(500)
    bo.goto("/board")
    expect(bo.locator("main")).not_to_contain_text("未读")
    expect(bo.locator(".qc-bell__count")).to_have_text("1")
    bo.goto("/notices")
    keep_shot(bo, "notices-360")
    assert not look.barriers(bo)
    bo.locator(".qc-notices__go").click()
    expect(bo.locator("h1")).to_contain_text("第 1 条发言")

    # In a thread too.
    ada.goto(f"{BOARD}/1")
    bo.locator("textarea[name=body_md]").fill("不客气")
    bo.locator("form.qc-post-form button[type=submit]").click()
    expect(ada.locator("#board-posts")).to_contain_text("不客气")
    keep_shot(ada, "board-thread-360")
    assert not look.barriers(ada)


def test_a_hidden_page_asks_nothing_and_a_busy_one_is_not_moved(live, page_factory, people):
    bo = enter(page_factory(1280), "bo")
    asked = []
    bo.on("request", lambda request: asked.append(request.url) if request.url.endswith("/news") else None)
    with bo.expect_response("**/news") as answer:
        pass
    assert answer.value.status == 304
    bo.evaluate(
        """() => {
          Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    before = len(asked)
    bo.wait_for_timeout(9_000)
    assert len(asked) == before
    ada = enter(page_factory(1280), "ada")
    open_form(ada)
    ada.locator("textarea[name=body_md]").fill("First")
    ada.locator("form.qc-post-form button[type=submit]").click()
    with bo.expect_response("**/news") as answer:
        bo.evaluate(
            """() => {
              Object.defineProperty(document, "visibilityState", { value: "visible", configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
    assert answer.value.status == 200
    expect(bo.locator("#board-posts")).to_contain_text("First")
    # Whoever is at something in the list is asked, not interrupted.
    bo.locator("#board-posts article a").first.focus()
    open_form(ada)
    ada.locator("textarea[name=body_md]").fill("Second")
    ada.locator("form.qc-post-form button[type=submit]").click()
    button = bo.locator("[data-show-news]")
    expect(button).to_be_visible()
    expect(bo.locator("#board-posts")).not_to_contain_text("Second")
    button.click()
    expect(bo.locator("#board-posts")).to_contain_text("Second")
    expect(button).to_be_hidden()


def test_all_of_it_without_javascript(live, page_factory, people):
    hank = enter(page_factory(360, java_script_enabled=False), "hank")
    hank.locator("details.qc-card > summary").click() if not hank.locator("textarea").is_visible() else None
    hank.locator("input[name=announcement]").check()
    hank.locator("input[name=title]").fill("Tomorrow at eight")
    hank.locator("textarea[name=body_md]").fill("Bring **one** page.")
    hank.locator("form.qc-post-form button[type=submit]").click()
    ada = enter(page_factory(360, java_script_enabled=False), "ada")
    expect(ada.locator("#board-posts")).to_contain_text("Tomorrow at eight")
    ada.get_by_role("button", name="Mark as read").click()
    ada.get_by_role("button", name="Got it").click()
    expect(ada.locator("article").first).to_contain_text("You have taken note")
    ada.locator("textarea[name=body_md]").fill("I will.")
    ada.locator("form.qc-post-form button[type=submit]").click()
    expect(ada.locator("#board-posts")).to_contain_text("I will.")
    hank.goto(f"{BOARD}/1/receipts")
    expect(hank.locator("main")).to_contain_text("Ada")
