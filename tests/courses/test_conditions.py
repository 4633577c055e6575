"""What a course asks beside a pass: the admin's form, its folder, what pages say, and that every door agrees."""

import datetime as dt
from typing import Any, cast

import pytest
from sqlalchemy import func, select, update

from qunclub.courses import doctor_conditions, services_conditions
from qunclub.courses.folder import Broken, read, write
from qunclub.courses.models import Course
from qunclub.courses.models_access import CourseCondition
from qunclub.courses.rules_conditions import Asks
from qunclub.courses.services_conditions import Books
from qunclub.courses.services_folder import bring_in, export
from qunclub.groups import book as group_book
from qunclub.kernel import Actor, Invalid
from qunclub.kernel.store import AuditEntry
from qunclub.seasons import book as season_book
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

BOOKS = Books(cast(Any, group_book), cast(Any, season_book))
SYSTEM = Actor.system("test")
LESSON = '+++\nslug = "one"\ntitle = "One"\n+++\n\nText.\n'


@pytest.fixture
def course(make):
    made = make.course(slug="c", title="Course")
    make.lesson(made, slug="one", title="First", body_md="ONE")
    return made


@pytest.fixture
def club(make):
    """A tier, a group and a season to name."""
    make.tier(code="diehard", name="铁杆", rank=20)
    make.group_line(slug="readers", name="Readers")
    return make.season(slug="spring", name="Spring", starts_at=make.now + dt.timedelta(days=5))


@pytest.fixture
def admin(app, make):
    return in_language(sign_in(app.test_client(), make.account(roles=("admin",))), "en")


def save(admin, site_db, course, **values):
    with site_db.session() as session:
        version = session.get(Course, course.id).version
    form = {"title": "Course", "slug": "c", "description_md": "D", "version": str(version), **values}
    return post(admin, f"/admin/courses/{course.id}", form)


def kept(site_db, course):
    with site_db.session() as session:
        return services_conditions.asks_of(session, course.id, BOOKS)


def test_an_admin_says_who_may_enter_and_when(admin, site_db, course, club):
    said = {
        "tier": "diehard", "groups": ["readers-1"], "roles": ["core", "host"], "season": "spring",
        "season_window": "during",
    }  # fmt: skip
    assert save(admin, site_db, course, **said).status_code == 303
    whole = Asks("diehard", ("readers-1",), ("host", "core"), "spring", "during")
    assert kept(site_db, course) == whole
    page = text_of(admin.get(f"/admin/courses/{course.id}"))
    for chosen in (
        'checked class="form-check-input" id="groups-0"',
        'selected value="diehard"',
        'selected value="spring"',
    ):
        assert chosen in page, chosen
    # The same again is no change, another form takes it back.
    assert save(admin, site_db, course, **said).status_code == 303
    with site_db.session() as session:
        acts = session.scalar(
            select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "course.conditions")
        )
    assert acts == 1
    assert save(admin, site_db, course).status_code == 303
    assert kept(site_db, course) == Asks()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tier": "gone"}, "There is no tier gone in this club."),
        ({"groups": ["gone-1"]}, "There is no group gone-1 in this club."),
        ({"roles": ["king"]}, "There is no role king here"),
        ({"season": "gone"}, "There is no season gone in this club."),
        ({"season": "spring", "season_window": "never"}, "from its start, or only during it"),
        ({"season": "winter", "season_window": "during"}, "Winter has ended"),
    ],
)
def test_what_cannot_be_keeps_the_form_and_changes_nothing(admin, site_db, course, club, make, values, words):
    make.season(slug="winter", name="Winter", starts_at=make.now - dt.timedelta(days=90))
    answer = save(admin, site_db, course, title="Typed", **values)
    assert answer.status_code == 422
    assert words in text_of(answer) and 'value="Typed"' in text_of(answer)
    with site_db.session() as session:
        assert session.get(Course, course.id).title == "Course"
    assert kept(site_db, course) == Asks()


def test_a_course_may_keep_a_season_that_has_ended(admin, site_db, course, club, clock):
    said = {"season": "spring", "season_window": "during"}
    assert save(admin, site_db, course, **said).status_code == 303
    clock.advance(days=90)
    assert save(admin, site_db, course, title="New", **said).status_code == 303


