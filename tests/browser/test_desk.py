"""The review desk in a real browser: worked by Tab and Enter alone, open to everybody, as wide as the screen."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from sqlalchemy import select

from qunclub import homework
from qunclub.homework import rules_remarks
from qunclub.homework.models import Attempt, Criterion, SubmissionFile
from qunclub.homework.rules_fair import Span, Terms
from qunclub.homework.rules_remarks import Passage, Spot, Typed
from qunclub.kernel import Actor, render_markdown
from qunclub.kernel.uploads import StoredFile
from qunclub.web.state import KEY
from tests.browser import look
from tests.browser.club import Words, sign_in
from tests.browser.keys import tab_to
from tests.support.browser import Pages, keep_shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "turn-the-page"
BODY = (
    "## 六页里的三页\n\n这是我要在居民议事会上讲的，一共就六页，改了其中三页。"
    "图书室使用情况改成了**每周有三十一个人走到门口又回去了**。"
    "证据是门卫师傅的登记本，我一页一页数的，数到第三遍才敢写上去。\n\n"
    "读者需求分析改成了他们都是晚上七点以后才有空，证据是四十份问卷。\n\n"
    "- 延时方案：只多开两个小时\n- 试开放两周，接住二十四个人\n"
)
BOTH = [(look.PHONE, "zh"), (look.DESK, "en")]


def drawn() -> bytes:
    """A page somebody hands in, with bars on it."""
    image = Image.new("RGB", (960, 540), "#faf9f5")
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((60, 60, 620, 84), fill="#1f2420")
    for place, height in enumerate((120, 190, 160, 290)):
        drawing.rectangle((80 + place * 200, 460 - height, 200 + place * 200, 460), fill="#1b5e4b")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def fine(page: Page, width: int, language: str, name: str) -> None:
    """Axe, width and language of the page as it stands, and a picture of it."""
    keep_shot(page, f"{width}-{language}-desk-{name}")
    wrong = look.barriers(page) + look.too_wide(page)
    page.set_viewport_size({"width": width, "height": 800})
    if language == "zh":
        wrong += look.english_left(page)
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def room(app, make, now) -> dict[str, Any]:
    """Two works that wait, a reviewed one with all that a review can have, an appeal, a work much like another."""
    course = make.course(slug="one-page", title="从零到一页")
    work = make.assignment(
        course=course, title="旧页改造", criteria=[("一页一句", 10, 60), ("标题即结论", 10, 40)]
    )
    _, teacher = make.person(
        name="叶知微", email="teacher@example.com", password=PASSWORD, roles=("instructor",), number=True
    )
    _, second = make.person(
        name="方定", email="second@example.com", password=PASSWORD, roles=("instructor",), number=True
    )
    data = drawn()
    app.extensions[KEY].files.put("homework/drawn", data)
    files = [
        StoredFile("第一页.png", "image/png", len(data), hashlib.sha256(data).hexdigest(), "homework/drawn")
    ]
    authors = [make.member(name=name, nickname=name, number=True) for name in ("林可禾", "许岚", "周砚")]
    reviewed = make.submission(
        work, member=authors[0], body_md=BODY, at=now - dt.timedelta(days=9), files=files
    )
    first = make.submission(
        work, member=authors[1], body_md=BODY + "\n补一句。", at=now - dt.timedelta(days=8)
    )
    next_one = make.submission(
        work, member=authors[2], body_md="第三份：换了整页。", at=now - dt.timedelta(days=1)
    )
    return {
        "work": work,
        "teacher": teacher,
        "second": second,
        "reviewed": reviewed,
        "first": first,
        "next": next_one,
    }


def reviewed(room, site_db, now) -> int:
    """The first work is judged, with remarks at words and at a spot of its picture, and appealed: the appeal's id."""
    teacher, row = room["teacher"], room["reviewed"]
    with site_db.uow() as session:
        attempt = session.scalars(select(Attempt).where(Attempt.submission_id == row.id)).one()
        file_id = session.scalars(
            select(SubmissionFile.id).where(SubmissionFile.attempt_id == attempt.id)
        ).one()
        criteria = session.scalars(select(Criterion.id).order_by(Criterion.id)).all()
        review = homework.review(
            session, submission_id=row.id, version=row.version, verdict="accept",
            scores=dict.fromkeys(criteria, 7), comment_md="结论**站得住**，图再少一半。",
            actor=Actor(teacher.user_key, teacher.name, "", frozenset({"instructor"}), teacher.id), now=now,
        )  # fmt: skip
        text = rules_remarks.plain_text(render_markdown(BODY))
        start = text.index("三十一个人")
        fields: dict[str, str] = {}
        told: list[tuple[Passage | Spot, str]] = [
            (Passage(attempt.id, start, start + 5, "三十一个人"), "从哪儿数的？"),
            (Spot(attempt.id, file_id, 350, 120), "标题还是旧的。"),
            (Spot(attempt.id, file_id, 780, 330), "就是这一根。"),
        ]
        for n, (place, words) in enumerate(told, 1):
            fields |= rules_remarks.fields_of(Typed(n, place, words))
        homework.write_remarks(session, review, fields)
        appeal = homework.open_appeal(
            session, submission_id=row.id, member_id=row.member_id, reason="第二页的证据在附图里，没有看到。",
            terms=Terms(2, 14, Span(now - dt.timedelta(days=30), None)), now=now,
        )  # fmt: skip
        return appeal.id


