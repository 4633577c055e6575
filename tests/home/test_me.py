"""One's own page: card, passes, profile, data, and the way out."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, homework, jobs, orders, points
from qunclub.adapters.accounts.models import Account
from qunclub.home import leaving
from qunclub.home.export import export
from qunclub.homework.models import Attempt, Review, ShowcaseEntry, Submission, SubmissionFile
from qunclub.kernel import Actor, Conflict, mail
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.orders.models import Order, OrderEvent
from qunclub.orders.models_selling import ClaimCode
from qunclub.orders.rules_claims import Recipient
from qunclub.orders.rules_selling import Purchase
from qunclub.passes.models import Pass
from qunclub.points.models import LedgerEntry
from qunclub.seasons.models import CoreSeat
from qunclub.web.state import club
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

PASSWORD = "a quiet green morning"
FILE = homework.StoredFile("page.png", "image/png", 3, "0" * 64, "key-1")


def lived(make: Make, member: Member) -> dict[str, Any]:
    """A life in the club: an order, a pass with a seat, progress, homework at three stages, points."""
    line = make.group_line(name="Learners", capacities=(1, 1), covenant_md="Be kind.")
    course = make.course(title="Slides")
    plan = make.plan(title="The pass", courses=[course], line=line)
    make.paid_order(plan, member)
    make.order(make.plan(title="Another pass"), member)
    reviewed = make.submission(make.assignment(course=course, title="Reviewed"), member=member, files=[FILE])
    with_session(make, lambda session: homework.review(
        session, submission_id=reviewed.id, version=reviewed.version, verdict="feature", scores={},
        comment_md="Well done, Lin.", score=95, actor=Actor.system("test"), now=make.now,
    ))  # fmt: skip
    with_session(make, lambda session: homework.consent(
        session, submission_id=reviewed.id, member_id=member.id, now=make.now
    ))  # fmt: skip
    waiting = make.submission(make.assignment(course=course, title="Waiting"), member=member)
    return {"line": line, "plan": plan, "course": course, "reviewed": reviewed, "waiting": waiting}


def with_session(make: Make, command: Any) -> Any:
    if make._session is not None:
        return command(make._session)
    assert make._db is not None  # one of the two is always there
    with make._db.uow() as session:
        return command(session)


# ---- the page ----


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_members_page(client: FlaskClient, make: Make, site_db: Db, language: str) -> None:
    account, member = make.person(name="Lin", nickname="小林")
    lived(make, member)
    sign_in(client, account)
    page = text_of(in_language(client, language).get("/me"))
    assert "The pass" in page and "Learners" in page
    for href in ("/me/card.png?download=1", "/orders", "/me/data.json", "/me/leave", "/welcome/1"):
        assert f'href="{href}"' in page, href
    assert "/me/ticket" in page
    assert ("我的通行证" if language == "zh" else "My passes") in page


def test_a_page_without_anything(client: FlaskClient, make: Make) -> None:
    sign_in(client, make.account())
    page = text_of(in_language(client, "en").get("/me"))
    assert "No pass yet" in page and "No number yet" in page
    assert "card.png" not in page


def test_a_stranger_has_no_page(client: FlaskClient) -> None:
    for path in ("/me", "/me/data.json", "/me/leave"):
        assert client.get(path).status_code == 303
    assert post(client, "/me/profile").status_code == 303
    assert post(client, "/me/leave").status_code == 303


def test_the_page_costs_the_same_with_many_passes(client: FlaskClient, make: Make, site_db: Db) -> None:
    account, member = make.person()
    line = make.group_line(capacities=(50,), covenant_md="x")
    make.pass_(make.plan(courses=[make.course()], line=line), member)
    sign_in(client, account)
    client.get("/me")
    with count_statements(site_db.engine) as few:
        client.get("/me")
    for _ in range(6):
        make.pass_(make.plan(courses=[make.course()], line=line), member)
    with count_statements(site_db.engine) as many:
        client.get("/me")
    assert many.count == few.count, many


def test_the_profile_is_saved_and_the_language_kept(client: FlaskClient, make: Make, site_db: Db) -> None:
    account, member = make.person()
    sign_in(client, account)
    in_language(client, "en")
    form = {"nickname": " 阿 明 ", "city": "上海", "bio": "hi", "locale": "zh"}
    assert post(client, "/me/profile", form).location == "/me"
    with site_db.session() as session:
        row = session.get_one(Member, member.id)
        assert (row.nickname, row.city, row.bio, row.locale) == ("阿 明", "上海", "hi", "zh")
    page = text_of(client.get("/me"))
    assert "资料已保存" in page and "阿 明" in page


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("nickname", "", "required"),
        ("nickname", "x" * 25, "24"),
        ("nickname", "<b>", "angle"),
        ("city", "x" * 31, "30"),
    ],
)
def test_a_refused_profile_keeps_what_was_typed(
    client: FlaskClient, make: Make, field: str, value: str, said: str
) -> None:
    sign_in(client, make.account())
    in_language(client, "en")
    form = {"nickname": "ok", "city": "here", "bio": "My long story", "locale": "en", field: value}
    answer = post(client, "/me/profile", form)
    page = text_of(answer)
    assert answer.status_code == 422
    assert said in page and "My long story" in page


# ---- taking one's data ----


def test_the_export_has_everything_and_nothing_of_others(session: Session, make: Make) -> None:
    member, other = make.member(name="Lin", nickname="小林"), make.member(name="Stranger", number=900)
    lived(make, member)
    make.submission(make.assignment(title="Other"), member=other, body_md="secret of another")
    data = json.loads(json.dumps(export(session, member.id, now=make.now)))
    assert data["member"]["name"] == "Lin" and data["member"]["number"] == member.number
    counts = {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}
    assert counts["passes"] == counts["payments"] == counts["files"] == counts["reviews"] == 1
    assert counts["orders"] == counts["submissions"] == counts["attempts"] == 2
    assert counts["seats"] == counts["tickets"] == counts["showcase"] == 1
    assert counts["points"] >= 3
    assert {row["body_md"] for row in data["attempts"]} == {"My work."}
    text = json.dumps(data)
    assert "secret of another" not in text and "Stranger" not in text
    assert "user_key" not in text and "storage_key" not in text


def test_the_export_is_a_download(client: FlaskClient, make: Make, now: dt.datetime) -> None:
    account = make.account(name="林小满")
    sign_in(client, account)
    answer = client.get("/me/data.json")
    assert answer.mimetype == "application/json"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert "林小满" in text_of(answer), "readable, not escaped"


# ---- leaving ----


def go(session: Session, make: Make, member: Member, **values: Any) -> None:
    leaving.leave(session, actor=make.actor(member), member_id=member.id, now=make.now, **values)


def test_leaving_takes_what_it_says_and_leaves_the_rest(session: Session, make: Make) -> None:
    member = make.member(name="Lin Xiaoman", nickname="小林", email="lin@example.com", city="上海")
    life = lived(make, member)
    mail.send(
        session, to="lin@example.com", template="verify", context={}, locale="zh", key="x", now=make.now
    )
    other = make.member(email="other@example.com")
    mail.send(
        session, to="other@example.com", template="verify", context={}, locale="zh", key="y", now=make.now
    )
    make.pass_(life["plan"], other)
    third = make.member()
    make.pass_(life["plan"], third)
    number, sums = member.number, points_of(session, member)
    seen = leaving.effects(session, member.id)
    assert (seen.number, seen.passes, len(seen.groups)) == (number, ["The pass"], 1)
    assert (seen.works, seen.files, seen.shown, seen.orders, seen.pending) == (2, 1, 1, 2, 1)
    assert seen.may_leave

    go(session, make, member)
    session.expire_all()

    row = session.get_one(Member, member.id)
    assert (row.name, row.nickname, row.email, row.city, row.number) == ("—", "", "", "", number)
    assert row.tier_id is None
    assert [held.state for held in session.scalars(select(Pass).where(Pass.member_id == member.id))] == [
        "revoked"
    ]
    assert groups.my_seats(session, member.id) == []
    states = sorted(o.state for o in session.scalars(select(Order).where(Order.member_id == member.id)))
    assert states == ["cancelled", "paid"]
    assert all(o.email == "" for o in session.scalars(select(Order).where(Order.member_id == member.id)))
    assert not [e for e in session.scalars(select(OrderEvent)) if "Lin" in e.actor or "小林" in e.actor]
    works = session.scalars(select(Submission).where(Submission.member_id == member.id)).all()
    assert [(work.state, work.score) for work in works] == [("accepted", 95)]
    assert [a.body_md + a.body_html for a in session.scalars(select(Attempt))] == [""]
    assert [r.comment_md + r.comment_html for r in session.scalars(select(Review))] == [""]
    assert session.scalars(select(SubmissionFile)).all() == []
    assert all(
        entry.consented_at is None and entry.revoked_at == make.now
        for entry in session.scalars(select(ShowcaseEntry))
    )
    assert points_of(session, member) == sums, "the ledger is append-only"
    queued = session.scalars(select(OutboxMessage)).all()
    assert not [m for m in queued if m.payload.get("to") == "lin@example.com"]
    assert [m for m in queued if m.payload.get("to") == "other@example.com"]
    assert [m.payload for m in queued if m.kind == "file_delete"] == [{"storage_key": "key-1"}]
    # The freed seat went to whoever waited.
    assert all(seat.group is not None for seat in groups.my_seats(session, third.id))


def points_of(session: Session, member: Member) -> list[int]:
    query = select(LedgerEntry.amount).where(LedgerEntry.member_id == member.id).order_by(LedgerEntry.id)
    return list(session.scalars(query))


def test_the_doctor_is_clean_after_somebody_left(session: Session, make: Make) -> None:
    from qunclub.extension import doctors

    with_session(make, lambda s: points.open_window(s, key=points.ALL_TIME, starts_at=None, ends_at=None))
    member = make.member()
    lived(make, member)
    go(session, make, member)
    session.flush()
    found = {name: check(session, make.now) for name, check in doctors().items()}
    assert {name: findings for name, findings in found.items() if findings} == {}


def test_a_membership_is_never_charged_again_after_leaving(session: Session, make: Make) -> None:
    from qunclub.extension import doctors

    member = make.member()
    found = make.membership(of=member)
    assert leaving.effects(session, member.id).memberships == 1
    go(session, make, member)
    session.flush()
    assert found.state == "ended"
    told = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "subscription_cancel")).all()
    assert len(told) == 1 and leaving.effects(session, member.id).memberships == 0
    assert {
        name: check(session, make.now) for name, check in doctors().items() if check(session, make.now)
    } == {}


def test_whom_gifts_were_for_is_forgotten_and_the_gifts_stay(session: Session, make: Make) -> None:
    member = make.member()
    plan = make.plan(gift_max=5)
    order = orders.place(
        session,
        member_id=member.id,
        purchase=Purchase(
            plan.id, quantity=2, gift=True, recipients=(Recipient("Ann", "ann@example.com", "Hi"),)
        ),
        email=member.email,
        locale="en",
        now=make.now,
        actor=make.actor(member),
        hold_minutes=60,
    )
    orders.record_payment(
        session, order_code=order.code, provider="stripe", ref="pi_g", method="card", amount=order.total,
        currency=order.currency, now=make.now, actor=make.actor(),
    )  # fmt: skip
    told = export(session, member.id, now=make.now)
    assert [code["recipient_name"] for code in told["gifts"]] == ["Ann", ""]
    go(session, make, member)
    session.expire_all()
    codes = session.scalars(select(ClaimCode)).all()
    assert [(code.state, code.recipient_name, code.recipient_email) for code in codes] == [
        ("open", "", "")
    ] * 2


def test_a_core_member_gives_the_seat_up(session: Session, make: Make) -> None:
    make.window()
    first = make.season(seats=2, eliminate=0, starts_at=make.now - dt.timedelta(days=40), days=30)
    best = make.ranking([50, 40], at=make.now - dt.timedelta(days=20))
    make.closed(first, steps=("freeze", "publish"))
    assert leaving.effects(session, best[0].id).core
    go(session, make, best[0])
    live = session.scalars(select(CoreSeat.member_id).where(CoreSeat.left_at.is_(None))).all()
    assert live == [best[1].id]


def test_nobody_of_the_core_leaves_while_a_season_is_decided(session: Session, make: Make) -> None:
    make.window()
    first = make.season(seats=2, eliminate=0, starts_at=make.now - dt.timedelta(days=80), days=30)
    best = make.ranking([50, 40], at=make.now - dt.timedelta(days=60))
    make.closed(first)
    second = make.season(seats=2, eliminate=0, starts_at=make.now - dt.timedelta(days=40), days=30)
    make.closed(second, steps=("freeze",))
    with pytest.raises(Conflict):
        go(session, make, best[0])


def test_money_that_is_not_settled_keeps_one_here(session: Session, make: Make) -> None:
    member = make.member()
    order = make.order(of=member)
    orders.record_payment(
        session, order_code=order.code, provider="stripe", ref="pi_x", method="card",
        amount=order.total + 1, currency=order.currency, now=make.now, actor=Actor.system("stripe"),
    )  # fmt: skip
    assert leaving.effects(session, member.id).in_need
    with pytest.raises(Conflict):
        go(session, make, member)


def test_leaving_by_the_page(client: FlaskClient, app: Flask, make: Make, site_db: Db) -> None:
    account, member = make.person(name="Lin", password=PASSWORD, email="lin@example.com")
    lived(make, member)
    with app.app_context():
        club().files.put("key-1", b"abc")
    sign_in(client, account)
    page = text_of(in_language(client, "en").get("/me/leave"))
    for words in ("The pass", "Learners", "2 pieces of homework", "1 file", "Number 1", "1 unpaid order"):
        assert words in page, words
    for wrong in ({"name": "lin", "password": PASSWORD}, {"name": "Lin", "password": "guess guess"}, {}):
        assert post(client, "/me/leave", wrong).status_code == 422
    answer = post(client, "/me/leave", {"name": " Lin ", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/")
    assert "Your account is deleted" in text_of(in_language(client, "en").get("/"))
    assert client.get("/me").status_code == 303
    with site_db.session() as session:
        assert session.get(Account, account.id) is None
        assert session.get_one(Member, member.id).name == "—"
    with app.app_context():
        jobs.dispatch(club())
        with pytest.raises(KeyError):
            club().files.get("key-1")
    form = {"email": "lin@example.com", "password": PASSWORD}
    assert post(client, "/account/sign-in", form).status_code == 422


def test_who_left_may_come_back_as_somebody_new(client: FlaskClient, make: Make, site_db: Db) -> None:
    account, _member = make.person(name="Lin", password=PASSWORD, email="lin@example.com", number=True)
    sign_in(client, account)
    post(client, "/me/leave", {"name": "Lin", "password": PASSWORD})
    form = {"name": "Lin", "email": "lin@example.com", "password": PASSWORD}
    assert post(client, "/account/sign-up", form).status_code == 303
    page = text_of(in_language(client, "en").get("/me"))
    assert "No number yet" in page


def test_an_admin_is_told_to_hand_over_first(client: FlaskClient, make: Make) -> None:
    account = make.account(name="Boss", roles=("admin",), password=PASSWORD)
    sign_in(client, account)
    assert "Have another admin take the role" in text_of(in_language(client, "en").get("/me/leave"))
    answer = post(client, "/me/leave", {"name": "Boss", "password": PASSWORD})
    assert answer.status_code == 409
    assert client.get("/me").status_code == 200


def test_what_the_house_knows_is_exported_and_forgotten(session: Session, make: Make) -> None:
    stage = make.house()
    make.reported(stage)
    make.sanctioned(stage, "mute", days=3)
    mine = json.loads(json.dumps(export(session, stage.member.id, now=make.now)))
    counts = {
        name: len(mine[name]) for name in ("reports", "violations", "sanctions", "sanction_appeals", "mutes")
    }
    assert counts == {"reports": 0, "violations": 1, "sanctions": 1, "sanction_appeals": 0, "mutes": 1}
    assert "Shouts." not in json.dumps(mine) and "Witness" not in json.dumps(mine), "never who reported it"
    theirs = export(session, stage.other.id, now=make.now)
    assert [row["reason"] for row in theirs["reports"]] == ["Shouts."]
    assert "author_id" not in theirs["reports"][0]
    go(session, make, stage.member)
    assert export(session, stage.other.id, now=make.now)["reports"][0]["state"] == "gone"
