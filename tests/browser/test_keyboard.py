"""By keyboard alone: the skip link, a focus that can be seen, and the review desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.club import ACCOUNTS, Club, Words, sign_in
from tests.support.browser import Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FOCUS = """async () => {
  for (const _frame of [1, 2]) await new Promise(requestAnimationFrame);
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  return {
    name: at.outerHTML.slice(0, 120),
    seen: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none" || style.boxShadow !== "none",
    shown: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}"""


@pytest.fixture
def english(shared_club: Club, page_factory: Pages) -> Page:
    """A visitor at a desk."""
    return page_factory(1280, base_url=shared_club.url, locale="en-US", reduced_motion="reduce")


def test_the_first_tab_skips_to_the_content(english: Page) -> None:
    english.goto("/passes")
    english.keyboard.press("Tab")
    skip = english.locator(".qc-skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    english.keyboard.press("Enter")
    expect(english.locator("#main")).to_be_focused()
    english.keyboard.press("Tab")
    assert english.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize(
    "address", ["/", "/passes/member", "/account/sign-in", "/courses/one-page/one-sentence"]
)
@pytest.mark.parametrize("width", [360, 1280])
def test_the_focus_can_always_be_seen(
    shared_club: Club, page_factory: Pages, address: str, width: int
) -> None:
    page = page_factory(width, base_url=shared_club.url, locale="zh-CN", reduced_motion="reduce")
    page.goto(address)
    for _step in range(24):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        focus = page.evaluate(FOCUS)
        assert focus["seen"] and focus["shown"], focus["name"]


def test_the_desk_by_keyboard(english: Page) -> None:
    say = Words("en")
    sign_in(english, ACCOUNTS["instructor"])
    english.goto("/language/en")
    english.goto("/desk")
    waiting = int(english.locator(".qc-stat__value").first.inner_text())
    english.keyboard.press("n")
    english.wait_for_url("**/desk/*")
    first = english.url
    expect(english.locator(".qc-rubric")).to_be_visible()

    # "?" says which keys there are; a key typed into a field is text.
    english.keyboard.press("?")
    expect(english.locator("#qc-flash")).to_contain_text(say("Save and next"))
    for place in range(1, english.locator(".qc-rubric__row").count() + 1):
        english.keyboard.press(str(place))
        english.keyboard.type("8")
        english.keyboard.press("Escape")
    # The oldest work has a criterion with levels among the others: the points that were typed chose one.
    levels = english.locator("[data-levels]")
    expect(levels).to_have_count(1)
    expect(levels.locator("input[value='8']")).to_be_checked()
    english.keyboard.press("a")
    english.keyboard.press("e")
    english.keyboard.type("nearly there, cut the second sentence")
    expect(english.locator("textarea[name=comment_md]")).to_have_value(
        "nearly there, cut the second sentence"
    )
    english.keyboard.press("Control+Enter")

    # Saved, and the next one is open; it goes back to the queue.
    english.wait_for_url(lambda url: "/desk/" in url and url != first)
    expect(english.locator("#qc-flash")).to_contain_text(say("Saved. The author is told by mail."))
    english.keyboard.press("b")
    english.wait_for_url("**/desk")
    assert int(english.locator(".qc-stat__value").first.inner_text()) == waiting - 1


def test_the_menus_at_the_top_are_worked_with_keys_and_one_is_open_at_a_time(english: Page) -> None:
    sign_in(english, ACCOUNTS["member"])
    say = Words("en")
    menus = english.locator(".qc-nav details")
    assert menus.locator("summary").all_inner_texts() == [
        say("Works"),
        say("Community"),
        say("Season and core"),
    ]
    menus.nth(1).locator("summary").focus()
    english.keyboard.press("Enter")
    expect(menus.nth(1).get_by_role("link").first).to_be_visible()
    menus.nth(2).locator("summary").focus()
    english.keyboard.press("Enter")
    expect(menus.nth(1).get_by_role("link").first).to_be_hidden()
    english.keyboard.press("Tab")
    english.keyboard.press("Enter")
    english.wait_for_url("**/ranking")
    expect(menus.nth(2).locator("summary")).to_have_attribute("aria-current", "true")
    expect(menus.nth(2).locator("a[aria-current=page]")).to_have_text(say("Ranking"))


def test_a_menu_closes_with_escape_and_gives_the_focus_back(english: Page) -> None:
    sign_in(english, ACCOUNTS["admin"])
    menu = english.locator(".qc-header__account details")
    menu.locator("summary").focus()
    english.keyboard.press("Enter")
    expect(menu.get_by_role("link").first).to_be_visible()
    english.keyboard.press("Tab")
    english.keyboard.press("Escape")
    expect(menu.get_by_role("link").first).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
