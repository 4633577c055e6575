"""The doors that strangers knock on: what they may learn, how often they may knock, where they may be sent."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from qunclub.adapters.accounts import services
from qunclub.adapters.accounts.models import Account
from qunclub.kernel.outbox import OutboxMessage
from tests.factories import Make
from tests.support.concurrency import concurrently, failed
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of

PASSWORD = "a quiet green morning"
PAGES = ("/account/sign-in", "/account/sign-up", "/account/forgot")


def body(text: str) -> str:
    """A page without what differs from visit to visit: tokens and request ids."""
    return re.sub(r'value="[^"]*"|X-CSRFToken[^}]*|: [0-9A-Z]{16}', "", text)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_there_in_both_languages(client: FlaskClient, path: str, language: str) -> None:
    answer = in_language(client, language).get(path)
    page = text_of(answer)
    assert answer.status_code == 200
    title = re.search(r"<h1>(.*?)</h1>", page)
    assert title is not None
    assert bool(re.search("[\u4e00-\u9fff]", title.group(1))) is (language == "zh")
    assert page.count("<h1") == 1


def test_links_between_the_pages_keep_where_one_was_going(client: FlaskClient) -> None:
    page = text_of(client.get("/account/sign-in?next=/passes/master"))
    assert 'href="/account/sign-up?next=/passes/master"' in page
    assert 'name="next" value="/passes/master"' in page
    page = text_of(client.get("/account/sign-up?next=/passes/master"))
    assert 'href="/account/sign-in?next=/passes/master"' in page


def test_a_closed_page_leads_through_sign_in_and_back(client: FlaskClient, make: Make) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    answer = client.get("/me?tab=1")
    assert answer.status_code == 303
    assert answer.location == "/account/sign-in?next=/me?tab%3D1"
    form = {"email": "lin@example.com", "password": PASSWORD, "next": "/me?tab=1"}
    assert post(client, "/account/sign-in", form).location == "/me?tab=1"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "\\\\evil.example\\",
        "/\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "/\tevil",
        "/\n/evil.example",
        "evil.example",
        "",
        "@evil.example",
        "/%0d%0aSet-Cookie:x=1\r\n",
    ],
)
def test_nobody_is_sent_elsewhere(client: FlaskClient, make: Make, target: str) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    form = {"email": "lin@example.com", "password": PASSWORD, "next": target}
    assert post(client, "/account/sign-in", form).location == "/"
    assert client.get("/language/en", query_string={"next": target}).location == "/"


def test_a_wrong_password_and_an_unknown_address_look_the_same(client: FlaskClient, make: Make) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    in_language(client, "en")
    known = post(client, "/account/sign-in", {"email": "lin@example.com", "password": "wrong wrong"})
    unknown = post(client, "/account/sign-in", {"email": "nil@example.com", "password": "wrong wrong"})
    assert known.status_code == unknown.status_code == 422
    assert "do not match" in text_of(known)
    assert body(text_of(known)) == body(text_of(unknown))


def test_a_hash_is_spent_for_unknown_addresses_too(
    site_db: Db, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    spent: list[str] = []
    real = services._matches

    def watched(stored: str, password: str) -> bool:
        spent.append(stored)
        return real(stored, password)

    monkeypatch.setattr(services, "_matches", watched)
    with site_db.session() as session:
        for email in ("lin@example.com", "nobody@example.com"):
            assert services.authenticate(session, email=email, password="wrong wrong") is None
    assert len(spent) == 2 and all(stored.startswith("$argon2id$") for stored in spent)


def test_asking_for_a_link_tells_nothing(client: FlaskClient, make: Make, site_db: Db) -> None:
    make.account(email="lin@example.com")
    in_language(client, "en")
    pages = [
        body(text_of(post(client, "/account/forgot", {"email": email})))
        for email in ("lin@example.com", "nobody@example.com", "not an address")
    ]
    assert pages[0] == pages[1] == pages[2]
    with site_db.session() as session:
        assert [m.payload["to"] for m in session.scalars(select(OutboxMessage))] == ["lin@example.com"]


@pytest.mark.parametrize(
    "path", ["/account/sign-in", "/account/sign-up", "/account/forgot", "/account/sign-out"]
)
@pytest.mark.parametrize("token", [None, "nonsense"])
def test_a_form_from_elsewhere_is_refused(
    client: FlaskClient, make: Make, path: str, token: str | None
) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    in_language(client, "en")
    form = {"email": "lin@example.com", "password": PASSWORD, "name": "x"}
    answer = client.post(path, data=form if token is None else {**form, "csrf_token": token})
    assert answer.status_code == 403
    assert "This form was open for too long, or came from another site." in text_of(answer)


def test_a_token_of_another_session_is_refused(client: FlaskClient, app: Flask) -> None:
    stolen = re.search(
        r'name="csrf_token" value="([^"]+)"', text_of(app.test_client().get("/account/sign-in"))
    )
    assert stolen is not None
    client.get("/account/sign-in")
    form = {"email": "a@example.com", "csrf_token": stolen.group(1)}
    assert client.post("/account/forgot", data=form).status_code == 403


def test_the_token_in_the_page_is_good(client: FlaskClient) -> None:
    mine = re.search(r'name="csrf_token" value="([^"]+)"', text_of(client.get("/account/forgot")))
    assert mine is not None
    form = {"email": "a@example.com", "csrf_token": mine.group(1)}
    assert client.post("/account/forgot", data=form).status_code == 200


@pytest.mark.parametrize("language", ["zh", "en"])
def test_too_many_tries_get_a_page(make_app: Callable[..., Flask], language: str) -> None:
    client = in_language(make_app(QUNCLUB_RATE_LIMITS="yes").test_client(), language)
    form = {"email": "lin@example.com", "password": "wrong wrong"}
    answers = [post(client, "/account/sign-in", form) for _ in range(11)]
    assert [answer.status_code for answer in answers[:10]] == [422] * 10
    page = text_of(answers[10])
    assert answers[10].status_code == 429
    assert ("Too many tries" if language == "en" else "次数太多") in page
    # Somebody else's door is still open, and so are the pages themselves.
    assert post(client, "/account/sign-in", {**form, "email": "other@example.com"}).status_code == 422
    assert client.get("/account/sign-in").status_code == 200


def test_the_limit_is_by_address_of_the_visitor_too(make_app: Callable[..., Flask]) -> None:
    client = make_app(QUNCLUB_RATE_LIMITS="yes").test_client()
    codes = [post(client, "/account/forgot", {"email": f"a{n}@example.com"}).status_code for n in range(11)]
    assert codes == [200] * 10 + [429]


def test_two_sign_ups_at_once_make_one_account(db: Db, make: Make) -> None:
    def one(session: object) -> str:
        return services.sign_up(
            session,  # type: ignore[arg-type]  # a Session
            email="lin@example.com",
            name="Lin",
            password_hash="x",
            locale="zh",
            secret="s",
            site_url="http://club.test",
            now=make.now,
        ).email

    outcomes = concurrently(db, 16, one, retry=True)
    assert len(outcomes) - len(failed(outcomes)) == 1
    assert all("There is an account" in str(error) for error in failed(outcomes))
    with db.session() as session:
        assert len(session.scalars(select(Account)).all()) == 1


def test_the_settings_are_for_who_is_signed_in(client: FlaskClient, make: Make) -> None:
    assert client.get("/account/").status_code == 303
    for path in ("/account/password", "/account/email", "/account/verify"):
        assert post(client, path).status_code == 303
    sign_in(client, make.account())
    assert client.get("/account/").status_code == 200


def test_a_forged_session_is_a_stranger(client: FlaskClient, make: Make) -> None:
    account = make.account()
    for forged in (f"{account.id}:wrong", f"{account.id}", "x:y", ":", f"{account.id + 99}:{account.stamp}"):
        with client.session_transaction() as cookie:
            cookie["_user_id"] = forged
        assert client.get("/account/").status_code == 303, forged


def test_a_closed_account_is_gone(site_db: Db, client: FlaskClient, make: Make) -> None:
    account = make.account(email="lin@example.com", password=PASSWORD)
    sign_in(client, account)
    with site_db.uow() as session:
        services.close(session, account_id=account.id)
        services.close(session, account_id=account.id)
    assert client.get("/account/").status_code == 303
    form = {"email": "lin@example.com", "password": PASSWORD}
    assert post(client, "/account/sign-in", form).status_code == 422
