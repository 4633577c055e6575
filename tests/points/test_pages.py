"""The ranking, my points, and the admin's ledger, as people see them."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import func, select

from qunclub import points
from qunclub.kernel import Actor
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


def test_a_stranger_signs_in_first_and_a_guest_learns_what_opens_the_ranking(client, make):
    assert "/sign-in" in client.get("/ranking").location
    in_language(sign_in(client, make.account()), "en")
    page = client.get("/ranking")
    assert page.status_code == 403 and "pass" in text_of(page)


def test_an_empty_ranking_says_how_points_are_earned(client, make):
    in_language(sign_in(client, make.account(number=True)), "en")
    page = text_of(client.get("/ranking"))
    assert "Nobody has points here yet" in page and "/me/points" in page


def test_the_ranking_shows_places_medals_and_me_in_both_languages(client, make):
    account, me = make.person(number=500, nickname="Me myself")
    make.ranking([90, 70, 70, 20])
    make.earn(me, 65)
    in_language(sign_in(client, account), "en")
    page = text_of(client.get("/ranking"))
    assert "Ranked 1" in page and page.count("bi-award-fill") == 3
    assert 'aria-current="true"' in page and "my place among 5" in page
    assert "65 points" in page and "5 points to the place above" in page
    chinese = text_of(in_language(client, "zh").get("/ranking"))
    assert "排行榜" in chinese and "距前一名差 5 分" in chinese


def test_season_and_all_time_are_two_rankings(client, make, now):
    account, me = make.person(number=500)
    make.window(starts_at=now - dt.timedelta(days=5), ends_at=now + dt.timedelta(days=5))
    make.earn(me, 7, at=now)
    make.earn(me, 100, at=now - dt.timedelta(days=50))
    in_language(sign_in(client, account), "en")
    season, whole = text_of(client.get("/ranking")), text_of(client.get("/ranking?window=all"))
    assert "7 points" in season and "107 points" in whole
    assert "This season" in season and "Points earned from" in season and "Points earned from" not in whole


def test_pages_go_on_and_back_and_find_me(client, make):
    account, me = make.person(number=900)
    make.ranking([200 - n for n in range(80)])
    make.earn(me, 155)
    in_language(sign_in(client, account), "en")
    first = client.get("/ranking")
    assert "Ranked 25" in text_of(first) and "Ranked 26" not in text_of(first)
    here = text_of(client.get("/ranking?at=me"))
    assert 'id="me"' in here and "Ranked 44" in here and 'rel="prev"' in here and 'rel="next"' in here
    second = text_of(client.get("/ranking?after=176.0.20260415.25"))
    assert "Ranked 26" in second and "Places 26 to 50" in second
    back = text_of(client.get("/ranking?before=175.0.20260415.26"))
    assert "Ranked 1<" in back or "Ranked 1 " in back
    assert client.get("/ranking?after=nonsense").status_code == 422


@pytest.mark.parametrize("path", ["/ranking", "/ranking?window=all", "/ranking?at=me", "/me/points"])
def test_a_page_costs_the_same_statements_at_any_size(client, make, now, site_db, path):
    account, me = make.person(number=5000)
    make.window(starts_at=now - dt.timedelta(days=5), ends_at=now + dt.timedelta(days=5))
    make.earn(me, 50)
    sign_in(client, account)
    counted = []
    for first, size in ((1, 3), (100, 200)):
        make.ranking([1 + n % 90 for n in range(size)], first_number=first)
        for n in range(size // 10):
            make.earn(me, 1, source=f"mine:{first}:{n}")
        client.get(path)
        with count_statements(site_db.engine) as seen:
            assert client.get(path).status_code == 200
        counted.append(seen.count)
    assert counted[0] == counted[1] <= 9, counted


def test_my_points_tell_why_and_what_was_taken_back(client, make, site_db, now):
    account, me = make.person(number=7)
    make.earn(me, 92, kind="homework_accepted", reason="Lesson 3: one page")
    wrong = make.earn(me, 15, reason="Helped out")
    with site_db.uow() as session:
        points.reverse(session, entry_id=wrong.id, reason="Somebody else helped", actor=ADMIN, now=now)
    in_language(sign_in(client, account), "en")
    page = text_of(client.get("/me/points"))
    assert "Homework accepted" in page and "Lesson 3: one page" in page and "+92" in page
    assert "Taken back:" in page and "Somebody else helped" in page and "-15" in page
    assert (
        "How points are earned" in page and "the score, up to 100, unless the homework says otherwise" in page
    )
    assert "by the club itself" in page and "rule, version 1" in page
    assert "我的积分" in text_of(in_language(client, "zh").get("/me/points"))


def test_without_points_my_page_says_where_they_come_from(client, make):
    in_language(sign_in(client, make.account()), "en")
    page = text_of(client.get("/me/points"))
    assert "No points yet" in page and "not ranked yet" not in page.split("qc-stats")[0]


@pytest.mark.parametrize("path", ["", "/lines.csv", "/give", "/rules", "/1/reverse"])
def test_the_ledger_is_for_admins(client, make, path):
    sign_in(client, make.account(number=True, roles=("instructor", "host")))
    assert client.get(f"/admin/points{path}").status_code == 403


def test_an_admin_finds_lines_and_exports_them(admin, make):
    ann, bob = make.member(number=11, name="Ann"), make.member(number=12, name="=Bob")
    make.earn(ann, 5, kind="homework_on_time")
    make.earn(bob, 20, kind="homework_featured", reason="Best of the week")
    page = text_of(admin.get("/admin/points"))
    assert "Ann" in page and "Best of the week" in page and "Take back" in page
    assert "by the club itself" in page and "rule, version 1" in page
    assert "Ann" not in text_of(admin.get("/admin/points?q=12"))
    assert "Ann" in text_of(admin.get("/admin/points?q=An"))
    assert "=Bob" not in text_of(admin.get("/admin/points?kind=homework_on_time"))
    assert "No such line" in text_of(admin.get("/admin/points?q=zzz"))
    table = text_of(admin.get("/admin/points/lines.csv?kind=homework_featured"))
    assert len(table.splitlines()) == 2 and "'=Bob" in table and ",20,1," in table


def test_points_by_hand_once_a_form(admin, make, site_db):
    member = make.member(number=33, name="Lin")
    assert "The member reads this sentence" in text_of(admin.get("/admin/points/give?number=33"))
    given = {"key": "k1", "number": "33", "amount": "15", "reason": "Hosted the meeting"}
    for _again in range(2):
        assert post(admin, "/admin/points/give", given).status_code == 303
    page = text_of(admin.get("/admin/points"))
    assert "nothing happened twice" in page and "by yourself" in page
    with site_db.session() as session:
        assert session.scalar(select(func.sum(LedgerEntry.amount))) == 15
    for field, value, says in (
        ("number", "44", "Nobody has number 44"),
        ("number", "-" + "9" * 30, "Number must be between 1"),
        ("amount", "0", "at least one point"),
        ("amount", "x", "Not a valid integer"),
        ("reason", "", "required"),
    ):
        answer = post(admin, "/admin/points/give", {**given, "key": "k2", field: value})
        assert answer.status_code == 422 and says in text_of(answer), field
    assert member.number == 33


def test_a_line_is_taken_back_after_its_effect_was_shown(admin, make, site_db, now):
    line = make.earn(make.member(number=33, name="Lin"), 15)
    page = text_of(admin.get(f"/admin/points/{line.id}/reverse"))
    assert "A new line takes 15 points from Lin" in page
    assert post(admin, f"/admin/points/{line.id}/reverse", {"reason": ""}).status_code == 422
    done = post(admin, f"/admin/points/{line.id}/reverse", {"reason": "given twice"}, follow_redirects=True)
    assert "taken back" in text_of(done)
    assert post(admin, f"/admin/points/{line.id}/reverse", {"reason": "again"}).status_code == 409
    assert "taken back already" in text_of(admin.get(f"/admin/points/{line.id}/reverse"))
    assert admin.get("/admin/points/999/reverse").status_code == 404
    with site_db.session() as session:
        assert doctor.check(session, now) == []


def test_a_number_nobody_can_have_is_refused_and_nothing_typed_is_lost(admin):
    key = re.search(r'name="key"[^>]*value="([^"]+)"', admin.get("/admin/points/give").text)
    assert key is not None
    typed = {"key": key[1], "number": "9" * 30, "amount": "5", "reason": "Hosted the meeting"}
    page = post(admin, "/admin/points/give", typed)
    assert page.status_code == 422 and "Hosted the meeting" in page.text