def test_a_new_course_asks_at_once(admin, site_db, club):
    made = post(admin, "/admin/courses/new", {"title": "N", "slug": "n", "roles": ["core"]})
    assert made.status_code == 303
    with site_db.session() as session:
        course = session.scalars(select(Course).where(Course.slug == "n")).one()
    assert kept(site_db, course) == Asks(roles=("core",))
    refused = post(admin, "/admin/courses/new", {"title": "M", "slug": "m", "tier": "gone"})
    assert refused.status_code == 422
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(Course).where(Course.slug == "m")) == 0


def test_members_may_not_set_it(client, make, course):
    sign_in(client, make.account())
    assert post(client, f"/admin/courses/{course.id}", {"title": "x", "roles": ["host"]}).status_code == 403


def test_pages_say_each_way_and_the_day(client, make, course, club):
    make.plan(slug="p", title="Pass P", courses=[course], price=9_900)
    make.asks(
        course, tier="diehard", groups=("readers-1",), roles=("host", "core"), season="spring",
    )  # fmt: skip
    day = (club.starts_at + dt.timedelta(hours=8)).day
    for signed_in in (False, True):
        if signed_in:
            sign_in(client, make.account())
        in_language(client, "en")
        for path in ("/courses/c", "/courses/c/one"):
            page = text_of(client.get(path))
            for words in (
                "a pass (CN¥99",
                "tier 铁杆 and above",
                "a seat in Readers 1",
                "core members",
                "hosts of",
            ):
                assert words in page, (path, words)
            assert "with the season Spring" in page and str(day) in page
        card = text_of(client.get("/courses"))
        assert "a pass (CN¥99" in card and "a seat in Readers 1" in card and "with the season Spring" in card
    in_language(client, "zh")
    assert "铁杆" in text_of(client.get("/courses/c"))


def test_a_pass_says_before_it_is_bought_when_its_courses_open(client, make, course, club, clock):
    make.plan(slug="p", courses=[course])
    in_language(client, "en")
    assert "with the season" not in text_of(client.get("/passes/p"))
    make.asks(course, season="spring", season_window="during")
    assert "with the season Spring" in text_of(client.get("/passes/p"))
    clock.advance(days=60)
    assert "It was open during a season that has ended" in text_of(client.get("/passes/p"))


def test_a_draft_season_is_not_told(client, make, course):
    make.season(slug="secret", name="Secret", starts_at=make.now + dt.timedelta(days=5), opened=False)
    make.asks(course, season="secret")
    in_language(client, "en")
    for path in ("/courses", "/courses/c", "/courses/c/one"):
        page = text_of(client.get(path))
        assert "Secret" not in page and "not announced yet" in page


def test_a_season_that_is_over_offers_nothing(client, make, course, club, clock):
    make.plan(slug="p", courses=[course])
    make.asks(course, season="spring", season_window="during")
    clock.advance(days=60)
    in_language(client, "en")
    page = text_of(client.get("/courses/c"))
    assert "during Spring" in page and "/passes/p" not in page
    assert "Its season has ended" in text_of(client.get("/courses"))


def test_the_showcase_offers_no_pass_for_a_season_that_is_over(client, make, course, club, clock):
    make.plan(slug="p", title="Pass P", courses=[course])
    make.featured(assignment=make.assignment(course=course), consented=True)
    make.asks(course, season="spring", season_window="during")
    in_language(client, "en")
    assert "Pass P" in text_of(client.get("/showcase/1"))
    clock.advance(days=60)
    page = text_of(client.get("/showcase/1"))
    assert "Pass P" not in page and "No pass on sale opens it" in page


