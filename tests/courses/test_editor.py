"""The editor: order of lessons, live preview, drafts that the browser keeps; with scripts and without."""

import pytest
from sqlalchemy import select

from qunclub import courses
from qunclub.courses.models import Course, Lesson
from qunclub.kernel import Stale
from qunclub.kernel.store import AuditEntry
from tests.support.concurrency import concurrently, failed
from tests.support.pages import in_language, post, sign_in, text_of


def order_of(session, course):
    query = select(Lesson.slug).where(Lesson.course_id == course.id).order_by(Lesson.position, Lesson.id)
    return "".join(session.scalars(query))


@pytest.fixture
def course(make):
    made = make.course(slug="one-page", title="从零到一页")
    for letter in "abc":
        make.lesson(made, slug=letter, title=letter.upper())
    return made


def test_the_whole_order_or_none(session, make, course, now):
    admin = make.actor(roles=("admin",))
    ids = dict(session.execute(select(Lesson.slug, Lesson.id)).all())
    other = make.lesson(make.course())

    def put(*order):
        courses.order_lessons(session, course_id=course.id, order=order, now=now, actor=admin)

    put(ids["c"], ids["a"], ids["b"])
    assert order_of(session, course) == "cab"
    for wrong in (
        (ids["a"], ids["b"]),
        (ids["a"], ids["b"], ids["b"]),
        (ids["a"], ids["b"], other.id),
        (*ids.values(), other.id),
        (),
    ):
        with pytest.raises(Stale):
            put(*wrong)
    assert order_of(session, course) == "cab"
    put(ids["c"], ids["a"], ids["b"])
    acts = session.scalars(select(AuditEntry.action).where(AuditEntry.action == "lesson.order")).all()
    assert len(acts) == 1


def test_orders_at_once_leave_one_of_them(db, make, course, now):
    admin = make.actor(roles=("admin",))
    with db.session() as session:
        ids = list(session.scalars(select(Lesson.id).where(Lesson.course_id == course.id)))
    wanted = [ids, ids[::-1], [ids[1], ids[2], ids[0]]]

    def put(session, index):
        courses.order_lessons(session, course_id=course.id, order=wanted[index % 3], now=now, actor=admin)

    outcomes = concurrently(db, 9, put, retry=True)
    assert not failed(outcomes)
    with db.session() as session:
        found = session.execute(select(Lesson.position, Lesson.id).order_by(Lesson.position)).all()
    assert [row[0] for row in found] == [1, 2, 3] and [row[1] for row in found] in wanted


def test_the_order_is_posted_whole(client, site_db, make, course):
    path = f"/admin/courses/{course.id}/lessons/order"
    sign_in(client, make.account(roles=("instructor",)))
    assert post(client, path, {"lesson": ["3", "1", "2"]}).status_code == 403
    sign_in(client, make.account(roles=("admin",)))
    assert post(client, path, {"lesson": ["3", "1", "2"]}).status_code == 204
    with site_db.session() as session:
        assert order_of(session, course) == "cab"
    assert post(client, path, {"lesson": ["3", "1"]}).status_code == 409
    assert post(client, path, {"lesson": ["x"]}).status_code == 409


def test_without_scripts_the_same_button_has_the_focus_after_a_move(client, make, course):
    sign_in(client, make.account(roles=("admin",)))
    moved = post(client, "/admin/courses/lessons/3/move/up")
    page = text_of(client.get(moved.location))
    assert page.count("autofocus") == 1
    assert "move/up" in page[: page.index("autofocus")].rpartition("<form")[2]


def test_the_preview_shows_what_is_there_and_what_is_typed(client, make, course):
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    page = text_of(client.get("/admin/courses/lessons/1"))
    assert 'hx-trigger="input delay:500ms"' in page and "<em>text</em>" in page and "js/editor.js" in page
    fragment = post(client, "/admin/courses/preview", {"body_md": "**now**"}, htmx=True)
    assert "<strong>now</strong>" in text_of(fragment) and "<html" not in text_of(fragment)


def test_the_certificate_is_switched_on_in_the_editor(client, site_db, make, course):
    sign_in(client, make.account(roles=("admin",)))
    values = {"title": "T", "slug": "one-page", "certificate": "y", "version": "1"}
    assert post(client, f"/admin/courses/{course.id}", values).status_code == 303
    with site_db.session() as session:
        assert session.get_one(Course, course.id).certificate


@pytest.fixture
def editor(live, page_factory, make, course):
    """A browser in which an admin is signed in."""
    make.person(email="admin@example.com", password="a long enough password", roles=("admin",))
    page = page_factory(1280)
    page.goto("/account/sign-in")
    page.fill("input[name=email]", "admin@example.com")
    page.fill("input[name=password]", "a long enough password")
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    return page


def test_in_a_browser_lessons_are_dragged_and_moved_by_keyboard(editor, site_db, course):
    editor.goto(f"/admin/courses/{course.id}")
    with editor.expect_response("**/lessons/order"):
        editor.locator("tr[data-title=C] [data-grip]").drag_to(
            editor.locator("tr[data-title=A]"), target_position={"x": 40, "y": 4}
        )
    with site_db.session() as session:
        assert order_of(session, course) == "cab"
    button = editor.locator("tr[data-title=C] form[data-move=down] button")
    button.focus()
    with editor.expect_response("**/lessons/order"):
        editor.keyboard.press("Enter")
    assert editor.evaluate("document.activeElement.closest('tr').dataset.title") == "C"
    editor.wait_for_function("document.querySelector('[data-order-said]').textContent.includes('2')")
    with site_db.session() as session:
        assert order_of(session, course) == "acb"


def test_in_a_browser_the_preview_follows_and_the_draft_comes_back(editor, course):
    path = "/admin/courses/lessons/1"
    editor.goto(path)
    editor.fill("#body_md", "A **bold** word")
    editor.wait_for_selector("#preview strong")
    editor.evaluate("window.onbeforeunload = null")
    editor.goto("/admin/courses")
    editor.goto(path)
    assert editor.input_value("#body_md") == "A **bold** word"
    editor.wait_for_selector("#preview strong")
    editor.locator(".qc-notice button", has_text="保存").or_(
        editor.locator(".qc-notice button", has_text="saved text")
    ).click()
    assert editor.input_value("#body_md") == "Some *text*."
    editor.goto(path)
    assert editor.input_value("#body_md") == "Some *text*."


def test_in_a_browser_a_draft_from_an_older_text_is_offered(editor, site_db, course):
    path = "/admin/courses/lessons/1"
    editor.goto(path)
    editor.fill("#body_md", "mine")
    editor.goto("/admin/courses")
    with site_db.uow() as session:
        session.get_one(Lesson, 1).body_md = "theirs"
    editor.goto(path)
    assert editor.input_value("#body_md") == "theirs"
    editor.locator(".qc-notice button").first.click()
    assert editor.input_value("#body_md") == "mine"
