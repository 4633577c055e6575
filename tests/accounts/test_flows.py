"""Sign up, verify, sign in and out, forget, change: each to its end, with the mails that were really kept."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from qunclub.adapters.accounts import services
from qunclub.adapters.accounts.models import Account
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from tests.accounts.conftest import Mails
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of

PASSWORD = "a quiet green morning"
OTHER = "a loud yellow evening"


def sign_up(client: FlaskClient, **changes: str) -> object:
    form = {"name": "林小满", "email": "Lin@Example.com", "password": PASSWORD, **changes}
    return post(client, "/account/sign-up", form)


def is_in(client: FlaskClient) -> bool:
    return client.get("/account/").status_code == 200


def enter(client: FlaskClient, email: str = "lin@example.com", password: str = PASSWORD) -> int:
    return post(client, "/account/sign-in", {"email": email, "password": password}).status_code


def accounts(db: Db) -> list[Account]:
    with db.session() as session:
        return list(session.scalars(select(Account).order_by(Account.id)))


def test_from_sign_up_to_a_confirmed_address(
    client: FlaskClient, site_db: Db, mails: Mails, now: dt.datetime
) -> None:
    in_language(client, "zh")
    answer = post(client, "/account/sign-up?next=/passes", {
        "name": "林小满", "email": "Lin@Example.com", "password": PASSWORD, "next": "/passes",
    })  # fmt: skip
    assert (answer.status_code, answer.location) == (303, "/passes")
    (account,) = accounts(site_db)
    assert (account.email, account.name, account.locale, account.verified_at) == (
        "lin@example.com",
        "林小满",
        "zh",
        None,
    )
    assert PASSWORD not in account.password_hash and account.password_hash.startswith("$argon2id$")
    page = text_of(client.get("/account/"))
    assert "邮箱还没有确认" in page
    (mail,) = mails()
    assert mail["to"] == "lin@example.com" and "确认" in mail["subject"] and "林小满" in mail["body"]
    assert client.get(mail["path"]).location == "/account/"
    assert accounts(site_db)[0].verified_at == now
    assert "邮箱还没有确认" not in text_of(client.get("/account/"))
    # Followed once more by a mail scanner or a double click: nothing breaks.
    assert client.get(mail["path"]).status_code == 303


def test_mails_speak_the_language_of_their_reader(client: FlaskClient, mails: Mails) -> None:
    in_language(client, "en")
    sign_up(client)
    assert mails()[0]["subject"].startswith("Confirm your e-mail address for ")


def test_a_member_row_is_made_with_the_first_page(client: FlaskClient, site_db: Db) -> None:
    sign_up(client)
    client.get("/account/")
    with site_db.session() as session:
        member = session.scalars(select(Member)).one()
    assert (member.name, member.email, member.number) == ("林小满", "lin@example.com", None)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "required"),
        ("name", "   ", "Write your name"),
        ("name", "x" * 61, "60"),
        ("email", "nobody", "Write a whole e-mail address"),
        ("email", "a@b", "Write a whole e-mail address"),
        ("email", "a b@example.com", "Write a whole e-mail address"),
        ("password", "short", "at least 10"),
        ("password", "lin@example.com", "too easy to guess"),
        ("password", "LIN@example.com", "too easy to guess"),
        ("password", "aaaaaaaaaaaaa", "too easy to guess"),
        ("password", "x" * 201, "200"),
    ],
)
def test_sign_up_says_what_is_wrong_and_keeps_what_was_typed(
    client: FlaskClient, site_db: Db, field: str, value: str, said: str
) -> None:
    in_language(client, "en")
    answer = sign_up(client, **{field: value})
    page = text_of(answer)  # type: ignore[arg-type]  # the test response
    assert answer.status_code == 422  # type: ignore[attr-defined]  # the test response
    assert said in page
    assert 'aria-invalid="true"' in page
    if field != "name":
        assert "林小满" in page
    assert PASSWORD not in page, "a password is never sent back"
    assert accounts(site_db) == []


def test_an_address_signs_up_once(client: FlaskClient, app: Flask, site_db: Db) -> None:
    sign_up(client)
    second = app.test_client()
    in_language(second, "en")
    answer = sign_up(second, email="LIN@example.com ")
    assert answer.status_code == 422  # type: ignore[attr-defined]  # the test response
    assert "There is an account with this address" in text_of(answer)  # type: ignore[arg-type]  # the test response
    assert len(accounts(site_db)) == 1
    assert not is_in(second)


def test_sign_in_and_out(client: FlaskClient, make: Make) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    assert enter(client, " LIN@example.com ") == 303
    assert is_in(client)
    assert client.get("/account/sign-in").status_code == 303, "who is in need not sign in"
    assert post(client, "/account/sign-out").status_code == 303
    assert not is_in(client)


def test_signing_out_is_not_a_link(client: FlaskClient, make: Make) -> None:
    sign_in(client, make.account())
    assert client.get("/account/sign-out").status_code == 405
    assert is_in(client)


def test_remembering_is_a_choice(client: FlaskClient, make: Make) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    enter(client)
    assert client.get_cookie("qunclub_remember") is None
    post(client, "/account/sign-in", {"email": "lin@example.com", "password": PASSWORD, "remember": "y"})
    kept = client.get_cookie("qunclub_remember")
    assert kept is not None and kept.http_only and kept.same_site == "Lax"
    client.delete_cookie("qunclub")
    assert is_in(client)


def test_signing_in_starts_a_fresh_session(client: FlaskClient, make: Make) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    with client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
        cookie["qunclub_locale"] = "en"
    enter(client)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert cookie["qunclub_locale"] == "en"


def test_a_forgotten_password(client: FlaskClient, app: Flask, make: Make, mails: Mails) -> None:
    make.account(email="lin@example.com", name="Lin", password=PASSWORD)
    in_language(client, "en")
    page = text_of(post(client, "/account/forgot", {"email": "LIN@example.com"}))
    assert "Look into your mailbox" in page
    (mail,) = mails()
    assert mail["path"].startswith("/account/reset/")
    assert client.get(mail["path"]).status_code == 200
    assert "at least 10" in text_of(post(client, mail["path"], {"password": "short"}))
    assert post(client, mail["path"], {"password": OTHER}).status_code == 303
    assert is_in(client)
    other = app.test_client()
    assert enter(other, password=PASSWORD) == 422
    assert enter(other, password=OTHER) == 303
    assert [mail["to"] for mail in mails()] == ["lin@example.com"] * 2, "the owner is told of the change"


def test_a_reset_link_works_once(client: FlaskClient, app: Flask, make: Make, mails: Mails) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    post(client, "/account/forgot", {"email": "lin@example.com"})
    post(client, "/account/forgot", {"email": "lin@example.com"})
    first, second = [mail["path"] for mail in mails()]
    assert post(client, first, {"password": OTHER}).status_code == 303
    thief = app.test_client()
    for link in (first, second):
        answer = thief.get(link)
        assert (answer.status_code, answer.location) == (303, "/account/forgot")
        assert post(thief, link, {"password": "something else 1"}).location == "/account/forgot"
    assert enter(app.test_client(), password=OTHER) == 303


def test_a_reset_proves_the_address(client: FlaskClient, site_db: Db, mails: Mails, now: dt.datetime) -> None:
    sign_up(client)
    post(client, "/account/sign-out")
    post(client, "/account/forgot", {"email": "lin@example.com"})
    link = next(mail["path"] for mail in mails() if "/reset/" in mail["path"])
    post(client, link, {"password": OTHER})
    assert accounts(site_db)[0].verified_at == now


@pytest.mark.parametrize("setting", ["RESET_SECONDS", "VERIFY_SECONDS"])
def test_links_grow_old(
    client: FlaskClient, site_db: Db, mails: Mails, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    in_language(client, "en")
    sign_up(client)
    post(client, "/account/forgot", {"email": "lin@example.com"})
    links = [mail["path"] for mail in mails()]
    monkeypatch.setattr(services, setting, -1)
    link = next(path for path in links if ("/reset/" in path) is (setting == "RESET_SECONDS"))
    answer = client.get(link, follow_redirects=True)
    assert "This link is broken or too old" in text_of(answer)
    assert accounts(site_db)[0].verified_at is None


@pytest.mark.parametrize("kind", ["verify", "reset"])
def test_made_up_links_do_nothing(client: FlaskClient, mails: Mails, kind: str) -> None:
    in_language(client, "en")
    sign_up(client)
    (mail,) = mails()
    token = mail["path"].rpartition("/")[2]
    swapped = f"/account/{'reset' if kind == 'verify' else 'verify'}/{token}"
    for path in (f"/account/{kind}/nonsense", f"/account/{kind}/{token[:-2]}xx", swapped):
        if path != swapped or kind == "verify":
            assert "broken or too old" in text_of(client.get(path, follow_redirects=True)), path


def test_a_new_password_ends_every_other_session(client: FlaskClient, app: Flask, make: Make) -> None:
    account = make.account(email="lin@example.com", password=PASSWORD)
    phone, thief = sign_in(app.test_client(), account), sign_in(app.test_client(), account)
    sign_in(client, account)
    assert is_in(phone) and is_in(thief)
    answer = post(client, "/account/password", {"pw-current": PASSWORD, "pw-new": OTHER})
    assert answer.status_code == 303
    assert is_in(client), "the one who changed it stays"
    assert not is_in(phone) and not is_in(thief)


def test_a_new_password_ends_remembered_sessions_too(client: FlaskClient, app: Flask, make: Make) -> None:
    make.account(email="lin@example.com", password=PASSWORD)
    form = {"email": "lin@example.com", "password": PASSWORD, "remember": "y"}
    other = app.test_client()
    for one in (client, other):
        post(one, "/account/sign-in", form)
    post(client, "/account/password", {"pw-current": PASSWORD, "pw-new": OTHER})
    other.delete_cookie("qunclub")
    assert not is_in(other)


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [("wrong password", OTHER, "not your present password"), (PASSWORD, "short", "at least 10")],
)
def test_a_password_is_changed_by_its_owner_only(
    client: FlaskClient, app: Flask, make: Make, current: str, new: str, said: str
) -> None:
    sign_in(client, make.account(email="lin@example.com", password=PASSWORD))
    in_language(client, "en")
    answer = post(client, "/account/password", {"pw-current": current, "pw-new": new})
    assert answer.status_code == 422 and said in text_of(answer)
    assert enter(app.test_client()) == 303


def test_a_new_address_counts_once_its_link_is_followed(
    client: FlaskClient, site_db: Db, make: Make, mails: Mails
) -> None:
    sign_in(client, make.account(email="lin@example.com", password=PASSWORD))
    form = {"em-email": "new@example.com", "em-current": PASSWORD}
    assert post(client, "/account/email", form).status_code == 303
    assert accounts(site_db)[0].email == "lin@example.com"
    (mail,) = mails()
    assert mail["to"] == "new@example.com"
    client.get(mail["path"])
    assert accounts(site_db)[0].email == "new@example.com"
    with site_db.session() as session:
        assert session.scalars(select(Member.email)).all() == ["new@example.com"]
    assert is_in(client)


def test_an_old_link_does_not_bring_an_old_address_back(
    client: FlaskClient, site_db: Db, mails: Mails
) -> None:
    in_language(client, "en")
    sign_up(client)
    (first,) = mails()
    post(client, "/account/email", {"em-email": "new@example.com", "em-current": PASSWORD})
    second = next(mail for mail in mails() if mail["to"] == "new@example.com")
    client.get(second["path"])
    answer = client.get(first["path"])
    assert answer.status_code == 409
    assert accounts(site_db)[0].email == "new@example.com"


def test_an_address_taken_meanwhile_stays_with_whoever_has_it(
    client: FlaskClient, site_db: Db, make: Make, mails: Mails
) -> None:
    sign_in(client, make.account(email="lin@example.com", password=PASSWORD))
    post(client, "/account/email", {"em-email": "new@example.com", "em-current": PASSWORD})
    (mail,) = mails()
    make.account(email="new@example.com")
    assert client.get(mail["path"]).status_code == 409
    assert accounts(site_db)[0].email == "lin@example.com"


def test_an_address_is_not_changed_without_the_password(client: FlaskClient, site_db: Db, make: Make) -> None:
    sign_in(client, make.account(email="lin@example.com", password=PASSWORD))
    answer = post(client, "/account/email", {"em-email": "new@example.com", "em-current": "guess guess"})
    assert answer.status_code == 422
    with site_db.session() as session:
        assert session.scalars(select(OutboxMessage)).all() == []


def test_the_link_can_be_sent_again(client: FlaskClient, mails: Mails) -> None:
    sign_up(client)
    post(client, "/account/verify")
    assert len(mails()) == 2
    client.get(mails()[0]["path"])
    post(client, "/account/verify")
    assert len(mails()) == 2, "nothing is sent to who is confirmed already"
