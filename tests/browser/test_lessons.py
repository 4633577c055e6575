"""Lessons of every kind in a real browser: open to everybody, as wide as the screen, read and heard without a mouse."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qunclub import courses
from qunclub.courses.models import Course
from qunclub.demo.content import FOLDER
from qunclub.kernel import Actor
from qunclub.web.state import KEY
from tests.browser import look
from tests.browser.club import sign_in
from tests.browser.keys import tab_to
from tests.browser.test_desk import BOTH, PASSWORD, drawn
from tests.support.browser import Pages, keep_shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ARTICLE = """先问一句：这张图要回答什么？

## 三步

1. 写下那一句话。
2. 数一数页上有几个数。
3. 留下一个。

> [!NOTE]
> 标题就是结论。

| 月份 | 到馆 | 借走 | 续借 | 预约 | 逾期 | 新办证 |
|---|---|---|---|---|---|---|
| 一月 | 1 204 | 87 | 31 | 12 | 4 | 9 |
| 二月 | 998 | 61 | 22 | 7 | 2 | 5 |

![柱子](chart.png)

```python
print("one claim, one number, one page, one sentence that somebody takes home with them in the evening")
```

公式 $y = kx + b$，和一个脚注[^1]。

[^1]: 脚注在这里。
"""
MINUTE = dt.timedelta(minutes=1)
# Half a second of film, made by the browser itself.
FILM = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm;codecs=vp8" });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const over = new Promise((done) => { recorder.onstop = done; });
  recorder.start();
  for (let at = 0; at < 10; at += 1) {
    pen.fillStyle = "#1b5e4b"; pen.fillRect(0, 0, 320, 180);
    pen.fillStyle = "#faf9f5"; pen.fillRect(20 + at * 20, 60, 60, 60);
    await new Promise((done) => setTimeout(done, 50));
  }
  recorder.stop();
  await over;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""


@pytest.fixture
def school(app, make, site_db, now, browser) -> Course:
    """A course with a lesson of each kind, a member who may read it, and one who may not."""
    store = app.extensions[KEY].files
    course: Course = make.course(slug="kinds", title="每一种课")
    page = browser.new_page()
    film = base64.b64decode(page.evaluate(FILM))
    page.close()
    sound = (FOLDER / "courses/true-charts/files/twelve-months.wav").read_bytes()
    make.medium(course, "chart.png", "image/png", data=drawn(), store=store)
    make.medium(course, "months.wav", "audio/x-wav", data=sound, store=store)
    make.medium(course, "film.webm", "video/webm", data=film, store=store)
    make.medium(course, "table.zip", "application/zip", data=b"PK" + b"\0" * 40, store=store)
    lessons: list[dict[str, Any]] = [
        {"slug": "article", "title": "读一篇", "body_md": ARTICLE},
        {"slug": "audio", "title": "听一段", "kind": "audio", "media": "months.wav"},
        {"slug": "video", "title": "看一段", "kind": "video", "media": "film.webm"},
        {"slug": "file", "title": "带走一份", "kind": "file", "media": "table.zip"},
    ] + [
        {"slug": slug, "title": title, "kind": "live", "live_url": "https://example.org/room",
         "live_starts_at": now + begins * MINUTE, "live_ends_at": now + (begins + 60) * MINUTE}
        for slug, title, begins in (("before", "下周直播", 9000), ("open", "正在直播", -5), ("over", "已经播完", -900))
    ]  # fmt: skip
    with site_db.uow() as session:
        for one in lessons:
            courses.add_lesson(
                session, course_id=course.id, now=now, actor=Actor.system("test"), minutes=5,
                **{"body_md": "先听，再动手。\n\n写下你听见的**那一个数**。"} | one,
            )  # fmt: skip
    plan = make.plan(slug="basic", title="月票", courses=[course])
    _, reader = make.person(name="林可禾", email="reader@example.com", password=PASSWORD, number=True)
    make.pass_(plan, reader)
    make.person(name="路过", email="other@example.com", password=PASSWORD)
    return course


def fine(page: Page, width: int, language: str, name: str) -> None:
    """Axe, width and language of the page as it stands, and a picture of it."""
    keep_shot(page, f"{width}-{language}-lesson-{name}")
    wrong = look.barriers(page) + look.too_wide(page)
    page.set_viewport_size({"width": width, "height": 800})
    if language == "zh":
        wrong += look.english_left(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("width", "language"), BOTH)
def test_lessons_of_every_kind(
    school: Course, live: str, page_factory: Pages, width: int, language: str
) -> None:
    page = page_factory(width, locale="zh-CN" if language == "zh" else "en-US", reduced_motion="reduce")
    sign_in(page, "reader@example.com", PASSWORD)

    page.goto("/courses/kinds/article")
    # The wide table and the long line of code are scrolled where they are, by keyboard too.
    tab_to(page, ".qc-lesson__next button")
    fine(page, width, language, "article")

    page.goto("/courses/kinds/audio")
    assert page.locator("audio").evaluate("(at) => at.getBoundingClientRect().width") >= 280
    tab_to(page, "audio")
    page.keyboard.press("Space")
    expect(page.locator("audio")).to_have_js_property("paused", False)
    fine(page, width, language, "audio")

    page.goto("/courses/kinds/video")
    tab_to(page, "video")
    page.keyboard.press("Space")
    expect(page.locator("video")).to_have_js_property("videoWidth", 320)
    assert page.locator("video").evaluate("(at) => at.getBoundingClientRect().width") >= 300
    fine(page, width, language, "video")

    for kind in ("file", "before", "open", "over"):
        page.goto(f"/courses/kinds/{kind}")
        if kind in ("file", "open"):
            tab_to(page, ".qc-lesson__body a.btn")
        if kind == "open" or width == look.PHONE:
            fine(page, width, language, kind)
    # Done, by Enter: the next lesson is there.
    page.goto("/courses/kinds/article")
    tab_to(page, ".qc-lesson__next button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/courses/kinds/audio*")

    other = page_factory(width, locale="zh-CN" if language == "zh" else "en-US", reduced_motion="reduce")
    other.goto("/courses/kinds/audio")
    assert other.locator("audio").count() == 0
    fine(other, width, language, "locked-visitor")
    sign_in(other, "other@example.com", PASSWORD)
    other.goto("/courses/kinds/audio")
    tab_to(other, "main a[href='/passes/basic']")
    fine(other, width, language, "locked")
