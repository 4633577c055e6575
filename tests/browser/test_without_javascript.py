"""With JavaScript off: signing in, buying, handing in and reviewing still work."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.club import ACCOUNTS, Club, Words, picture, press, sign_in, speak
from tests.support.browser import Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_main_job_without_javascript(shared_club: Club, page_factory: Pages) -> None:
    say = Words("zh")
    plain: dict[str, Any] = {"base_url": shared_club.url, "locale": "zh-CN", "java_script_enabled": False}

    member = page_factory(360, **plain)
    sign_in(member, ACCOUNTS["member"])
    speak(member, "zh")
    member.goto("/passes/member")
    press(member, say("Buy this pass"))
    press(member, say("Order and pay"))
    member.wait_for_url("**/pay/**")
    member.locator("button[value=wechat_pay]").click()
    member.wait_for_url("**/welcome/**")
    # Held for life: the catalogue does not offer it again.
    member.goto("/passes/member")
    expect(member.locator("#buy").get_by_role("link", name=say("Buy this pass"))).to_have_count(0)
    press(member, say("To the welcome page"))
    member.locator("input[name=city]").fill("苏州")
    press(member, say("Preview"))
    expect(member.locator("#name-preview")).to_contain_text("1-小禾-苏州")

    # What this member has not handed in yet: a first look at it, then for good.
    member.goto("/courses/persuade")
    member.get_by_role("link", name="十五页故事线").click()
    member.locator("textarea[name=body_md]").fill("**会前**读的那版有句子，*会上*讲的那版只有图。")
    press(member, say("Preview"))
    expect(member.locator("#preview strong")).to_have_text("会前")
    expect(member.locator("textarea[name=body_md]")).to_have_value(
        "**会前**读的那版有句子，*会上*讲的那版只有图。"
    )
    member.locator("input[type=file]").set_input_files(picture())
    member.locator("main form button.btn-primary").click()
    expect(member.locator("#mine")).to_contain_text(say("Your work is waiting for its review"))

    desk = page_factory(1280, **plain)
    sign_in(desk, ACCOUNTS["instructor"])
    speak(desk, "zh")
    desk.goto("/desk")
    row = desk.get_by_role("row").filter(has_text="No. 1").filter(has_text="十五页故事线")
    row.get_by_role("button", name=say("Claim")).click()
    for score in desk.locator(".qc-rubric input").all():
        score.fill("7")
    desk.locator("#verdict-return").check()
    desk.locator("textarea[name=comment_md]").fill("两版的**结论**还不一样，先统一。")
    press(desk, say("Preview"))
    expect(desk.locator("#preview strong")).to_have_text("结论")
    expect(desk.locator("#verdict-return")).to_be_checked()
    desk.locator("button[data-key=s]").click()
    expect(desk.locator("#qc-flash")).to_contain_text(say("Saved. The author is told by mail."))

    member.reload()
    expect(member.locator(".qc-review").first).to_contain_text("先统一")
    expect(member.locator("textarea[name=body_md]")).to_have_value(
        "**会前**读的那版有句子，*会上*讲的那版只有图。"
    )


def test_menus_open_and_a_confirmation_unfolds_without_javascript(
    shared_club: Club, page_factory: Pages
) -> None:
    say = Words("zh")
    page = page_factory(360, base_url=shared_club.url, locale="zh-CN", java_script_enabled=False)
    sign_in(page, ACCOUNTS["member"])
    speak(page, "zh")
    page.locator(".qc-bottom summary").click()
    page.locator(".qc-bottom__sheet").get_by_role("link", name=say("Ranking")).click()
    page.wait_for_url("**/ranking")
    page.goto("/passes/early-bird")
    press(page, say("Buy this pass"))
    page.fill("input[name=coupon]", "NO-SUCH")
    press(page, say("Apply"))
    expect(page.locator("#coupon-error")).to_be_visible()
    expect(page.locator("input[name=coupon]")).to_have_value("NO-SUCH")
    page.fill("input[name=coupon]", "")
    press(page, say("Order and pay"))
    page.wait_for_url("**/pay/**")
    page.get_by_role("link", name="返回商家").click()
    confirm = page.locator("details.qc-confirm")
    expect(confirm.locator("form")).to_be_hidden()
    confirm.locator("summary").click()
    expect(confirm).to_contain_text(
        say("The order ends, nothing is charged, and the pass held for you goes back on sale.")
    )
    confirm.locator("form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text(say("This order was cancelled"))