def test_every_door_agrees(client, site_db, make, course, clock):
    """A seat opens course, lesson, homework and home; without it each of them is closed again."""
    work = make.assignment(course=course)
    line = make.group_line(slug="readers")
    make.asks(course, groups=("readers-1",))
    account, member = make.person(number=True)
    seat = make.seat(line, member)
    in_language(sign_in(client, account), "en")
    hand_in = {"body_md": "My work, long enough to be read.", "draft_version": "0"}
    assert "ONE" in text_of(client.get("/courses/c/one"))
    assert post(client, "/courses/c/one/done").status_code == 303
    assert "/courses/c" in text_of(client.get("/"))
    assert post(client, f"/homework/{work.id}", hand_in).status_code == 303
    assert post(client, "/courses/c/one/place", {"text": "5"}).status_code in (200, 204)
    with site_db.uow() as session:
        from qunclub import groups

        groups.leave_seat(session, seat_id=seat.id, state="removed", reason="Spam", now=clock())
    assert client.get("/courses/c/one").status_code == 403
    assert post(client, "/courses/c/one/done").status_code == 403
    assert post(client, "/courses/c/one/place", {"text": "6"}).status_code == 403
    assert post(client, f"/homework/{work.id}/draft", hand_in).status_code == 403


def test_the_page_of_courses_costs_the_same_for_many(client, site_db, make, club):
    def visit():
        with count_statements(site_db.engine) as sent:
            assert client.get("/courses").status_code == 200
        return sent.count

    sign_in(client, make.account())
    asked = {"tier": "diehard", "groups": ("readers-1",), "roles": ("core",), "season": "spring"}
    for _ in range(2):
        make.asks(make.course(), **asked)
    visit()
    few = visit()
    for _ in range(5):
        make.asks(make.course(), **asked)
    assert visit() == few


def test_the_folder_keeps_it_exactly(session, make, club, tmp_path, now):
    whole = Asks("diehard", ("readers-1",), ("host", "core"), "spring", "during")
    (tmp_path / "course.toml").write_text(
        'slug = "d"\ntitle = "D"\ntier = "diehard"\ngroups = ["readers-1"]\nroles = ["host", "core"]\n'
        'season = "spring"\nseason_window = "during"\n'
    )
    (tmp_path / "01-one.md").write_text(LESSON)
    text = read(tmp_path)
    assert text.asks == whole
    bring_in(session, text, actor=SYSTEM, now=now, books=BOOKS)
    out = export(session, slug="d", books=BOOKS)
    assert out == text
    write(out, tmp_path / "out")
    again = read(tmp_path / "out")
    assert again == text
    write(again, tmp_path / "again")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [(tmp_path / "out" / one).read_bytes() for one in names] == [
        (tmp_path / "again" / one).read_bytes() for one in names
    ]
    with pytest.raises(LookupError):
        export(session, slug="d")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('tier = "gone"', r"course.toml:3: this club has no tier 'gone'; make the tier first"),
        ('groups = ["readers-1", "gone-1"]', r"course.toml:3: this club has no group 'gone-1'"),
        ('season = "gone"', r"course.toml:3: this club has no season 'gone'"),
        ('roles = ["king"]', r"course.toml:3: .*king.*write roles = "),
        ('roles = "core"', r"course.toml:3: roles has to be a list of texts in quotes; write roles = "),
        ("groups = [1]", r"course.toml:3: groups has to be a list"),
        ('season = "spring"\nseason_window = "never"', r"course.toml:4: .*write season_window = "),
    ],
)
def test_unknown_names_say_file_line_and_remedy(session, club, tmp_path, now, line, problem):
    (tmp_path / "course.toml").write_text(f'slug = "d"\ntitle = "D"\n{line}\n')
    (tmp_path / "01-one.md").write_text(LESSON)
    with pytest.raises(Broken, match=problem):
        bring_in(session, read(tmp_path), actor=SYSTEM, now=now, books=BOOKS)
    assert session.scalar(select(func.count()).select_from(Course)) == 0


def test_a_failed_change_leaves_what_was(session, make, course, club, now):
    make.asks(course, roles=("core",))
    with pytest.raises(Invalid):
        services_conditions.set_asks(
            session, course_id=course.id, asks=Asks(tier="gone"), books=BOOKS, now=now, actor=SYSTEM
        )
    assert services_conditions.asks_of(session, course.id, BOOKS) == Asks(roles=("core",))


def test_the_doctor_finds_what_nobody_understands(session, make, course, club):
    make.asks(course, roles=("core",), season="spring")
    assert doctor_conditions.check(session) == []
    session.execute(update(CourseCondition).where(CourseCondition.role == "core").values(role="king"))
    (found,) = doctor_conditions.check(session)
    assert found.promise == 9 and found.details == {"courses": [course.id]}
