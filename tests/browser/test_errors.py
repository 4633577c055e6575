"""What goes wrong says so: where, why, and the way out; and nothing that was typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import look
from tests.browser.club import ACCOUNTS, BROWSER_LOCALES, Club, Words, sign_in
from tests.support.browser import Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(params=["zh", "en"])
def say(request: pytest.FixtureRequest) -> Words:
    """Both languages."""
    return Words(request.param)


@pytest.fixture
def page(shared_club: Club, page_factory: Pages, say: Words) -> Page:
    """A visitor's phone."""
    return page_factory(
        look.PHONE,
        base_url=shared_club.url,
        locale=BROWSER_LOCALES[say.language],
        reduced_motion="reduce",
    )


def member(page: Page, say: Words) -> None:
    """Sign in as a member who speaks the language."""
    sign_in(page, ACCOUNTS["member"])
    page.goto(f"/language/{say.language}")


def good(page: Page, say: Words) -> None:
    """An error page is a page like any other."""
    assert not look.too_wide(page)
    assert not look.barriers(page)
    if say.language == "zh":
        assert not look.english_left(page)


def test_an_address_of_nobody(page: Page, say: Words) -> None:
    answer = page.goto("/passes/of-gold")
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Nothing here"))
    good(page, say)
    page.get_by_role("link", name=say("To the club's home")).click()
    page.wait_for_url("**/")


@pytest.mark.parametrize(
    ("address", "who"), [("/desk", "instructor"), ("/admin/", "admin"), ("/door", "host")]
)
def test_a_closed_door_says_what_opens_it(page: Page, say: Words, address: str, who: str) -> None:
    from qunclub.web.guards import DENIED

    member(page, say)
    answer = page.goto(address)
    assert answer is not None and answer.status == 403
    expect(page.locator("main")).to_contain_text(say(DENIED[who][0]))
    expect(page.locator("main")).to_contain_text(say(DENIED[who][1]))
    good(page, say)


def test_a_stranger_signs_in_and_comes_back(page: Page, say: Words) -> None:
    page.goto("/me/points")
    page.wait_for_url("**/account/sign-in?next=/me/points")
    page.fill("input[name=email]", ACCOUNTS["member"])
    page.fill("input[name=password]", "not this one")
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("input[name=email]")).to_have_value(ACCOUNTS["member"])
    expect(page.locator("input[name=password]")).to_have_value("")
    good(page, say)
    page.fill("input[name=password]", "turn-the-page")
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/me/points")


def test_a_form_names_the_field_and_keeps_what_was_typed(page: Page, say: Words) -> None:
    page.goto("/account/sign-up")
    page.fill("input[name=name]", "许岚")
    page.fill("input[name=email]", "xulan@")
    page.fill("input[name=password]", "short")
    page.locator("main form button[type=submit]").click()
    wrong = page.locator(".qc-errors")
    expect(wrong).to_be_focused()
    expect(wrong.get_by_role("link", name=say("Password"))).to_be_visible()
    expect(page.locator("input[name=name]")).to_have_value("许岚")
    expect(page.locator("input[name=email]")).to_have_value("xulan@")
    expect(page.locator("input[name=password]")).to_have_attribute("aria-invalid", "true")
    good(page, say)


def test_a_refused_file_loses_no_homework(page: Page, say: Words) -> None:
    member(page, say)
    page.goto("/courses/one-page")
    page.get_by_role("link", name="三个标题").click()
    area = page.locator("textarea[name=body_md]")
    area.fill("三个标题，都是结论。")
    page.locator("input[type=file]").set_input_files(
        {"name": "slides.exe", "mimeType": "application/octet-stream", "buffer": b"MZ\x90\x00" * 64}
    )
    page.locator("main form button.btn-primary").click()
    expect(page.locator(".qc-errors")).to_be_visible()
    expect(page.locator(".qc-errors")).to_contain_text("slides.exe")
    expect(area).to_have_value("三个标题，都是结论。")
    good(page, say)

    # Leaving without sending loses nothing either.
    area.fill("三个标题，都是结论，再短一点。")
    here = page.url
    page.goto("/passes")
    page.goto(here)
    expect(area).to_have_value("三个标题，都是结论，再短一点。")


def test_a_form_from_an_ended_session_is_refused_with_a_way_out(page: Page, say: Words) -> None:
    page.goto("/account/sign-up")
    page.fill("input[name=name]", "许岚")
    page.evaluate("document.querySelector('main input[name=csrf_token]').value = 'old'")
    with page.expect_response("**/account/sign-up") as refused:
        page.locator("main form button[type=submit]").click()
    assert refused.value.status == 403
    expect(page.locator("main")).to_contain_text(
        say("This form was open for too long, or came from another site.")
    )
    good(page, say)
