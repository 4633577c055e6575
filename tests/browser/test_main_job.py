"""The whole main job as one story: a stranger becomes a member, learns, is reviewed, rises, and reads why."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.club import (
    ACCOUNTS,
    BROWSER_LOCALES,
    Club,
    Words,
    command_line,
    newest_mail,
    pay_by_card,
    picture,
    press,
    sign_in,
    speak,
)
from tests.support.browser import Pages, scrolls_sideways, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The demo has sixty members.
NUMBER = "61"
EMAIL, PASSWORD = "xulan@example.com", "water-falls-upwards"
NICKNAME = {"zh": "许岚", "en": "Ran"}
PLAN = "/passes/member"


class Story:
    """Everybody in it has a browser of their own."""

    def __init__(self, club: Club, pages: Pages, language: str, width: int) -> None:
        self.club, self.language = club, language
        self.say = Words(language)
        self._pages, self._width = pages, width
        self.work = ""

    def browser(self, role: str = "") -> Page:
        """A browser in the story's language and width; signed in when a role is named."""
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

    def look(self, page: Page, name: str) -> None:
        """Nothing sticks out; with CLUBTEST_SHOTS=1 the page is kept as a picture."""
        assert not scrolls_sideways(page), f"{page.url} scrolls sideways"
        if os.environ.get("CLUBTEST_SHOTS"):
            shot(page, f"{self._width}-{self.language}-{name}")

    # ---- the visitor becomes a member ----

    def read_the_catalogue(self, page: Page) -> None:
        """Price, content, rules of the group and covenant stand there before anybody pays."""
        page.goto("/passes")
        expect(page.get_by_role("heading", level=1)).to_have_text(self.say("Passes"))
        self.look(page, "passes")
        page.locator(f"main a[href='{PLAN}']").first.click()
        expect(page.locator("#buy")).to_contain_text("199.00")
        expect(page.locator("#policy")).to_be_visible()
        expect(page.locator("#covenant").get_by_role("region")).to_be_visible()
        self.look(page, "pass")

    def sign_up(self, page: Page) -> None:
        """Ordering asks for an account; the new one is confirmed by the link in the mail."""
        press(page, self.say("Buy this pass"))
        page.wait_for_url(f"**{PLAN}/order")
        expect(page.locator("#order-sum")).to_contain_text("199.00")
        self.look(page, "order-stranger")
        press(page, self.say("Order and pay"))
        page.wait_for_url("**/account/sign-in**")
        press(page, self.say("Make an account"))
        page.fill("input[name=name]", "许岚")
        page.fill("input[name=email]", EMAIL)
        page.fill("input[name=password]", PASSWORD)
        self.look(page, "sign-up")
        press(page, self.say("Make my account"))
        expect(page.locator("main")).not_to_contain_text(self.say("Make my account"))
        link = newest_mail(page, self.say("Confirm your e-mail address for %(club)s", club="群俱乐部"))
        self.look(page, "outbox")
        page.goto(link)
        expect(page.locator("#qc-flash")).to_contain_text(self.say("Your e-mail address is confirmed."))

    def buy(self, page: Page) -> None:
        """In Chinese by card, after going back once and being declined once; in English with Alipay."""
        page.goto(PLAN)
        press(page, self.say("Buy this pass"))
        self.look(page, "order")
        press(page, self.say("Order and pay"))
        page.wait_for_url("**/pay/**")
        self.look(page, "pay")
        if self.language == "zh":
            page.get_by_role("link", name="返回商家").click()
            page.wait_for_url("**/checkout/**")
            self.look(page, "checkout")
            press(page, self.say("Pay now"))
            page.wait_for_url("**/pay/**")
            pay_by_card(page, "4000 0000 0000 0002")
            expect(page.get_by_role("alert")).to_be_visible()
            pay_by_card(page)
        else:
            page.locator("button[value=alipay]").click()
        page.wait_for_url("**/welcome/**")

    def be_welcomed(self, page: Page) -> None:
        """Number, card, covenant, name, ticket, and the way into the group."""
        expect(page.locator(".qc-welcome__number")).to_contain_text(NUMBER)
        card = page.get_by_role("img", name=NUMBER)
        assert card.evaluate("(card) => card.decode().then(() => card.naturalWidth)") >= 1000
        expect(page.locator("#step-enter")).to_contain_text(self.say("Opens after the covenant"))
        self.look(page, "welcome")
        press(page, self.say("I have read it and accept"))
        expect(page.locator("#step-covenant")).to_have_class("qc-ritual__done")
        page.locator("input[name=nickname]").fill(NICKNAME[self.language])
        page.locator("input[name=city]").fill("成都")
        expect(page.locator("#name-preview")).to_contain_text(f"{NUMBER}-{NICKNAME[self.language]}-成都")
        press(page, self.say("Keep this name"))
        expect(page.get_by_role("heading", level=1)).to_contain_text(NICKNAME[self.language])
        self.introduce_oneself(page)
        expect(page.locator("#step-enter")).to_contain_text("fanye-xiaoman")
        press(page, self.say("I have done it"))
        expect(page.locator("#step-task")).to_have_class("qc-ritual__done")
        self.look(page, "welcome-done")
        press(page, self.say("My entry ticket"))
        qr = page.get_by_role("img", name=self.say("Ticket as a QR code"))
        assert qr.evaluate("(qr) => qr.decode().then(() => qr.naturalWidth)") > 0
        self.look(page, "ticket")

    def introduce_oneself(self, page: Page) -> None:
        """An answer that is missing is named, and the others stay."""
        step = page.locator("#step-introduction")
        expect(page.locator("#step-enter")).to_contain_text(
            self.say("Opens when you have introduced yourself")
        )
        page.locator("#answer_0").fill("社区医院的健康宣教")
        page.locator("#answer_1").fill("   ")
        step.get_by_role("button").click()
        expect(step).to_contain_text(self.say("Write a few words here."))
        expect(page.locator("#answer_0")).to_have_value("社区医院的健康宣教")
        self.look(page, "introduction")
        page.locator("#answer_1").fill("疫苗接种流程那张")
        step.get_by_role("button").click()
        expect(page.locator("#step-introduction")).to_have_class("qc-ritual__done")

    # ---- learning ----

    def learn(self, page: Page) -> None:
        """Reads the first lesson and ticks it off."""
        page.goto("/courses/one-page")
        page.locator(".qc-outline a").first.click()
        expect(page.locator("article.qc-prose")).to_be_visible()
        self.look(page, "lesson")
        # The key's name stands on the button too.
        page.locator(".qc-lesson__next button").click()
        page.wait_for_url("**/title-is-conclusion**")
        expect(page.locator(".qc-outline__row--done")).to_have_count(1)

    def hand_in(self, page: Page) -> None:
        """The homework that is due next, with a picture."""
        page.goto("/homework")
        self.look(page, "homework-list")
        press(page, self.say("Start"))
        self.work = urlsplit(page.url).path
        page.locator("textarea[name=body_md]").fill(
            "# 季度复盘第一页\n\n旧标题：销售情况。\n\n新标题：**三月的下滑只来自华东一个区。**\n"
        )
        page.locator("input[type=file]").set_input_files(picture())
        self.look(page, "homework-write")
        page.locator("main form button.btn-primary").click()
        expect(page.locator("#mine")).to_contain_text(self.say("Your work is waiting for its review"))
        shown = page.locator(".qc-files__picture").first
        assert shown.evaluate("(shown) => shown.decode().then(() => shown.naturalWidth)") == 640
        self.look(page, "homework-waiting")

    def review(self, desk: Page) -> None:
        """The instructor claims it, scores it, features it and saves it, all by keyboard."""
        desk.goto("/desk")
        self.look(desk, "desk")
        row = desk.get_by_role("row").filter(has_text=NICKNAME[self.language])
        row.get_by_role("link").first.click()
        desk.wait_for_url("**/desk/*")
        desk.keyboard.press("c")
        expect(desk.locator(".qc-rubric")).to_be_visible()
        # Keys work when the page's scripts have run.
        desk.wait_for_load_state("load")
        for place in range(1, desk.locator(".qc-rubric__row").count() + 1):
            desk.keyboard.press(str(place))
            desk.keyboard.type("10")
            desk.keyboard.press("Escape")
            row = desk.locator(".qc-rubric__row").nth(place - 1)
            expect(row.locator("input[type=number], input:checked")).to_have_value("10")
        desk.keyboard.press("f")
        expect(desk.locator("#verdict-feature")).to_be_checked()
        desk.keyboard.press("e")
        desk.keyboard.type("One claim, one number. Show it to the others.")
        desk.keyboard.press("Escape")
        self.look(desk, "desk-review")
        desk.keyboard.press("s")
        desk.wait_for_url("**/desk")
        expect(desk.locator("#qc-flash")).to_contain_text(self.say("Saved. The author is told by mail."))
        expect(desk.locator("table")).not_to_contain_text(NICKNAME[self.language])

    def consent(self, page: Page) -> None:
        """The member reads the review and lets others see the work."""
        page.goto(newest_mail(page, "旧页改造"))
        assert urlsplit(page.url).path == self.work
        expect(page.locator(".qc-review")).to_contain_text("One claim, one number.")
        expect(page.locator(".qc-review")).to_contain_text("100")
        press(page, self.say("Show my work"))
        expect(page.locator("main")).to_contain_text(self.say("Take it out"))
        self.look(page, "homework-reviewed")

    def see_the_showcase(self, stranger: Page) -> None:
        """A stranger sees it, picture and all."""
        stranger.goto("/showcase")
        card = stranger.locator(".qc-work").filter(has_text=NICKNAME[self.language])
        assert card.locator("img").evaluate("(shown) => shown.decode().then(() => shown.naturalWidth)") > 0
        self.look(stranger, "showcase")
        card.get_by_role("link").click()
        expect(stranger.locator("article.qc-prose")).to_contain_text("三月的下滑只来自华东一个区")
        expect(stranger.locator("main figure img")).to_be_visible()
        self.look(stranger, "showcase-work")

    def count_points(self, page: Page, points: int) -> None:
        """The ranking knows the member, and every point has its line."""
        page.goto("/ranking?at=me")
        expect(page.locator("#me")).to_contain_text(str(points))
        self.look(page, "ranking")
        page.goto("/me/points")
        amounts = [int(text) for text in page.locator("main table td.qc-num").all_inner_texts()]
        assert sum(amounts) == points
        self.look(page, "points")

    # ---- the door ----

    def enter(self, page: Page, door: Page) -> None:
        """The host lets the member in once; a second time the ticket is refused."""
        page.goto("/me")
        press(page, self.say("Entry ticket"))
        code = page.locator(".qc-ticket__code").inner_text()
        for admitted in (False, True):
            door.goto("/door")
            door.locator("input[name=code]").fill(code)
            door.get_by_role("button", name=self.say("Look at the ticket")).click()
            expect(door.get_by_role("heading", level=1)).to_have_text(NICKNAME[self.language])
            button = door.locator("main form[action^='/t/']:not([action$=force]) button[type=submit]")
            if admitted:
                expect(door.locator("main")).to_contain_text(self.say("Already used"))
                expect(button).to_have_count(0)
                self.look(door, "door-again")
            else:
                self.look(door, "door")
                button.click()
                expect(door.locator("#qc-flash .qc-notice--success")).to_contain_text(NICKNAME[self.language])

        self.see_who_came(door)

    def see_who_came(self, host: Page) -> None:
        """The newest stands first with what they said of themselves; the host ticks the new name in the chat."""
        host.goto("/desk/arrivals")
        host.get_by_role("link", name="基础学习1群").click()
        first = host.locator(".qc-arrival").first
        expect(first).to_contain_text(f"{NUMBER}-{NICKNAME[self.language]}-成都")
        expect(first.locator(".qc-badge--success")).to_have_count(5)
        first.locator("summary").click()
        expect(first).to_contain_text("疫苗接种流程那张")
        first.get_by_role("button").click()
        expect(host.locator(".qc-arrival").first.locator(".qc-badge--success")).to_have_count(6)
        self.look(host, "arrivals")

    # ---- the season ----

    def close_the_season(self, admin: Page) -> None:
        """The admin thanks the member, looks at every outcome, ends the season, freezes and publishes."""
        admin.goto("/admin/points/give")
        admin.fill("input[name=number]", NUMBER)
        admin.fill("input[name=amount]", "300")
        admin.fill("textarea[name=reason]", "为乡村小学改了三十页课件")
        admin.locator("main form button.btn-primary").click()
        expect(admin.locator("#qc-flash .qc-notice--success")).to_be_visible()
        admin.goto("/admin/seasons")
        # The newest of the list is announced; the one that runs is before it.
        admin.get_by_role("row").filter(has_text="alignment").get_by_role("link").click()
        expect(admin.get_by_role("row").filter(has_text=f"No. {NUMBER}")).to_contain_text(self.say("rises"))
        self.look(admin, "season-preview")
        early = admin.locator("details.qc-confirm").first
        early.locator("summary").click()
        early.locator("[name=reason]").fill("本季的公益课件提前交付")
        early.locator("button[type=submit]").click()
        expect(admin.locator("#qc-flash .qc-notice--success")).to_be_visible()
        for step in ("Freeze the standings", "Publish the result"):
            confirm = admin.locator("details.qc-confirm").filter(has_text=self.say(step)).first
            confirm.locator("summary").click()
            self.look(admin, f"season-{step.split()[0].lower()}")
            confirm.locator("button[type=submit]").click()
            expect(admin.locator("#qc-flash .qc-notice--success")).to_be_visible()
        self.look(admin, "season-published")

    def read_the_decision(self, page: Page) -> None:
        """The member reads why, and sits in the core group."""
        page.goto("/season/alignment")
        expect(page.locator(".qc-card--accent")).to_contain_text(self.say("What it means for you"))
        expect(page.locator(".qc-card--accent")).to_contain_text("437")
        self.look(page, "decision")
        page.goto("/core")
        expect(page.locator("main")).to_contain_text(NICKNAME[self.language])
        self.look(page, "core")
        page.goto("/")
        self.look(page, "home")
        page.goto("/me")
        self.look(page, "me")


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_the_main_job(own_club: Club, page_factory: Pages, language: str, width: int) -> None:
    story = Story(own_club, page_factory, language, width)
    member = story.browser()
    story.read_the_catalogue(member)
    story.sign_up(member)
    story.buy(member)
    story.be_welcomed(member)
    story.learn(member)
    story.hand_in(member)
    story.review(story.browser("instructor"))
    story.consent(member)
    story.see_the_showcase(story.browser())
    # The pass, a lesson, the score, being on time, and being featured.
    story.count_points(member, 10 + 2 + 100 + 5 + 20)
    story.enter(member, story.browser("host"))
    story.close_the_season(story.browser("admin"))
    story.read_the_decision(member)
    code, said = command_line(own_club.instance, "doctor")
    assert code == 0, said
