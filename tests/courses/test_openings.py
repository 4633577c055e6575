"""When lessons open, drafts of lessons, and their versions: what the pages say of it and who may see it."""

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub.courses import services_lessons
from qunclub.courses.models import Lesson, LessonVersion, Progress
from qunclub.kernel import Access, Actor, Forbidden, NotFound, Stale
from tests.support.pages import in_language, post, sign_in, text_of

OPEN = Access(True, "pass")


@pytest.fixture
def course(make):
    made = make.course(slug="c", title="Course")
    make.lesson(made, slug="one", title="First", body_md="ONE")
    make.lesson(made, slug="two", title="Second", body_md="TWO")
    return made


@pytest.fixture
def reader(make, client, course):
    account, member = make.person()
    make.pass_(make.plan(courses=[course]), member)
    in_language(sign_in(client, account), "en")
    return member


@pytest.fixture
def admin(app, make):
    return in_language(sign_in(app.test_client(), make.account(roles=("admin",))), "en")


def lesson_of(site_db, slug):
    with site_db.session() as session:
        return session.scalars(select(Lesson).where(Lesson.slug == slug)).one()


def edit(admin, site_db, slug, **values):
    lesson = lesson_of(site_db, slug)
    form = {"title": lesson.title, "slug": slug, "body_md": lesson.body_md, "state": lesson.state,
            "version": str(lesson.version), **values}  # fmt: skip
    return post(admin, f"/admin/courses/lessons/{lesson.id}", form)


def test_a_lesson_of_a_later_day_says_the_day(client, reader, admin, site_db, clock):
    opens = clock() + dt.timedelta(days=3)
    local = opens.astimezone(dt.timezone(dt.timedelta(hours=8)))
    assert edit(admin, site_db, "two", opens_at=f"{local:%Y-%m-%dT%H:%M}").status_code == 303
    # Typed in the club's zone, kept in UTC, shown again as it was typed.
    assert lesson_of(site_db, "two").opens_at == opens.replace(second=0, microsecond=0)
    assert f"{local:%Y-%m-%dT%H:%M}" in text_of(
        admin.get(f"/admin/courses/lessons/{lesson_of(site_db, 'two').id}")
    )
    closed = client.get("/courses/c/two")
    assert closed.status_code == 403
    assert "This lesson opens on" in text_of(closed) and "TWO" not in text_of(closed)
    assert post(client, "/courses/c/two/done").status_code == 403
    assert "这个课时将在" in text_of(in_language(client, "zh").get("/courses/c/two"))
    # Staff sees what is coming.
    assert "TWO" in text_of(admin.get("/courses/c/two"))
    in_language(client, "en")
    post(client, "/courses/c/one/done")
    assert "The next lesson opens on" in text_of(client.get("/courses/c"))
    clock.advance(days=3, minutes=1)
    assert "TWO" in text_of(client.get("/courses/c/two"))


def test_days_count_from_the_day_the_pass_began(client, reader, admin, site_db, clock):
    edit(admin, site_db, "two", opens_after_days="7")
    clock.advance(days=6)
    assert client.get("/courses/c/two").status_code == 403
    clock.advance(days=1, minutes=1)
    assert client.get("/courses/c/two").status_code == 200


def test_an_ordered_course_opens_one_lesson_after_the_other(client, reader, admin, course):
    form = {"title": "Course", "slug": "c", "version": "1", "ordered": "y"}
    assert post(admin, f"/admin/courses/{course.id}", form).status_code == 303
    assert "Each lesson opens when" in text_of(client.get("/courses/c"))
    closed = client.get("/courses/c/two")
    assert closed.status_code == 403 and "/courses/c/one" in text_of(closed) and "TWO" not in text_of(closed)
    assert post(client, "/courses/c/two/done").status_code == 403
    assert post(client, "/courses/c/one/done").location.endswith("/courses/c/two")
    assert client.get("/courses/c/two").status_code == 200


