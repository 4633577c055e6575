"""Tickets for their owner, the card to keep, the door for hosts."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageColor
from sqlalchemy import select

from qunclub import groups, passes
from qunclub.groups.models import Seat
from qunclub.kernel import Actor
from qunclub.passes import tickets
from qunclub.passes.card import FACES, CardFacts, draw
from qunclub.passes.models import EntryTicket, Pass
from tests.support.pages import in_language, post, sign_in, text_of

SYSTEM = Actor.system("test")


@pytest.fixture
def line(make):
    return make.group_line(slug="one", name="One", name_pattern="One {index}", covenant_md="Be kind.")


@pytest.fixture
def owner(make, line):
    """(account, ticket) of somebody with a pass, a seat, and the covenant accepted."""
    account, member = make.person(name="Hua", nickname="Xiaohe", city="Hangzhou")
    make.pass_(make.plan(line=line, tier=make.tier(code="diehard", name="Diehard")), member)
    return account


@pytest.fixture
def ticket(site_db, owner):
    with site_db.session() as session:
        return session.scalars(select(EntryTicket)).one()


@pytest.fixture
def host(make, client):
    account, _member = make.person(name="Host", roles=("host",))
    in_language(sign_in(client, account), "en")
    return account


def signed(app, ticket):
    return tickets.sign(ticket.code, app.extensions["qunclub"].secret)


def accept(site_db, ticket, line, now):
    with site_db.uow() as session:
        groups.accept_covenant(session, member_id=ticket.member_id, line_id=line.id, version=1, now=now)


def test_my_ticket_opens_after_the_covenant(client, owner, ticket, line, site_db, now):
    in_language(sign_in(client, owner), "en")
    assert "opens after the covenant" in text_of(client.get(f"/me/ticket/{ticket.id}"))
    assert client.get(f"/me/ticket/{ticket.id}.svg").status_code == 403
    accept(site_db, ticket, line, now)
    page = text_of(client.get(f"/me/ticket/{ticket.id}"))
    assert tickets.spaced(ticket.code) in page and "1-Xiaohe-Hangzhou" in page and "data-print" in page
    picture = client.get(f"/me/ticket/{ticket.id}.svg")
    assert picture.mimetype == "image/svg+xml" and "no-store" in picture.headers["Cache-Control"]
    assert client.get(f"/me/tickets/seat/{ticket.seat_id}").location.endswith(f"/me/ticket/{ticket.id}")


def test_a_ticket_is_ones_own(client, make, ticket):
    sign_in(client, make.account(number=True))
    assert client.get(f"/me/ticket/{ticket.id}").status_code == 404
    assert client.get(f"/me/ticket/{ticket.id}.svg").status_code == 404
    assert client.get(f"/me/tickets/seat/{ticket.seat_id}").status_code == 404
    assert client.get("/door").status_code == 403


def test_the_ticket_of_a_seat_from_the_waiting_list_is_made_on_first_need(client, owner, ticket, site_db):
    with site_db.uow() as session:
        session.delete(session.get_one(EntryTicket, ticket.id))
    sign_in(client, owner)
    path = f"/me/tickets/seat/{ticket.seat_id}"
    assert "Make my ticket now" in text_of(in_language(client, "en").get(path))
    with site_db.session() as session:
        assert session.scalars(select(EntryTicket)).all() == []
    assert client.get(post(client, path).location).status_code == 200


def test_a_host_looks_then_admits_once(client, app, host, ticket, line, site_db, now):
    assert "type its code" in text_of(client.get("/door"))
    answer = post(client, "/door", {"code": tickets.spaced(ticket.code).lower()})
    assert answer.status_code == 303
    page = text_of(client.get(answer.location))
    assert (
        "Valid: not used yet" in page
        and "Xiaohe" in page
        and "not accepted yet" in page
        and "Admit, once" in page
    )
    accept(site_db, ticket, line, now)
    path = f"/t/{signed(app, ticket)}"
    page = text_of(post(client, path, follow_redirects=True))
    assert (
        "Admitted: Xiaohe." in page
        and "Already used" in page
        and "by Host" in page
        and "Admit, once" not in page
    )
    assert "Not admitted: Already used" in text_of(post(client, path, follow_redirects=True))


def test_refused_tickets_say_why(client, app, host, ticket, site_db, now):
    with site_db.uow() as session:
        groups.remove_member(session, seat_id=ticket.seat_id, reason="Advertising", actor=SYSTEM, now=now)
    page = text_of(client.get(f"/t/{signed(app, ticket)}"))
    assert "The seat was taken back" in page and "Advertising" in page and "Admit, once" not in page
    for code in ("nonsense", "000000000000", signed(app, ticket)[:-1] + "!"):
        assert post(client, "/door", {"code": code}).status_code == 422
    answer = client.get(f"/t/{signed(app, ticket)[:-2]}AA")
    assert answer.status_code == 404 and "signature" in text_of(answer)


def test_others_who_scan_a_ticket(client, app, owner, ticket, make):
    path = f"/t/{signed(app, ticket)}"
    page = text_of(in_language(client, "en").get(path))
    assert "This is an entry ticket of the club" in page and "Hua" not in page and "Xiaohe" not in page
    assert post(client, path).status_code == 303
    sign_in(client, owner)
    assert client.get(path).location.endswith(f"/me/ticket/{ticket.id}")
    assert post(client, path).status_code == 403
    sign_in(client, make.account(number=True))
    assert "Xiaohe" not in text_of(client.get(path))


def test_the_door_counts_the_tries(make_app, make, site_db):
    client = make_app(QUNCLUB_RATE_LIMITS="yes").test_client()
    sign_in(client, make.account(roles=("host",)))
    answers = [post(client, "/door", {"code": "000000000000"}).status_code for _ in range(61)]
    assert answers[:60] == [422] * 60 and answers[60] == 429
    for send in (client.get, lambda path: post(client, path)):
        sign_in(client, make.account(roles=("host",)))
        answers = [send("/t/000000000000").status_code for _ in range(61)]
        assert set(answers[:60]) <= {404, 303} and answers[60] == 429, send


def test_the_card_is_a_picture_with_an_etag(client, owner):
    sign_in(client, owner)
    answer = client.get("/me/card.png")
    assert answer.mimetype == "image/png"
    image = Image.open(io.BytesIO(answer.data))
    assert image.size == (1200, 750)
    again = client.get("/me/card.png", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert "attachment" in client.get("/me/card.png?download=1").headers["Content-Disposition"]


def test_without_a_number_there_is_no_card(client, make):
    sign_in(client, make.account())
    assert client.get("/me/card.png").status_code == 404


@pytest.mark.parametrize("number", [1, 128, 20_000, 9_999_999_999])
def test_the_number_always_fits_the_card(number):
    facts = CardFacts(
        number=number,
        name="一个名字特别特别长的会员朋友" * 3,
        tier="铁杆会员",
        club="翻页社" * 9,
        since="2024年3月1日加入",
    )
    image = Image.open(io.BytesIO(draw(facts))).convert("RGB")
    margin = image.crop((1200 - 60, 150, 1200, 500))
    assert ImageColor.getrgb(FACES[""][1]) not in {
        colour for _count, colour in margin.getcolors(100_000) or ()
    }
    assert facts.etag != CardFacts(1, "", "", "", "").etag


def test_a_ticket_of_a_suspended_pass_waits_for_its_dispute(client, app, owner, ticket, make, now, site_db):
    with site_db.uow() as session:
        held = session.scalars(select(Pass)).one()
        groups.accept_covenant(
            session,
            member_id=ticket.member_id,
            line_id=session.get_one(Seat, ticket.seat_id).line_id,
            version=1,
            now=now,
        )
        passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
        code = ticket.code
    in_language(sign_in(client, owner), "en")
    page = text_of(client.get(f"/me/ticket/{ticket.id}"))
    assert "Your pass is suspended" in page and f"/me/ticket/{ticket.id}.svg" not in page
    door = in_language(sign_in(app.test_client(), make.account(roles=("host",))), "en")
    page = text_of(door.get(post(door, "/door", {"code": code}).location))
    assert "Suspended: the payment is disputed" in page and "Admit, once" not in page
    with site_db.uow() as session:
        passes.resume(session, pass_ids=[held.id], now=now, actor=SYSTEM)
    assert "Your pass is suspended" not in text_of(client.get(f"/me/ticket/{ticket.id}"))


def test_a_bare_code_is_for_hosts_only(client, app, ticket, make, owner):
    bare = f"/t/{ticket.code}"
    assert client.get(bare).status_code == 404
    assert client.get("/t/000000000000").status_code == 404
    sign_in(client, owner)
    assert client.get(bare).status_code == 404
    sign_in(client, make.account(roles=("host",)))
    assert client.get(bare).status_code == 200


def test_hosts_do_not_stop_each_other_and_hits_are_not_counted(make_app, make, site_db, ticket):
    app = make_app(QUNCLUB_RATE_LIMITS="yes")
    one, other = app.test_client(), app.test_client()
    sign_in(one, make.account(roles=("host",)))
    sign_in(other, make.account(roles=("host",)))
    assert {post(one, "/door", {"code": ticket.code}).status_code for _ in range(61)} == {303}
    for _ in range(60):
        post(one, "/door", {"code": "000000000000"})
    assert post(one, "/door", {"code": ticket.code}).status_code == 429
    assert post(other, "/door", {"code": ticket.code}).status_code == 303


def test_a_host_who_leaves_is_named_on_no_ticket(site_db, app, ticket, make, now):
    _account, member = make.person(name="Host Hong", roles=("host",))
    actor = Actor(member.user_key, "Host Hong", member_id=member.id, roles=frozenset({"host"}))
    with site_db.uow() as session:
        tickets.check_in(session, text=ticket.code, secret="s", actor=actor, now=now)
    with site_db.uow() as session:
        tickets.forget_host(session, member_id=member.id, names={"Host Hong"}, nameless="–")
    with site_db.session() as session:
        row = session.get_one(EntryTicket, ticket.id)
        assert (row.state, row.used_by, row.used_at) == ("used", "–", now)
