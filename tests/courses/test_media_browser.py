"""Files in a browser: dropped into the text and shown in the preview; the lesson goes on where its reader was."""

import base64

from sqlalchemy import select

from qunclub.courses.models import Lesson, Progress
from tests.homework import pictures
from tests.support.browser import scrolls_sideways, shot

DROP = """([area, data]) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "my chart.png", { type: "image/png" }));
  document.querySelector(area).dispatchEvent(
    new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: carried }));
}"""


def until(page, condition):
    """Wait for *condition*; the pages' policy forbids Playwright's own way of asking again and again."""
    for _try in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def test_a_file_is_dropped_and_a_reader_goes_on(live, page_factory, make, site_db):
    course = make.course(slug="c")
    make.lesson(course, slug="one", body_md="\n\n".join(f"Line {n}" for n in range(200)))
    make.person(email="admin@example.com", password="a long enough password", roles=("admin",))
    page = page_factory(1280)
    page.goto("/account/sign-in")
    page.fill("input[name=email]", "admin@example.com")
    page.fill("input[name=password]", "a long enough password")
    page.click("main button[type=submit]")
    page.wait_for_load_state()

    page.goto("/admin/courses/lessons/1")
    page.evaluate("document.querySelector('#body_md').setSelectionRange(0, 0)")
    with page.expect_response("**/files") as sent:
        page.evaluate(DROP, ["#body_md", base64.b64encode(pictures.picture(size=(640, 300))).decode()])
    assert sent.value.status == 200
    until(page, "document.querySelector('#body_md').value.startsWith('![my-chart](my-chart.png)')")
    until(page, "(document.querySelector('#preview img') || {}).naturalWidth === 640")
    shot(page, "media-editor")
    with page.expect_navigation():
        page.locator("form[data-editor] button[type=submit]").first.click()
    page.goto(f"/admin/courses/{course.id}/files")
    shot(page, "media-files-1280")
    page.set_viewport_size({"width": 360, "height": 800})
    assert not scrolls_sideways(page)
    shot(page, "media-files-360")
    page.set_viewport_size({"width": 1280, "height": 800})

    page.goto("/courses/c/one")
    until(page, "document.querySelector('.qc-prose img').naturalWidth === 640")
    page.evaluate("scrollTo(0, 3000)")
    with page.expect_response("**/place") as told:
        page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert told.value.status == 204
    with site_db.session() as session:
        kept = session.scalars(select(Progress)).one()
        assert 100 < kept.text_at < 1000
        assert session.scalars(select(Lesson)).one().body_md.startswith("![my-chart](my-chart.png)")
    page.goto("/courses/c/one")
    until(page, "scrollY > 1000")
    shot(page, "media-resume")
    page.locator("[data-from-start]").click()
    until(page, "scrollY === 0")
