"""The admins' own pages: for admins, in both languages, in a constant number of statements."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from qunclub import orders
from qunclub.kernel import Actor, outbox, store
from qunclub.kernel.outbox import MAX_ATTEMPTS, OutboxMessage
from qunclub.kernel.store import AuditEntry
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

PAGES = ["/admin/", "/admin/audit", "/admin/doctor", "/admin/doctor?run=1", "/admin/outbox", "/admin/profile"]
POSTS = ["/admin/outbox/1/retry", "/admin/profile"]
PEOPLE = ["/admin/people", "/admin/people/1", "/admin/people/numbers"]
PEOPLE_POSTS = [
    "/admin/people/1/roles",
    "/admin/people/1/suspend",
    "/admin/people/1/restore",
    "/admin/people/1/number",
    "/admin/people/numbers",
]
TABLES = ["/admin/audit.csv", "/admin/people/all.csv"]


def admin(client: FlaskClient, make: Make) -> FlaskClient:
    return sign_in(client, make.account(name="Boss", roles=("admin",)))


@pytest.mark.parametrize("path", PAGES + PEOPLE + TABLES)
def test_pages_are_for_admins(client: FlaskClient, make: Make, path: str) -> None:
    assert client.get(path).status_code == 303
    for roles, number in (((), None), ((), True), (("instructor", "host"), True)):
        sign_in(client, make.account(roles=roles, number=number))
        answer = in_language(client, "en").get(path)
        assert answer.status_code == 403
        assert "An admin can give you the role." in text_of(answer)
    admin(client, make)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", POSTS + PEOPLE_POSTS)
def test_acts_are_for_admins(client: FlaskClient, make: Make, site_db: Db, path: str) -> None:
    make.member()
    assert post(client, path).status_code == 303
    sign_in(client, make.account(roles=("instructor", "host"), number=True))
    assert post(client, path, {"roles": "admin", "reason": "x", "numbers": "99"}).status_code == 403
    admin(client, make)
    assert client.post(path).status_code == 403, "without a token"
    with site_db.session() as session:
        assert session.scalars(select(AuditEntry)).all() == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES + PEOPLE)
def test_every_page_in_both_languages(client: FlaskClient, make: Make, path: str, language: str) -> None:
    admin(client, make)
    answer = in_language(client, language).get(path)
    assert answer.status_code == 200
    assert text_of(answer).count("<h1") == 1


def test_what_needs_a_hand(client: FlaskClient, make: Make, site_db: Db) -> None:
    order = make.order()
    with site_db.uow() as session:
        orders.record_payment(
            session, order_code=order.code, provider="stripe", ref="pi_x", method="card",
            amount=order.total + 1, currency=order.currency, now=make.now, actor=Actor.system("stripe"),
        )  # fmt: skip
        outbox.put(
            session, kind="mail", key="k", payload={"to": "a@example.com", "template": "verify"}, now=make.now
        )
        (message,) = [m for m in outbox.take(session, now=make.now) if m.key == "k"]
        outbox.failed(session, message.id, attempts=MAX_ATTEMPTS, error="no route", now=make.now)
    make.submission(make.assignment(), at=make.now - dt.timedelta(days=5))
    line = make.group_line(name="Nearly there", capacities=(10,))
    for _ in range(9):
        make.seat(line)
    make.season(name="Spring")
    admin(client, make)
    page = text_of(in_language(client, "en").get("/admin/"))
    assert order.code in page
    assert "1 waits for more than three days" in page
    assert "9 of 10 seats" in page and "the next group opens with the last seat" in page
    assert "Spring" in page
    page = text_of(client.get("/admin/outbox"))
    assert "a@example.com" in page and "no route" in page


def test_the_front_page_costs_the_same_at_any_size(client: FlaskClient, make: Make, site_db: Db) -> None:
    admin(client, make)
    client.get("/admin/")
    with count_statements(site_db.engine) as few:
        client.get("/admin/")
    for _ in range(5):
        make.seat(make.group_line())
        make.order()
        make.submission(make.assignment())
    with count_statements(site_db.engine) as many:
        client.get("/admin/")
    assert many.count == few.count, many


# ---- audit ----


def acts(make: Make, db: Db, count: int = 3) -> None:
    with db.uow() as session:
        for index in range(count):
            store.record(
                session, actor=Actor("k", "Wen"), action=("plan.update", "member.roles")[index % 2],
                target=f"plan:{index}", now=make.now, summary=f"Act {index}", details={"before": "<b>", "n": index},
            )  # fmt: skip


def test_the_audit_log_is_searched_and_narrowed(client: FlaskClient, make: Make, site_db: Db) -> None:
    acts(make, site_db)
    admin(client, make)
    in_language(client, "en")
    page = text_of(client.get("/admin/audit"))
    assert page.index("Act 2") < page.index("Act 1") < page.index("Act 0"), "the latest first"
    assert "Pass on sale changed" in page and "<b>" not in page
    page = text_of(client.get("/admin/audit?thing=member"))
    assert "Act 1" in page and "Act 0" not in page
    page = text_of(client.get("/admin/audit?q=plan:2"))
    assert "Act 2" in page and "Act 1" not in page
    assert "No such act" in text_of(client.get("/admin/audit?q=100%25"))
    assert "No such act" in text_of(client.get("/admin/audit?thing=pla"))


def test_the_audit_log_has_pages(client: FlaskClient, make: Make, site_db: Db) -> None:
    acts(make, site_db, 60)
    admin(client, make)
    onward = re.search(r'rel="next" href="([^"]+)"', client.get("/admin/audit").text)
    assert onward is not None and "Act 0" in text_of(client.get(onward[1]))


def test_the_audit_log_as_a_table(client: FlaskClient, make: Make, site_db: Db) -> None:
    acts(make, site_db)
    admin(client, make)
    answer = client.get("/admin/audit.csv?thing=plan")
    lines = text_of(answer).splitlines()
    assert answer.mimetype == "text/csv"
    assert lines[0] == "\ufeffat,actor,actor_key,action,target,summary,details"
    assert len(lines) == 3 and "Act 0" in lines[1] and lines[1].startswith("2026-04-15 12:00:00+08:00")


# ---- doctor ----


def test_the_doctor_shows_what_is_broken(client: FlaskClient, make: Make, site_db: Db) -> None:
    admin(client, make)
    in_language(client, "en")
    assert "Every promise holds" in text_of(client.get("/admin/doctor?run=1"))
    make.member(number=41)
    page = text_of(client.get("/admin/doctor?run=1"))
    assert "numbers beyond the counter" in page and "A number is given once, in order, for life." in page


# ---- messages ----


def test_a_message_is_sent_again(client: FlaskClient, make: Make, site_db: Db) -> None:
    with site_db.uow() as session:
        outbox.put(
            session, kind="mail", key="k", payload={"to": "a@example.com", "template": "x"}, now=make.now
        )
        (message,) = outbox.take(session, now=make.now)
        outbox.failed(session, message.id, attempts=MAX_ATTEMPTS, error="no route", now=make.now)
        ident = message.id
    admin(client, make)
    assert post(client, f"/admin/outbox/{ident}/retry").status_code == 303
    assert post(client, f"/admin/outbox/{ident}/retry").status_code == 404, "it is in the queue already"
    assert post(client, "/admin/outbox/999/retry").status_code == 404
    with site_db.session() as session:
        row = session.get_one(OutboxMessage, ident)
        assert (row.attempts, row.due_at) == (0, make.now)
        assert [a.action for a in session.scalars(select(AuditEntry))] == ["outbox.retry"]


# ---- profile ----


def test_the_club_says_what_it_is(client: FlaskClient, make: Make, site_db: Db) -> None:
    admin(client, make)
    form = {
        "tagline_zh": "一句话",
        "tagline_en": "One sentence",
        "about_zh": "## 规矩",
        "about_en": "## Rules",
    }
    assert post(client, "/admin/profile", form).location == "/admin/profile"
    page = text_of(client.get("/admin/profile"))
    assert 'value="一句话"' in page and "## Rules" in page
    stranger = client.application.test_client()
    assert "一句话" in text_of(in_language(stranger, "zh").get("/"))
    assert "One sentence" in text_of(in_language(stranger, "en").get("/"))
    with site_db.session() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["club.profile"]


def test_a_profile_that_is_too_long_is_kept_in_the_form(client: FlaskClient, make: Make, site_db: Db) -> None:
    admin(client, make)
    answer = post(client, "/admin/profile", {"tagline_zh": "长" * 81, "about_zh": "留住我"})
    assert answer.status_code == 422 and "留住我" in text_of(answer)
    with site_db.session() as session:
        assert (
            session.execute(
                text("SELECT count(*) FROM qunclub_key_value WHERE name = 'club.profile'")
            ).scalar()
            == 0
        )
