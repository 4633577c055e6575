"""The club's home: what a stranger, a member, an instructor and an admin find there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask.testing import FlaskClient

from qunclub import groups, homework, points
from qunclub.home.queries import PROFILE
from qunclub.kernel import Actor, store
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

COVENANT = "# Rules\n\nBe kind."


def a_club(make: Make, db: Db, *, size: int = 1) -> dict[str, Any]:
    """A shelf, courses with lessons, homework, a group, a season with a ranking."""
    made: dict[str, Any] = {"courses": [], "plans": [], "assignments": []}
    with db.uow() as session:
        points.ensure_rules(session, now=make.now)
        points.open_window(session, key=points.ALL_TIME, starts_at=None, ends_at=None)
    made["line"] = make.group_line(name="Learners", capacities=(50,), covenant_md=COVENANT)
    for index in range(size):
        course = make.course(title=f"Course {index}")
        made["courses"].append(course)
        for n in range(3):
            make.lesson(course, title=f"Lesson {index}-{n}", is_preview=n == 0)
        due = make.now + dt.timedelta(days=10 + index)
        made["assignments"].append(make.assignment(course=course, title=f"Work {index}", due_at=due))
        made["plans"].append(make.plan(title=f"Pass {index}", courses=[course], line=made["line"]))
    made["season"] = make.season(name="Spring", seats=2)
    return made


def a_member(make: Make, client: FlaskClient, club: dict[str, Any], **values: Any) -> Any:
    account, member = make.person(**{"name": "Lin", "nickname": "小林", "city": "上海", **values})
    for plan in club["plans"]:
        make.pass_(plan, member)
    sign_in(client, account)
    return member


def accept(make: Make, db: Db, club: dict[str, Any], member: Any) -> None:
    with db.uow() as session:
        groups.accept_covenant(session, member_id=member.id, line_id=club["line"].id, version=1, now=make.now)


def test_a_stranger_meets_the_club(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    make.featured(assignment=club["assignments"][0], consented=True)
    make.featured(assignment=club["assignments"][0])
    with site_db.uow() as session:
        words = {
            "tagline": {"zh": "一句话", "en": "One sentence"},
            "about": {"zh": "## 规矩", "en": "## Rules"},
        }
        store.set_value(session, PROFILE, words)
    page = text_of(in_language(client, "en").get("/"))
    assert "One sentence" in page and "Rules</h2>" in page
    assert "Pass 0" in page and "199.00" in page
    assert "Lesson 0-0" in page, "the free preview"
    assert "Lesson 0-1" not in page
    assert page.count('class="qc-work"') == 1, "only work whose author consents"
    assert 'href="/groups"' in page
    page = text_of(in_language(client, "zh").get("/"))
    assert "一句话" in page and "免费试看" in page


def test_an_empty_club_is_a_page_too(client: FlaskClient) -> None:
    for code in ("zh", "en"):
        answer = in_language(client, code).get("/")
        assert answer.status_code == 200
        assert text_of(answer).count("<h1") == 1


def test_the_front_page_can_be_shared(client: FlaskClient) -> None:
    page = text_of(client.get("/"))
    for name in ("og:title", "og:description", "og:image", "og:url"):
        assert f'property="{name}"' in page


def test_a_new_account_is_led_to_the_passes(client: FlaskClient, make: Make, site_db: Db) -> None:
    a_club(make, site_db)
    sign_in(client, make.account())
    page = text_of(in_language(client, "en").get("/"))
    assert "Choose your pass" in page
    assert "Pass 0" in page


def test_an_unpaid_order_comes_first(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    account, member = make.person()
    order = make.order(club["plans"][0], member)
    sign_in(client, account)
    page = text_of(in_language(client, "en").get("/"))
    assert "Finish your order: Pass 0" in page
    assert f'href="/checkout/{order.code}"' in page


def test_a_members_home(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    member = a_member(make, client, club)
    page = text_of(in_language(client, "en").get("/"))
    assert "小林" in page and f"No. {member.number or 1}" in page.replace("No.</span> ", "No. ").replace(
        '<span class="qc-number-card__digits">', ""
    )
    assert "Accept the covenant of your group" in page
    accept(make, site_db, club, member)
    page = text_of(client.get("/"))
    assert "Read on: Lesson 0-0" in page
    assert "earns 2 points" in page
    assert "Course 0" in page and "0 / 3" in page
    assert "Work 0" in page and "to do" in page
    assert "Learners" in page and "The way in is open" in page
    assert "Spring" in page
    page = text_of(in_language(client, "zh").get("/"))
    for words in ("我的课程", "我的作业", "我的排名", "我的群", "下一步", "继续学：Lesson 0-0"):
        assert words in page


def test_a_lesson_of_the_course_read_last_goes_on(client: FlaskClient, make: Make, site_db: Db) -> None:
    from qunclub import courses
    from qunclub.courses.models import Lesson

    club = a_club(make, site_db, size=2)
    member = a_member(make, client, club)
    accept(make, site_db, club, member)
    with site_db.uow() as session:
        first = (
            session.query(Lesson).filter_by(course_id=club["courses"][1].id).order_by(Lesson.position).first()
        )
        assert first is not None
        courses.open_lesson(session, member_id=member.id, lesson_id=first.id, now=make.now)
    assert "Read on: Lesson 1-0" in text_of(in_language(client, "en").get("/"))


def test_returned_homework_goes_before_lessons(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    member = a_member(make, client, club)
    accept(make, site_db, club, member)
    row = make.submission(club["assignments"][0], member=member)
    with site_db.uow() as session:
        homework.review(
            session, submission_id=row.id, version=row.version, verdict="return", scores={},
            comment_md="More.", score=30, actor=Actor.system("test"), now=make.now,
        )  # fmt: skip
    page = text_of(in_language(client, "en").get("/"))
    assert "Improve and hand in again: Work 0" in page
    assert "earns up to 100 points" in page


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (0, "31</span> more points and you would rise into the core group"),
        (35, "You would rise into the core group now.</span>"),
        (55, "You would rise into the core group now, 15 points over the line."),
    ],
)
def test_the_distance_to_the_line(client: FlaskClient, make: Make, site_db: Db, more: int, said: str) -> None:
    """Two seats are free; the members at the line have 50 and 40 points, and a pass alone earns ten."""
    club = a_club(make, site_db)
    make.ranking([50, 40, 30], first_number=500)
    member = a_member(make, client, club, number=7)
    if more:
        make.earn(member, more)
    page = text_of(in_language(client, "en").get("/"))
    assert said in page


def test_the_number_of_statements_does_not_grow(client: FlaskClient, make: Make, site_db: Db) -> None:
    """A member's home costs the same with one course and with eight, with one point line and with forty."""
    club = a_club(make, site_db)
    member = a_member(make, client, club)
    accept(make, site_db, club, member)
    make.ranking([5], first_number=900)
    client.get("/")
    with count_statements(site_db.engine) as few:
        assert client.get("/").status_code == 200
    for index in range(7):
        course = make.course(title=f"More {index}")
        for _ in range(4):
            make.lesson(course)
        make.submission(make.assignment(course=course, title=f"More work {index}"), member=member)
        make.pass_(make.plan(courses=[course], line=club["line"]), member)
    make.ranking(list(range(1, 40)), first_number=1000)
    with count_statements(site_db.engine) as many:
        assert client.get("/").status_code == 200
    assert many.count == few.count, many
    assert many.count <= 40, many


