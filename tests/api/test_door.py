"""The door by the API: one check, the same again for the same key; problems in both languages; the document."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import groups
from qunclub.api import tokens
from qunclub.api.models import ApiToken
from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor
from qunclub.passes import tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import TicketCheck
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
PATH = "/api/v1/tickets/check"


@pytest.fixture
def token(site_db, now):
    """Makes a token; gives its text."""

    def made(**changed):
        values = {
            "name": "Door bot", "scopes": ["tickets.check"], "group_id": None, "per_minute": 60, "days": None,
            **changed,
        }  # fmt: skip
        known = ["tickets.check", "other"]
        with site_db.uow() as session:
            return tokens.make(session, known=known, actor=ADMIN, now=now, **values)[1]

    return made


@pytest.fixture
def signed(app, make, site_db):
    """The signed codes of tickets into two groups."""
    for name in ("One", "Two"):
        line = make.group_line(slug=name.lower(), name=name, name_pattern="Group " + name)
        make.pass_(make.plan(line=line), make.member(name=name, nickname=f"Nick {name}"))
    with site_db.session() as session:
        codes = session.scalars(select(EntryTicket.code).order_by(EntryTicket.id))
        return [tickets.sign(code, app.extensions["qunclub"].secret) for code in codes]


def ask(client, token, body, language="en", path=PATH):
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    return client.post(path, json=body, headers=headers)


def test_a_check_admits_once_and_its_key_gives_the_same_answer(client, token, signed, site_db, now):
    bot = token()
    body = {"code": signed[0], "key": "check-0001", "device": "Gate 2"}
    answer = ask(client, bot, body)
    assert answer.status_code == 200
    assert answer.json == {
        "admitted": True, "outcome": "admitted", "message": "Entered by ticket", "again": False,
        "reason": "", "checked_at": now.isoformat(), "first": None,
        "group": {"slug": "one-1", "name": "Group One"}, "member": {"name": "Nick One", "number": 1},
    }  # fmt: skip
    assert ask(client, bot, body).json == {**answer.json, "again": True}
    used = ask(client, bot, {"code": signed[0], "key": "check-0002"}, "zh").json
    assert (used["admitted"], used["outcome"], used["message"]) == (False, "used", "已经用过")
    assert used["first"] == {"at": now.isoformat(), "by": "Door bot"}
    assert ask(client, bot, {"code": signed[1], "key": "check-0001"}).status_code == 409
    with site_db.session() as session:
        rows = session.scalars(select(TicketCheck).order_by(TicketCheck.id)).all()
        assert [(row.way, row.bot, row.device, row.by_id) for row in rows] == [
            ("api", "Door bot", "Gate 2", None), ("api", "Door bot", "", None),
        ]  # fmt: skip
        assert session.scalars(select(ApiToken)).one().last_used_at == now


def test_a_code_that_is_no_ticket_is_a_problem_and_is_written_down(client, token, signed, site_db):
    bot = token()
    for code, said in (
        ("000000000000", "no ticket"),
        (signed[0][:-2] + "AA", "signature"),
        ("x", "12 letters"),
    ):
        answer = ask(client, bot, {"code": code, "key": f"key-of-{code}"[:60]})
        assert answer.status_code == 404 and answer.mimetype == "application/problem+json"
        assert answer.json["code"] == "unknown-ticket" and said in answer.json["detail"]
    with site_db.session() as session:
        assert [row.outcome for row in session.scalars(select(TicketCheck))] == ["unknown"] * 3


@pytest.mark.parametrize("db", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("bad", ["half-\ud800-a-pair", "a-nul-\x00-within"])
def test_what_no_database_can_keep_is_refused_by_name(client, token, signed, db, bad):
    bot = token()
    for name, body in (
        ("key", {"code": signed[0], "key": bad}),
        ("device", {"code": signed[0], "key": "check-0001", "device": bad}),
    ):
        answer = ask(client, bot, body)
        assert answer.status_code == 422 and list(answer.json["errors"]["json"]) == [name], answer.json
    answer = ask(client, bot, {"code": f"{signed[0][:13]}{bad}", "key": "check-0001"})
    assert answer.status_code == 404 and answer.json["code"] == "unknown-ticket"
    assert ask(client, bot, {"code": signed[0], "key": "check-0002"}).json["admitted"]


def test_a_token_for_one_group_stands_at_its_door_only(client, token, signed, site_db):
    with site_db.session() as session:
        first = session.scalars(select(Group.id).order_by(Group.id)).first()
    bot = token(group_id=first)
    other = ask(client, bot, {"code": signed[1], "key": "other-group"}).json
    assert (other["outcome"], other["member"], other["group"]["name"]) == ("other_group", None, "Group Two")
    assert ask(client, bot, {"code": signed[0], "key": "its-own-one"}).json["admitted"]
    answer = client.get("/api/v1/token", headers={"Authorization": f"Bearer {bot}"})
    assert answer.json == {
        "name": "Door bot",
        "scopes": ["tickets.check"],
        "group": "one-1",
        "per_minute": 60,
    }


def test_after_a_merge_the_program_stands_at_the_other_door(client, token, site_db, make, now, app):
    line = make.group_line(slug="two-of", capacities=(3, 3), open_at_once=2, allocation="even")
    make.pass_(make.plan(line=line), make.member())
    with site_db.session() as session:
        first, second = session.scalars(select(Group.id).where(Group.line_id == line.id).order_by(Group.id))
        code = session.scalars(select(EntryTicket.code)).one()
    bot = token(group_id=first)
    with site_db.uow() as session:
        groups.merge(
            session, from_id=first, into_id=second, capacity=None, reason="Small", actor=ADMIN, now=now
        )
    told = ask(client, bot, {"code": code, "key": "after-merge"}).json
    assert (told["outcome"], told["group"]["slug"]) == ("admitted", "two-of-2")


def test_a_removed_member_is_refused_with_the_reason_in_words(client, token, signed, site_db, now):
    with site_db.uow() as session:
        seat = session.scalars(select(Seat).order_by(Seat.id)).first()
        groups.remove_member(session, seat_id=seat.id, reason="Spam", actor=ADMIN, now=now)
    told = ask(client, token(), {"code": signed[0], "key": "removed-one"}).json
    assert (told["admitted"], told["outcome"], told["message"], told["reason"]) == (
        False,
        "removed",
        "The seat was taken back",
        "Spam",
    )
    with site_db.session() as session:
        second = session.scalars(select(Group.id).order_by(Group.id.desc())).first()
    other = ask(client, token(group_id=second), {"code": signed[0], "key": "removed-two"}).json
    assert (other["outcome"], other["reason"]) == ("other_group", ""), "its own hosts know why, not these"


@pytest.mark.parametrize(
    ("language", "title"), [("en", "No token, or not a good one"), ("zh", "没有令牌，或令牌无效")]
)
def test_without_a_good_token_nothing_is_done(client, token, signed, site_db, now, language, title):
    body = {"code": signed[0], "key": "check-0001"}
    with site_db.uow() as session:
        gone = tokens.make(
            session, name="Old", scopes=["other"], known=["other"], group_id=None, per_minute=9, days=1,
            actor=ADMIN, now=now - dt.timedelta(days=2),
        )[1]  # fmt: skip
    for bad in ("", "qc_nonsense", token() + "x", gone):
        answer = ask(client, bad, body, language)
        assert (answer.status_code, answer.json["title"]) == (401, title)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert ask(client, token(scopes=["other"]), body).json["code"] == "scope"
    with site_db.session() as session:
        assert session.scalars(select(TicketCheck)).all() == []


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"key": "12345678"}, "code", "这一项必填。"),
        ({"code": "x", "key": "short"}, "key", "8 到 80 个字。"),
        ({"code": 5, "key": "12345678"}, "code", "这里要填文字。"),
        ({"code": "x", "key": "12345678", "more": 1}, "more", "没有这一项。"),
        ({"code": None, "key": "12345678"}, "code", "这一项不能是 null。"),
    ],
)
def test_a_body_that_cannot_be_is_refused_by_field(client, token, body, field, said):
    answer = ask(client, token(), body, "zh")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["errors"]["json"][field] == [said]


def test_other_faults_are_problems_too(client, token):
    bot = {"Authorization": f"Bearer {token()}", "Accept-Language": "en"}
    answer = client.post(PATH, data="{", content_type="application/json", headers=bot)
    assert (answer.status_code, answer.json["code"]) == (400, "bad-request")
    for method, path in (("get", "/api/v1/nothing"), ("post", "/api/v1/tickets/none"), ("get", PATH)):
        answer = getattr(client, method)(path, headers=bot)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path
    assert client.get("/nothing").mimetype == "text/html", "the rest of the site keeps its own pages"


def test_a_fault_of_ours_is_a_problem_without_a_trace(client, token, monkeypatch, signed):
    def broken(*_arguments, **_named):
        raise RuntimeError("secret words")

    monkeypatch.setattr("qunclub.passes.services_door.check", broken)
    answer = ask(client, token(), {"code": signed[0], "key": "check-0001"})
    assert (answer.status_code, answer.json["code"]) == (500, "crash") and b"secret" not in answer.data


def test_each_token_has_its_own_limit(make_app, token, signed):
    client = make_app(QUNCLUB_RATE_LIMITS="yes").test_client()
    first, second = token(per_minute=3), token()
    answers = [ask(client, first, {"code": "x", "key": f"check-{n:04}"}).status_code for n in range(4)]
    assert answers == [404, 404, 404, 429]
    assert ask(client, second, {"code": "x", "key": "check-0009"}).status_code == 404
    misses = [ask(client, "qc_guess", {}).status_code for _ in range(31)]
    assert misses[:30] == [401] * 30 and misses[30] == 429


def test_the_document_says_what_there_is(client):
    made = client.get("/api/v1/openapi.json").json
    assert made["openapi"].startswith("3.1") and set(made["paths"]) == {PATH, "/api/v1/token"}
    check = made["paths"][PATH]["post"]
    assert check["summary"].startswith("Check a ticket") and made["security"] == [{"token": []}]
    body = made["components"]["schemas"]["CheckIn"]
    assert set(body["required"]) == {"code", "key"} and body["properties"]["key"]["minLength"] == 8
    page = client.get("/api/v1/docs", headers={"Accept-Language": "zh"}).get_data(as_text=True)
    assert PATH in page and "必填" in page


def test_a_check_costs_the_same_number_of_statements(client, token, signed, site_db):
    bot = token()
    ask(client, bot, {"code": "x", "key": "warm-up-0"})
    with count_statements(site_db.engine) as seen:
        ask(client, bot, {"code": signed[0], "key": "check-0001"})
    assert seen.count <= 14, seen
