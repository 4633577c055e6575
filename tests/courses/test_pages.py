"""The catalogue, a course's home, a lesson, and the editor, in a browser's words."""

import pytest

from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def course(make):
    """A course with a free preview and a locked lesson."""
    made = make.course(slug="one-page", title="从零到一页")
    make.lesson(made, slug="first", title="一句话", is_preview=True, body_md="PREVIEW TEXT")
    make.lesson(made, slug="second", title="对齐", body_md="PAID TEXT")
    return made


@pytest.fixture
def plan(make, course):
    return make.plan(slug="basic", courses=[course])


@pytest.fixture
def reader(make, course, plan):
    """A member with a pass of the course."""
    account, member = make.person()
    make.pass_(plan, member)
    return account


def test_a_visitor_sees_the_catalogue_in_both_languages(client, course, plan):
    english = text_of(in_language(client, "en").get("/courses"))
    assert "从零到一页" in english and "Opens with a pass" in english and "2 lessons" in english
    chinese = text_of(in_language(client, "zh").get("/courses"))
    assert "凭通行证解锁" in chinese and "2 课时" in chinese


def test_an_empty_catalogue_says_what_to_do(client):
    page = text_of(in_language(client, "en").get("/courses"))
    assert "No courses yet" in page and "/passes" in page


def test_a_visitor_reads_the_preview_and_is_told_what_opens_the_rest(client, course, plan):
    in_language(client, "en")
    assert "PREVIEW TEXT" in text_of(client.get("/courses/one-page/first"))
    locked = client.get("/courses/one-page/second")
    assert locked.status_code == 403
    page = text_of(locked)
    assert "PAID TEXT" not in page and "/passes/basic" in page and "Sign in to go on" in page


def test_a_draft_is_for_staff(client, make):
    make.course(slug="draft", title="Hidden", state="draft")
    assert client.get("/courses/draft").status_code == 404
    assert "Hidden" not in text_of(client.get("/courses"))
    sign_in(client, make.account(roles=("instructor",)))
    assert "Hidden" in text_of(client.get("/courses/draft"))


def test_a_reader_goes_from_lesson_to_lesson_and_earns(client, make, course, reader):
    sign_in(in_language(client, "en"), reader)
    in_language(client, "en")
    home = text_of(client.get("/courses/one-page"))
    assert "Start reading" in home and "/courses/one-page/first" in home
    assert "PAID TEXT" in text_of(client.get("/courses/one-page/second"))
    answer = post(client, "/courses/one-page/first/done")
    assert (answer.status_code, answer.location) == (303, "/courses/one-page/second")
    assert "points earned" in text_of(client.get("/courses/one-page/second"))
    answer = post(client, "/courses/one-page/second/done")
    assert answer.location == "/courses/one-page"
    page = text_of(client.get("/courses/one-page"))
    assert "last lesson" in page and "You have finished every lesson" in page


def test_a_stranger_cannot_mark_a_lesson(client, course):
    assert "/sign-in" in post(client, "/courses/one-page/first/done").location


def test_who_holds_no_pass_cannot_mark_a_lesson(client, make, course):
    sign_in(client, make.account())
    assert post(client, "/courses/one-page/first/done").status_code == 403


@pytest.mark.parametrize("path", ["/courses/nothing", "/courses/one-page/nothing"])
def test_what_is_not_there(client, course, path):
    assert client.get(path).status_code == 404


def test_pages_cost_the_same_however_many_courses(client, make, site_db, course, plan, reader):
    sign_in(client, reader)

    def statements():
        counts = []
        for path in ("/courses", "/courses/one-page", "/courses/one-page/second"):
            client.get(path)
            with count_statements(site_db.engine) as seen:
                client.get(path)
            counts.append(seen.count)
        return counts

    before = statements()
    for _ in range(5):
        more = make.course()
        make.plan(courses=[more])
        make.lesson(course)
        make.assignment(course=course)
    assert statements() == before
    assert max(before) <= 9


# ---- the editor


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


@pytest.mark.parametrize("roles", [(), ("instructor",), ("host",)])
def test_the_editor_is_for_admins(client, make, course, roles):
    sign_in(client, make.account(roles=roles))
    for path in ("/admin/courses", "/admin/courses/new", f"/admin/courses/{course.id}"):
        assert client.get(path).status_code == 403


def test_an_admin_writes_a_course_and_publishes_it(admin):
    answer = post(admin, "/admin/courses/new", {"title": "New", "slug": "new", "description_md": "Hello"})
    assert answer.status_code == 303
    edit = answer.location
    assert "kept as a draft" in text_of(admin.get(edit))
    lesson = {"title": "One", "slug": "one", "body_md": "# Hi", "minutes": "5", "is_preview": "y"}
    assert post(admin, f"{edit}/lessons/new", lesson).status_code == 303
    assert post(admin, f"{edit}/state/published").status_code == 303
    assert "Hi" in text_of(admin.get("/courses/new/one"))
    assert "One" in text_of(admin.get(edit))
    assert "New" in text_of(admin.get("/admin/courses?q=New"))
    assert "No course found" in text_of(admin.get("/admin/courses?q=zzz"))


def test_a_preview_needs_no_javascript_and_saves_nothing(admin, course):
    path = f"/admin/courses/{course.id}"
    page = text_of(
        post(admin, path, {"title": "X", "description_md": "**bold**", "preview": "1", "version": "1"})
    )
    assert "<strong>bold</strong>" in page
    assert "从零到一页" in text_of(admin.get("/courses/one-page"))
    fragment = post(admin, "/admin/courses/preview", {"body_md": "<script>x</script>ok"}, htmx=True)
    assert "<script>" not in text_of(fragment) and "ok" in text_of(fragment)


def test_a_stale_save_shows_both_texts(admin, course):
    path = f"/admin/courses/{course.id}"
    form = {"title": "A", "slug": "one-page", "description_md": "FIRST", "version": "1"}
    assert post(admin, path, form).status_code == 303
    answer = post(admin, path, {**form, "description_md": "SECOND"})
    page = text_of(answer)
    assert answer.status_code == 409 and "FIRST" in page and "SECOND" in page
    assert post(admin, path, {**form, "description_md": "BOTH", "version": "2"}).status_code == 303


def test_a_stale_lesson_shows_both_texts(admin, make, course):
    lesson = make.lesson(course, slug="third")
    path = f"/admin/courses/lessons/{lesson.id}"
    form = {"title": "A", "slug": "third", "body_md": "FIRST", "version": "1"}
    assert post(admin, path, form).status_code == 303
    answer = post(admin, path, {**form, "body_md": "SECOND"})
    page = text_of(answer)
    assert answer.status_code == 409 and "FIRST" in page and "SECOND" in page


def test_a_wrong_field_is_named_and_what_was_typed_is_kept(admin, course):
    answer = post(admin, "/admin/courses/new", {"title": "New", "slug": "one-page", "summary": "KEPT"})
    page = text_of(answer)
    assert answer.status_code == 422 and "has this address already" in page and "KEPT" in page


def test_order_is_changed_by_buttons(admin, make, course):
    lesson = make.lesson(course, slug="third", title="Third")
    assert post(admin, f"/admin/courses/lessons/{lesson.id}/move/up").status_code == 303
    other = make.course(title="Other")
    assert post(admin, f"/admin/courses/{other.id}/move/up").status_code == 303
    page = text_of(admin.get("/admin/courses"))
    assert page.index("Other") < page.index("从零到一页")
    assert post(admin, f"/admin/courses/{other.id}/move/sideways").status_code == 404