def test_a_strangers_home_costs_the_same_at_any_size(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    make.featured(assignment=club["assignments"][0], consented=True)
    client.get("/")
    with count_statements(site_db.engine) as few:
        client.get("/")
    for index in range(6):
        course = make.course(title=f"More {index}")
        make.lesson(course, is_preview=True)
        make.plan(courses=[course], line=club["line"], tier=make.tier())
        make.featured(assignment=make.assignment(course=course), consented=True)
    with count_statements(site_db.engine) as many:
        client.get("/")
    assert many.count == few.count, many


def test_an_instructor_sees_the_desk(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    for index in range(3):
        make.submission(club["assignments"][0], at=make.now - dt.timedelta(days=index * 2))
    sign_in(client, make.account(roles=("instructor",)))
    page = text_of(in_language(client, "en").get("/"))
    assert 'href="/desk"' in page and "Waiting for too long" in page
    assert "For admins" not in page


def test_an_admin_sees_what_needs_a_hand(client: FlaskClient, make: Make, site_db: Db) -> None:
    a_club(make, site_db)
    sign_in(client, make.account(roles=("admin",)))
    page = text_of(in_language(client, "en").get("/"))
    for words in ("For admins", "Orders in need of a hand", "Reviews overdue", "Spring", "Learners"):
        assert words in page
    assert 'href="/admin/doctor?run=1"' in page


def test_a_suspended_member_is_told(client: FlaskClient, make: Make, site_db: Db) -> None:
    club = a_club(make, site_db)
    a_member(make, client, club, suspended_at=make.now, suspend_reason="Sold seats.")
    page = text_of(in_language(client, "en").get("/"))
    assert "Your membership is suspended" in page
    page = text_of(client.get("/me"))
    assert "Sold seats." in page


def test_who_is_not_confirmed_is_reminded(client: FlaskClient, make: Make, site_db: Db) -> None:
    account = make.account()
    sign_in(client, account)
    assert "Please confirm" not in text_of(in_language(client, "en").get("/"))
    with site_db.uow() as session:
        session.get_one(type(account), account.id).verified_at = None
    assert "Please confirm your e-mail address" in text_of(client.get("/"))
    assert "Please confirm your e-mail address" in text_of(client.get("/me"))
