"""Changing the secret key: what the old one signed is good as long as it is named, and no longer."""

from __future__ import annotations

import pytest
from flask import session
from flask_wtf.csrf import generate_csrf
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer

from qunclub.courses import media_links
from qunclub.kernel.keys import Keys, accepted, oldest_first, signing
from qunclub.notices import rules_links
from qunclub.passes import tickets
from tests.support.pages import in_language, sign_in, text_of

OLD, NEW = "o" * 40, "n" * 40
CODE = "ABCD0123WXYZ"
names = st.text(min_size=1, max_size=20)


@given(names, st.lists(names, max_size=3))
def test_the_newest_signs_and_every_one_is_read(current, previous):
    keys = Keys(current, tuple(previous))
    assert signing(keys) == accepted(keys)[0] == oldest_first(keys)[-1] == current
    assert set(accepted(keys)) == {current, *previous}
    for one in accepted(keys):
        assert URLSafeTimedSerializer(oldest_first(keys)).loads(URLSafeTimedSerializer(one).dumps(7)) == 7
    assert URLSafeTimedSerializer(current).loads(URLSafeTimedSerializer(oldest_first(keys)).dumps(7)) == 7
    assert repr(keys) == "Keys()"


def test_tickets_and_links_of_the_old_key_hold_and_new_ones_are_of_the_new_key(now):
    both = Keys(NEW, (OLD,))
    assert tickets.verify(tickets.sign(CODE, OLD), both) == CODE
    assert tickets.verify(tickets.sign(CODE, both), NEW) == CODE
    for secret in (NEW, Keys(NEW)):
        with pytest.raises(tickets.BadTicket):
            tickets.verify(tickets.sign(CODE, OLD), secret)
    assert rules_links.verify(rules_links.sign(7, "mention", OLD), both) == (7, "mention")
    assert rules_links.verify(rules_links.sign(7, "mention", both), NEW) == (7, "mention")
    assert rules_links.verify(rules_links.sign(7, "mention", OLD), NEW) is None
    facts = {"media_id": 1, "lesson_id": 2, "member_id": 3, "now": now}
    assert media_links.read(both, media_links.sign(OLD, **facts)) is not None
    assert media_links.read(NEW, media_links.sign(both, **facts)) is not None
    assert media_links.read(NEW, media_links.sign(OLD, **facts)) is None


def moved(old_client, app):
    """The same browser at the club with other settings."""
    client = app.test_client()
    for cookie in old_client._cookies.values():
        client.set_cookie(cookie.key, cookie.value, domain=cookie.domain, path=cookie.path)
    return client


def test_whoever_is_signed_in_stays_and_an_open_form_can_be_sent(make_app, make):
    account, _member = make.person(name="Hua", number=True)
    before = make_app(QUNCLUB_SECRET_KEY=OLD)
    client = in_language(sign_in(before.test_client(), account), "en")
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = raw = "a" * 40
    with before.test_request_context():
        session["csrf_token"] = raw
        token = str(generate_csrf())

    during = make_app(QUNCLUB_SECRET_KEY=NEW, QUNCLUB_SECRET_KEY_PREVIOUS=f"{OLD}, older")
    here = moved(client, during)
    assert here.get("/notices").status_code == 200
    sent = here.post("/notices/choices", data={"mention": "app"}, headers={"X-CSRFToken": token})
    assert sent.status_code == 303
    # Whatever changes the session signs it anew, with the new key: it outlives the old one.
    in_language(here, "zh")

    after = make_app(QUNCLUB_SECRET_KEY=NEW)
    assert moved(here, after).get("/notices").status_code == 200
    assert moved(client, after).get("/notices").status_code in (302, 303, 401, 403)


def test_mailed_links_of_the_old_key_hold(make_app, make, site_db):
    from qunclub.adapters.accounts import services

    account, _member = make.person(name="Hua")
    token = services._serializer(OLD, "reset").dumps([account.id, account.stamp])
    during = make_app(QUNCLUB_SECRET_KEY=NEW, QUNCLUB_SECRET_KEY_PREVIOUS=OLD)
    page = in_language(during.test_client(), "en").get(f"/account/reset/{token}")
    assert page.status_code == 200 and 'type="password"' in text_of(page)
    after = make_app(QUNCLUB_SECRET_KEY=NEW)
    assert 'type="password"' not in text_of(after.test_client().get(f"/account/reset/{token}"))