def at_the_desk(page_factory: Pages, who: str, width: int, language: str) -> Page:
    page = page_factory(width, locale="zh-CN" if language == "zh" else "en-US", reduced_motion="reduce")
    sign_in(page, f"{who}@example.com", PASSWORD)
    return page


@pytest.mark.parametrize(("width", "language"), BOTH)
def test_a_work_is_reviewed_by_tab_and_enter_alone(room, live, page_factory, width, language):
    say = Words(language)
    page = at_the_desk(page_factory, "teacher", width, language)
    page.goto(f"/desk?assignment={room['work'].id}")
    fine(page, width, language, "queue")

    # The longest waiting one.
    tab_to(page, "form[action^='/desk/next'] button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/{room['reviewed'].id}?*")
    stops = tab_to(page, "[name^='score-']")
    page.keyboard.type("8")
    stops += tab_to(page, "[name^='score-']")
    page.keyboard.type("9")
    stops += tab_to(page, "[name=verdict]")
    page.keyboard.press("Space")
    expect(page.locator("#verdict-accept")).to_be_checked()
    stops += tab_to(page, "#comment_md")
    page.keyboard.type("One claim, one number.")

    # A remark on a paragraph: its words in the list, no mouse for a selection.
    stops += tab_to(page, ".qc-remarks__add summary")
    page.keyboard.press("Enter")
    stops += tab_to(page, "#new-paragraph")
    page.keyboard.press("ArrowDown")
    stops += tab_to(page, "button[name=remark][value=passage]")
    page.keyboard.press("Enter")
    expect(page.locator("#remark-1-body")).to_be_visible()
    expect(page.locator("#remark-new-1")).to_contain_text("这是我要在居民议事会上讲的")
    expect(page.locator("#comment_md")).to_have_value("One claim, one number.")
    # One goes on where the remark is written, not at the top of the page.
    expect(page.locator("#remark-1-body")).to_be_focused()
    page.keyboard.type("Too long for one breath.")
    # A remark on a spot of the picture, moved by the arrow keys.
    tab_to(page, "figure [data-spot]", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#remark-2-body")).to_be_focused()
    page.keyboard.type("Here.")
    tab_to(page, ".qc-spots__pins a", key="Shift+Tab")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[name='remark-2-x']")).to_have_value("450")
    expect(page.locator("[name='remark-2-y']")).to_have_value("495")
    fine(page, width, language, "writing")

    tab_to(page, "button[name=next]")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/{room['first'].id}?*")
    expect(page.locator("#qc-flash")).to_contain_text(say("Saved. The author is told by mail."))
    # In the order in which they stand on the page.
    scores = [stop for stop in stops if stop.startswith("score-")]
    form = [
        stop
        for stop in stops
        if stop in (*scores, "verdict", "comment_md", "new-paragraph", "remark=passage")
    ]
    assert form == [*scores, "verdict", "comment_md", "new-paragraph", "remark=passage"] and len(scores) == 2
    # The next is claimed: its form is there.
    tab_to(page, "[name^='score-']")
    page.goto(f"/desk/{room['reviewed'].id}")
    expect(page.locator(".qc-remark")).to_have_count(2)
    expect(page.locator("main")).to_contain_text("Too long for one breath.")


@pytest.mark.parametrize(("width", "language"), BOTH)
def test_what_else_the_desk_shows(room, live, page_factory, site_db, now, width, language):
    appeal_id = reviewed(room, site_db, now)
    page = at_the_desk(page_factory, "second", width, language)

    page.goto(f"/desk/{room['reviewed'].id}")
    expect(page.locator(".qc-spots__pins a")).to_have_count(2)
    fine(page, width, language, "reviewed")

    page.goto("/desk/appeals")
    fine(page, width, language, "appeals")
    tab_to(page, "td a")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/appeals/{appeal_id}")
    fine(page, width, language, "appeal")

    page.goto(f"/desk/{room['first'].id}")
    page.get_by_role("button", name=Words(language)("Claim"), exact=False).first.click()
    page.locator("a[href*='/beside/']").first.click()
    page.wait_for_url("**/beside/*")
    fine(page, width, language, "similar")

    # The same work from another window: saved there, then here. Both stand side by side.
    page.goto(f"/desk/{room['first'].id}")
    other = page.context.new_page()
    other.goto(page.url)
    for one, words in ((page, "来自这一个窗口的评语。"), (other, "来自另一个窗口的评语，长一些。")):
        for score in one.locator("[name^='score-']").all():
            score.fill("7")
        one.locator("#verdict-accept").check()
        one.locator("#comment_md").fill(words)
    other.locator(".qc-desk__bar button[data-key=s]").click()
    other.wait_for_url("**/desk")
    page.locator(".qc-desk__bar button[data-key=s]").click()
    expect(page.locator(".qc-errors").first).to_contain_text("来自另一个窗口的评语，长一些。")
    expect(page.locator("#comment_md")).to_have_value("来自这一个窗口的评语。")
    expect(page.locator(".qc-errors").first).to_be_focused()
    fine(page, width, language, "stale")
    # What one chooses stands in the form and stays there, whatever this browser kept of the other.
    tab_to(page, "button[name=take][value^=theirs]")
    page.keyboard.press("Enter")
    expect(page.locator("#comment_md")).to_have_value("来自另一个窗口的评语，长一些。")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#comment_md")).to_have_value("来自另一个窗口的评语，长一些。")
