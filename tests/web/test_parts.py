"""What is kept between requests: never old, never another person's."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from qunclub.passes.models import Plan
from qunclub.web.parts import MOST, PLACE_OF_TOKEN, Parts, frozen
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of

TOKEN = re.compile(r"&#34;X-CSRFToken&#34;: &#34;([^&]+)&#34;|\"X-CSRFToken\": \"([^\"]+)\"")


def token(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None
    return found.group(1) or found.group(2)


def test_strangers_see_a_change_at_once(client: FlaskClient, make: Any, site_db: Db) -> None:
    plan = make.plan(title="Spring pass")
    assert "Spring pass" in text_of(client.get("/passes"))
    with site_db.uow() as session:
        session.get_one(Plan, plan.id).title = "Autumn pass"
    page = text_of(client.get("/passes"))
    assert "Autumn pass" in page and "Spring pass" not in page


def test_a_kept_page_carries_each_reader_s_own_token(app: Flask, make: Any) -> None:
    make.plan()
    first, second = app.test_client(), app.test_client()
    pages = [text_of(one.get("/passes")) for one in (first, second)]
    assert PLACE_OF_TOKEN not in "".join(pages)
    assert token(pages[0]) != token(pages[1])
    answer = second.post("/account/sign-in", headers={"X-CSRFToken": token(pages[0])})
    assert answer.status_code == 403
    answer = second.post("/account/sign-in", headers={"X-CSRFToken": token(pages[1])})
    assert answer.status_code != 403


def test_languages_are_kept_apart(app: Flask, make: Any) -> None:
    make.plan()
    chinese, english = in_language(app.test_client(), "zh"), in_language(app.test_client(), "en")
    for _ in range(2):
        assert 'lang="zh-Hans"' in text_of(chinese.get("/passes"))
        assert '<html lang="en">' in text_of(english.get("/passes"))


def test_members_read_their_own_name(app: Flask, make: Any) -> None:
    make.plan()
    people = [make.person(name=name, number=True) for name in ("Lin Kehe", "Xu Ran")]
    clients = [app.test_client() for _ in people]
    for client, (account, _member) in zip(clients, people, strict=True):
        sign_in(client, account)
    for _ in range(2):
        first, second = (text_of(client.get("/passes")) for client in clients)
        assert "Lin Kehe" in first and "Xu Ran" not in first
        assert "Xu Ran" in second and "Lin Kehe" not in second
    stranger = text_of(app.test_client().get("/passes"))
    assert "Lin Kehe" not in stranger and "Xu Ran" not in stranger


def test_a_flash_is_shown_once_to_its_reader_alone(app: Flask, client: FlaskClient, make: Any) -> None:
    make.plan()
    client.get("/passes")
    account, _member = make.person(number=True)
    sign_in(client, account)
    post(client, "/account/sign-out")
    assert 'data-flash="' in text_of(client.get("/passes"))
    assert 'data-flash="' not in text_of(client.get("/passes"))
    assert 'data-flash="' not in text_of(app.test_client().get("/passes"))


def test_no_page_is_kept_in_a_host_s_own_frame(app: Flask, make: Any) -> None:
    make.plan()
    state = app.extensions["qunclub"]
    state.standalone = False
    app.test_client().get("/passes")
    assert not [key for key in state.parts.held() if key[0] == "passes/index.html"]
    state.standalone = True
    app.test_client().get("/passes")
    assert [key for key in state.parts.held() if key[0] == "passes/index.html"]


def test_only_the_latest_used_are_kept(app: Flask) -> None:
    parts = Parts()
    made = []

    def text(number: int) -> str:
        made.append(number)
        return str(number)

    with app.test_request_context():
        for number in range(MOST + 1):
            assert parts.get((number,), partial(text, number)) == str(number)
            parts.get((1,), lambda: text(1))
        parts.get((1,), lambda: text(1))
        parts.get((0,), lambda: text(0))
    assert made.count(1) == 1 and made.count(0) == 2


def test_lists_and_dicts_count_by_what_they_hold() -> None:
    assert frozen([1, {"a": [2]}]) == frozen((1, {"a": (2,)}))
    assert frozen({"a": 1}) != frozen({"a": 2})