def test_a_draft_lesson_is_for_staff(client, reader, admin, site_db):
    edit(admin, site_db, "two", state="draft")
    assert client.get("/courses/c/two").status_code == 404
    assert "Second" not in text_of(client.get("/courses/c"))
    assert "1 lesson" in text_of(client.get("/courses"))
    assert "Second" in text_of(admin.get("/courses/c"))
    assert post(client, "/courses/c/two/done").status_code == 404


def test_a_lesson_not_yet_open_cannot_be_done_behind_the_pages_back(session, make, now):
    made = make.course()
    later = make.lesson(made)
    later.opens_at = now + dt.timedelta(days=1)
    member = make.member()
    session.flush()
    with pytest.raises(Forbidden, match="not open yet"):
        services_complete(session, member, later, now)
    later.opens_at, later.state = None, "draft"
    session.flush()
    with pytest.raises(Forbidden):
        services_complete(session, member, later, now)
    assert session.scalars(select(Progress)).all() == []


def services_complete(session, member, lesson, now):
    from qunclub import courses

    courses.complete_lesson(
        session, member_id=member.id, lesson_id=lesson.id, access=OPEN, now=now, actor=Actor.system("x")
    )


@pytest.mark.parametrize(
    ("field", "value"), [("opens_after_days", "-1"), ("opens_after_days", "99999"), ("opens_at", "tomorrow")]
)
def test_what_cannot_be_taken_is_named_and_kept(admin, site_db, course, field, value):
    answer = edit(admin, site_db, "two", **{field: value, "body_md": "TYPED"})
    assert answer.status_code == 422 and "TYPED" in text_of(answer)
    assert lesson_of(site_db, "two").body_md == "TWO"


def test_every_saved_text_stays_as_a_version_that_can_come_back(admin, site_db, course):
    path = f"/admin/courses/lessons/{lesson_of(site_db, 'two').id}/versions"
    assert "No earlier versions yet" in text_of(admin.get(path))
    edit(admin, site_db, "two", body_md="TWO\nand more")
    edit(admin, site_db, "two", body_md="something else")
    page = text_of(admin.get(f"{path}?number=1"))
    assert "TWO" in page and "something else" in page and "Version 1" in page
    version = lesson_of(site_db, "two").version
    assert post(admin, f"{path}/1/restore", {"version": str(version)}).status_code == 303
    assert lesson_of(site_db, "two").body_md == "TWO"
    with site_db.session() as session:
        kept = session.scalars(select(LessonVersion).order_by(LessonVersion.number)).all()
    assert [one.body_md for one in kept] == ["TWO", "TWO\nand more", "something else"]
    assert admin.get(f"{path}?number=99").status_code == 404
    # Somebody saved meanwhile: nothing is put over it.
    assert post(admin, f"{path}/2/restore", {"version": str(version)}).status_code == 303
    assert lesson_of(site_db, "two").body_md == "TWO"


def test_a_save_without_new_words_makes_no_version(admin, site_db, course):
    edit(admin, site_db, "two", minutes="33")
    with site_db.session() as session:
        assert session.scalars(select(LessonVersion)).all() == []


@pytest.mark.parametrize("roles", [(), ("instructor",), ("host",)])
def test_versions_are_for_admins(app, make, course, site_db, roles):
    client = sign_in(app.test_client(), make.account(roles=roles))
    path = f"/admin/courses/lessons/{lesson_of(site_db, 'two').id}/versions"
    assert client.get(path).status_code == 403
    assert post(client, f"{path}/1/restore", {"version": "1"}).status_code == 403


def test_restoring_what_is_not_there_or_stale(session, make, now):
    lesson = make.lesson(make.course())
    actor = Actor.system("x")
    with pytest.raises(NotFound):
        services_lessons.restore(session, lesson_id=lesson.id, number=1, version=1, now=now, actor=actor)
    draft = services_lessons.LessonDraft(lesson.slug, "New", body_md="new")
    services_lessons.save(session, lesson_id=lesson.id, version=1, draft=draft, now=now, actor=actor)
    with pytest.raises(Stale):
        services_lessons.restore(session, lesson_id=lesson.id, number=1, version=1, now=now, actor=actor)
    back = services_lessons.restore(session, lesson_id=lesson.id, number=1, version=2, now=now, actor=actor)
    assert back.title != "New" and back.version == 3
