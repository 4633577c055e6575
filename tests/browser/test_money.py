"""Money as people meet it: passes to give away with a coupon, a membership and its end, a transfer with its proof."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, utcnow
from qunclub.kernel.engine import create_club_engine
from qunclub.orders import transfer_settings
from qunclub.orders.models_selling import Coupon
from qunclub.web import uow
from tests.browser.club import (
    ACCOUNTS,
    BROWSER_LOCALES,
    Club,
    Words,
    command_line,
    pay_by_card,
    picture,
    press,
    sign_in,
    speak,
)
from tests.support.browser import Pages, scrolls_sideways

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ADMIN = Actor("test", "Test", roles=frozenset({"admin"}))
LANGUAGES = [("zh", 360), ("en", 1280)]


def prepare(club: Club) -> None:
    """A coupon, and transfers switched on, beside what the demo has."""
    engine = create_club_engine(f"sqlite:///{club.instance / 'club.db'}")
    with Session(engine) as session, uow.transaction(session):
        session.add(
            Coupon(code="BROWSER20", kind="percent", percent=20, currency="", max_uses=5, created_at=utcnow())
        )
        transfer_settings.save(
            session,
            on=True,
            text={"zh": "", "en": ""},
            account="Bank of Tests 6222 0000",
            days=3,
            currencies=["CNY"],
            now=utcnow() - dt.timedelta(minutes=1),
            actor=ADMIN,
        )
    engine.dispose()


class Till:
    """People in one language and width, each with a browser of their own."""

    def __init__(self, club: Club, pages: Pages, language: str, width: int) -> None:
        self.club, self.language, self.say = club, language, Words(language)
        self._pages, self._width = pages, width

    def browser(self, role: str = "") -> Page:
        """A browser; signed in when a role is named."""
        page = self._pages(
            self._width,
            base_url=self.club.url,
            locale=BROWSER_LOCALES[self.language],
            reduced_motion="reduce",
        )
        if role:
            sign_in(page, ACCOUNTS[role])
            speak(page, self.language)
        return page

    def healthy(self) -> None:
        """The doctor finds nothing."""
        code, said = command_line(self.club.instance, "doctor")
        assert code == 0, said


def fits(page: Page) -> None:
    """Nothing sticks out on a phone."""
    assert not scrolls_sideways(page), f"{page.url} scrolls sideways"


@pytest.fixture
def till(own_club: Club, page_factory: Pages, language: str, width: int) -> Till:
    prepare(own_club)
    return Till(own_club, page_factory, language, width)


@pytest.mark.parametrize(("language", "width"), LANGUAGES)
def test_a_gift_with_a_coupon_is_claimed_by_somebody_else(till: Till) -> None:
    buyer = till.browser("member")
    buyer.goto("/passes/member/order?gift=1")
    buyer.fill("input[name=quantity]", "2")
    buyer.fill("textarea[name=recipients]", "何然, heran@example.com")
    expect(buyer.locator("#order-sum")).to_contain_text("398.00")
    buyer.fill("input[name=coupon]", "NO-SUCH")
    press(buyer, till.say("Apply"))
    expect(buyer.locator("#coupon-error")).to_be_visible()
    buyer.fill("input[name=coupon]", "browser20")
    press(buyer, till.say("Apply"))
    expect(buyer.locator("#order-sum")).to_contain_text("318.40")
    fits(buyer)
    press(buyer, till.say("Order and pay"))
    buyer.wait_for_url("**/pay/**")
    pay_by_card(buyer)
    buyer.wait_for_url("**/codes")
    expect(buyer.locator("main")).to_contain_text("heran@example.com")
    expect(buyer.locator(".qc-claim-code")).to_have_count(2)
    fits(buyer)
    buyer.locator(".qc-claim__details summary").first.click()
    link = buyer.locator(".qc-claim__details a").first.get_attribute("href") or ""

    stranger = till.browser()
    stranger.goto(link)
    expect(stranger.locator("main")).to_contain_text(
        till.say("It is paid for. It costs you nothing, and nothing is charged later.")
    )
    fits(stranger)
    press(stranger, till.say("Make an account and claim it"))
    stranger.fill("input[name=name]", "何然")
    stranger.fill("input[name=email]", "heran@example.com")
    stranger.fill("input[name=password]", "water-falls-upwards")
    press(stranger, till.say("Make my account"))
    stranger.goto(link)
    press(stranger, till.say("Claim it"))
    stranger.wait_for_url("**/welcome/**")
    expect(stranger.locator(".qc-welcome__number")).to_contain_text(re.compile(r"\d+"))

    buyer.reload()
    expect(buyer.locator("main")).to_contain_text("何然")
    expect(buyer.locator(".qc-claim-code")).to_have_count(1)
    late = till.browser("instructor")
    late.goto(link)
    expect(late.locator("main")).to_contain_text(till.say("This code was used already."))
    till.healthy()


@pytest.mark.parametrize(("language", "width"), LANGUAGES)
def test_a_membership_is_bought_and_cancelled(till: Till) -> None:
    member = till.browser("host")
    member.goto("/passes/monthly/order")
    expect(member.locator("#order-sum")).to_contain_text(till.say("To pay now"))
    fits(member)
    press(member, till.say("Order and pay"))
    member.wait_for_url("**/pay/**")
    pay_by_card(member)
    member.wait_for_url("**/welcome/**")
    member.goto("/memberships")
    press(member, till.say("Details and receipts"))
    fits(member)
    confirm = member.locator("details.qc-confirm").first
    confirm.locator("summary").click()
    confirm.locator("button[type=submit]").click()
    expect(member.locator("#qc-flash")).to_contain_text(
        till.say("The membership is cancelled; you are not charged again.")
    )
    till.healthy()


@pytest.mark.parametrize(("language", "width"), LANGUAGES)
def test_a_transfer_is_shown_and_confirmed(till: Till) -> None:
    buyer = till.browser("instructor")
    buyer.goto("/passes/early-bird/order")
    buyer.locator("input[name=pay_by][value=transfer]").check()
    press(buyer, till.say("Order and pay"))
    buyer.wait_for_url("**/checkout/**")
    if not buyer.url.endswith("/transfer"):
        press(buyer, till.say("To the account and the reference"))
    expect(buyer.locator("main")).to_contain_text("6222 0000")
    fits(buyer)
    buyer.locator("input[type=file]").set_input_files(picture("已转账"))
    press(buyer, till.say("Send the proof"))
    expect(buyer.locator("main")).to_contain_text(till.say("Your proof is here and is being checked"))
    code = buyer.url.split("/checkout/")[1].split("/")[0]

    admin = till.browser("admin")
    admin.goto(f"/admin/transfers/{code}")
    money = admin.locator("main form[action$='/confirm']")
    money.locator("input[name=ref]").fill("TXN-2026-1")
    money.locator("button[type=submit]").click()
    expect(admin.locator("#qc-flash .qc-notice--success")).to_be_visible()
    buyer.goto(f"/checkout/{code}/return")
    buyer.wait_for_url("**/welcome/**")
    till.healthy()
