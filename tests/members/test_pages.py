"""The directory, for members."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements


def visitor(client: FlaskClient, make: Make, **values: object) -> FlaskClient:
    return sign_in(client, make.account(**values))


@pytest.mark.parametrize("path", ["/members", "/members/1"])
def test_the_directory_is_for_members(client: FlaskClient, make: Make, path: str) -> None:
    make.member(number=1, name="Lin")
    assert client.get(path).status_code == 303
    visitor(client, make)
    answer = in_language(client, "en").get(path)
    assert answer.status_code == 403
    assert "A pass makes you a member and opens this page." in text_of(answer)
    visitor(client, make, number=2)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("role", ["instructor", "host", "admin"])
def test_staff_may_look_without_a_number(client: FlaskClient, make: Make, role: str) -> None:
    visitor(client, make, roles=(role,))
    assert client.get("/members").status_code == 200


def test_a_suspended_member_may_not(client: FlaskClient, make: Make) -> None:
    visitor(client, make, number=3, suspended_at=make.now, suspend_reason="r")
    answer = in_language(client, "en").get("/members")
    assert answer.status_code == 403 and "Your membership is suspended" in text_of(answer)


@pytest.mark.parametrize(("language", "head"), [("zh", "会员"), ("en", "Members")])
def test_what_the_list_says(client: FlaskClient, make: Make, language: str, head: str) -> None:
    tier = make.tier(code="diehard", name="铁杆")
    make.member(
        number=8, name="Secret Name", nickname="小满", city="杭州", tier_id=tier.id, email="s@example.com"
    )
    visitor(client, make, number=9)
    page = text_of(in_language(client, language).get("/members"))
    assert f"<h1>{head}</h1>" in page
    for words in ("小满", "杭州", "铁杆", "No. 8", 'href="/members/8"'):
        assert words in page
    assert "Secret Name" not in page and "s@example.com" not in page


def test_search_pages_and_the_empty_state(client: FlaskClient, make: Make) -> None:
    visitor(client, make, number=1000)
    for _ in range(55):
        make.member(number=True, city="上海")
    in_language(client, "en")
    page = text_of(client.get("/members?q=上海&order=newest"))
    assert "/members/55" in page and "/members/1000" not in page
    onward = re.search(r'rel="next" href="([^"]+)"', page)
    assert onward is not None and "order=newest" in onward[1] and "after=" in onward[1]
    assert '/members/1"' in text_of(client.get(onward[1].replace("&amp;", "&")))
    page = text_of(client.get("/members?q=nobody-like-this"))
    assert "Nobody found" in page and 'value="nobody-like-this"' in page


def test_what_is_searched_is_shown_harmless(client: FlaskClient, make: Make) -> None:
    visitor(client, make, number=1)
    page = text_of(client.get('/members?q="><script>alert(1)</script>'))
    assert "<script>alert" not in page


def test_a_members_page_shows_what_they_wrote_harmless(client: FlaskClient, make: Make) -> None:
    make.member(number=4, nickname="O'Neil", bio="line 1\n<script>x</script>")
    visitor(client, make, number=5)
    page = text_of(client.get("/members/4"))
    assert "line 1<br>" in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/members/404", "/members/0", "/members/99999999999999999999"])
def test_no_such_member(client: FlaskClient, make: Make, path: str) -> None:
    visitor(client, make, number=1)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999"])
def test_odd_page_numbers(client: FlaskClient, make: Make, page: str) -> None:
    visitor(client, make, number=1)
    assert client.get(f"/members?page={page}").status_code == 200


def test_the_list_costs_the_same_at_any_size(client: FlaskClient, make: Make, site_db: Db) -> None:
    visitor(client, make, number=True)
    with count_statements(site_db.engine) as few:
        client.get("/members")
    for _ in range(40):
        make.member(number=True, tier_id=make.tier().id)
    with count_statements(site_db.engine) as many:
        client.get("/members")
    assert many.count == few.count, many
