"""Tokens of programs: made once shown, found by their hash, ended; the admin's page."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import select

from qunclub.api import tokens
from qunclub.api.models import ApiToken
from qunclub.kernel import Actor, Invalid, NotFound
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor.system("test")
GOOD = {"name": "Bot", "scopes": ["tickets.check"], "group_id": None, "per_minute": 60, "days": None}


def make_token(session, now, **changed):
    return tokens.make(session, known=["tickets.check"], actor=ADMIN, now=now, **{**GOOD, **changed})


def test_only_the_hash_is_kept(session, now):
    token, text = make_token(session, now)
    assert text.startswith("qc_") and len(text) > 40
    assert text not in {token.token_hash, token.hint} and token.token_hash == tokens.digest(text)
    found = tokens.find(session, text, now)
    assert found is not None and found.id == token.id
    for wrong in (text[:-1], text + "x", "", "qc_", text.removeprefix("qc_"), "qc_" + "x" * 500):
        assert tokens.find(session, wrong, now) is None


def test_a_token_ends_by_time_and_by_hand(session, now):
    _token, text = make_token(session, now, days=7)
    assert tokens.find(session, text, now + dt.timedelta(days=6)) is not None
    assert tokens.find(session, text, now + dt.timedelta(days=7)) is None
    other, text = make_token(session, now)
    tokens.revoke(session, token_id=other.id, actor=ADMIN, now=now)
    tokens.revoke(session, token_id=other.id, actor=ADMIN, now=now + dt.timedelta(days=1))
    assert tokens.find(session, text, now) is None and other.revoked_at == now
    with pytest.raises(NotFound):
        tokens.revoke(session, token_id=10_000, actor=ADMIN, now=now)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("name", "x" * 61), ("scopes", []), ("scopes", ["all"]), ("per_minute", 0), ("days", 0)],
)
def test_what_cannot_be_a_token_is_refused_by_field(session, now, field, value):
    with pytest.raises(Invalid) as caught:
        make_token(session, now, **{field: value})
    assert caught.value.field == field


def test_its_last_use_is_kept_to_the_minute(session, now):
    token, _text = make_token(session, now)
    assert tokens.is_to_be_noted(token, now)
    for seconds in (0, 30, 90):
        tokens.note_use(session, token.id, now + dt.timedelta(seconds=seconds))
        session.refresh(token)
        assert token.last_used_at == now + dt.timedelta(seconds=90 if seconds == 90 else 0)


def test_the_admins_page(client, make, site_db, app):
    sign_in(client, make.account(roles=("admin",)))
    in_language(client, "en")
    make.group_line(name="One", slug="one", name_pattern="Group {index}")
    assert "No program has a token yet" in text_of(client.get("/admin/programs"))
    answer = post(client, "/admin/programs", {"name": "Door bot", "per_minute": "60", "days": "x"})
    assert answer.status_code == 422 and 'value="Door bot"' in text_of(answer)
    sent = {"name": "Door bot", "scopes": "tickets.check", "group": "1", "per_minute": "60", "days": "30"}
    page = text_of(post(client, "/admin/programs", sent))
    text = re.search(r"qc_[\w-]{40,}", page)
    assert text and "Copy it now" in page and "Group 1" in page and "/api/v1" in page
    assert text.group() not in text_of(client.get("/admin/programs"))
    with site_db.session() as session:
        token = session.scalars(select(ApiToken)).one()
        assert tokens.digest(text.group()) == token.token_hash and token.group_id == 1
    page = text_of(post(client, f"/admin/programs/{token.id}/revoke", follow_redirects=True))
    assert "refused from now on" in page and "Revoked" in page
    other = sign_in(app.test_client(), make.account(roles=("host",)))
    assert other.get("/admin/programs").status_code == 403
    assert post(other, f"/admin/programs/{token.id}/revoke").status_code == 403
