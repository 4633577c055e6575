"""Who was taken out for cause takes no new seat, is told why, and keeps what was paid for."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import groups, passes
from qunclub.groups.models import Group, Seat
from qunclub.groups.models_bar import Bar
from qunclub.kernel import Actor, Conflict, Invalid, outbox
from qunclub.passes import doctor as passes_doctor
from tests.support.pages import in_language, post, sign_in, text_of

SYSTEM = Actor.system("test")
DAY = dt.timedelta(days=1)


def remove(session, make, seat, now, **values):
    return groups.remove_member(
        session, seat_id=seat.id, reason="Advertising", actor=SYSTEM, now=now, **values
    )


def take(session, line, member_id, now):
    return groups.take_seat(session, line_id=line.id, member_id=member_id, now=now)


def test_a_removed_member_takes_no_seat_of_the_line_until_it_ends(session, make, now):
    line, other = make.group_line(), make.group_line()
    seat = make.seat(line)
    remove(session, make, seat, now, until=now + DAY)
    with pytest.raises(groups.Barred) as refused:
        take(session, line, seat.member_id, now)
    assert refused.value.bar.reason == "Advertising"
    assert take(session, other, seat.member_id, now).state == "admitted"
    assert take(session, line, seat.member_id, now + DAY).state == "admitted"


def test_a_bar_of_the_club_ends_every_seat_and_keeps_all_lines_closed(session, make, now):
    line, other = make.group_line(), make.group_line(capacities=[1])
    seat = make.seat(line)
    elsewhere = take(session, other, seat.member_id, now)
    waiting = make.seat(other)
    remove(session, make, seat, now, scope="club")
    assert (elsewhere.state, waiting.state) == ("removed", "admitted")
    for one in (line, other, make.group_line()):
        with pytest.raises(groups.Barred):
            take(session, one, seat.member_id, now + 999 * DAY)


def test_without_a_bar_they_may_come_back(session, make, now):
    line = make.group_line()
    seat = make.seat(line)
    remove(session, make, seat, now, scope="none")
    assert session.scalars(select(Bar)).all() == []
    assert take(session, line, seat.member_id, now).state == "admitted"


def test_an_admin_lifts_it_once(session, make, now):
    line = make.group_line()
    seat = make.seat(line)
    remove(session, make, seat, now)
    bar = session.scalars(select(Bar)).one()
    admin = make.actor(roles=("admin",))
    groups.lift_bar(session, bar_id=bar.id, reason="A mistake", actor=admin, now=now)
    assert take(session, line, seat.member_id, now).state == "admitted"
    with pytest.raises(Conflict):
        groups.lift_bar(session, bar_id=bar.id, reason="Again", actor=admin, now=now)
    with pytest.raises(Invalid):
        remove(session, make, make.seat(line), now, until=now)


def test_rooms_that_decide_themselves_bar_without_a_seat(session, make, now):
    line = make.group_line()
    seat = make.seat(line)
    groups.bar_member(
        session, member_id=seat.member_id, line_id=line.id, reason="Third time", actor=make.actor(), now=now
    )
    assert seat.state == "removed"
    with pytest.raises(groups.Barred):
        take(session, line, seat.member_id, now)


def test_the_core_asks_too(session, make, now):
    line = make.group_line(kind="core")
    group = groups.first_group(session, line, now=now)
    member = make.member(number=True)
    seat = groups.enter_core(session, group_id=group.id, member_id=member.id, now=now)
    remove(session, make, seat, now)
    with pytest.raises(groups.Barred):
        groups.enter_core(session, group_id=group.id, member_id=member.id, now=now)
    among = groups.barred_among(session, group_id=group.id, member_ids=[member.id, 999], now=now)
    assert among == {member.id}
    assert groups.barred_among(session, group_id=None, member_ids=[member.id], now=now) == set()


def test_a_barred_buyer_gets_everything_but_the_seat(session, make, now):
    line = make.group_line()
    member = make.member()
    held = make.pass_(make.plan(line=line), member)
    seat = session.get_one(Seat, held.seat_id)
    remove(session, make, seat, now)
    passes.revoke(session, pass_id=held.id, reason="Refunded", now=now, actor=make.actor())
    bought = make.pass_(make.plan(line=line), member)
    assert (bought.state, bought.seat_id) == ("active", None)
    assert passes_doctor.check(session, now) == []


def test_pages_say_so_before_paying_and_afterwards(client, make, site_db, now):
    account, member = make.person(name="Hua", number=True)
    line = make.group_line(slug="one", name="One")
    plan = make.plan(line=line, slug="member")
    seat = make.seat(line, member)
    with site_db.uow() as session:
        remove(session, make, seat, now)
    in_language(sign_in(client, account), "en")
    for path in ("/passes/member", "/passes/member/order"):
        page = text_of(client.get(path))
        assert "You would get no seat in One" in page and "Advertising" in page, path
    page = text_of(client.get("/groups/one"))
    assert "You may take no seat in One" in page
    page = text_of(client.get("/groups"))
    assert "Seats that were taken back" in page and "Advertising" in page
    held = make.pass_(plan, member)
    assert "You may take no seat" in text_of(client.get(f"/welcome/{held.id}"))
    assert client.get("/admin/groups/barred").status_code == 403


def test_an_admin_sets_and_lifts_a_bar_by_hand(client, make, site_db, now):
    account, _row = make.person(name="Boss", roles=("admin",))
    in_language(sign_in(client, account), "en")
    assert "Nobody is barred" in text_of(client.get("/admin/groups/barred"))
    member = make.member(name="Zhang San", number=True)
    seat = make.seat(make.group_line(name="One"), member)
    path = f"/admin/groups/seats/{seat.id}/remove"
    answer = post(client, path, {"reason": "Spam", "scope": "club", "days": "0"})
    assert answer.status_code == 422 and "Spam" in text_of(answer)
    assert post(client, path, {"reason": "Spam", "scope": "club", "days": "30"}).status_code == 303
    with site_db.session() as session:
        bar = session.scalars(select(Bar)).one()
        assert (bar.line_id, bar.until) == (None, now + 30 * DAY)
        mail = session.scalars(select(outbox.OutboxMessage)).one()
        assert (mail.payload["template"], mail.payload["context"]["bar"]) == ("seat_removed", "club")
    page = text_of(client.get(f"/admin/groups/barred?q={member.number}"))
    assert "Zhang San" in page and "The whole club" in page
    assert "Nobody found" in text_of(client.get("/admin/groups/barred?q=999"))
    path = f"/admin/groups/barred/{bar.id}/lift"
    assert "What happens" in text_of(client.get(path))
    assert post(client, path, {"reason": ""}).status_code == 422
    assert post(client, path, {"reason": "They said sorry."}).status_code == 303
    assert "They said sorry." in text_of(client.get("/admin/groups/barred"))
    late = post(client, path, {"reason": "Once more."})
    assert late.status_code == 409 and "Once more." in text_of(late) and "has ended already" in text_of(late)
    assert client.get("/admin/groups/barred/999/lift").status_code == 404


def test_the_removal_tells_of_courses_that_the_seat_opened(session, make, now, monkeypatch):
    from qunclub.groups import entry

    monkeypatch.setattr(entry, "OPENED_BY", [lambda _session, _group: ["Charts"]])
    line = make.group_line()
    remove(session, make, make.seat(line), now)
    group = session.scalars(select(Group)).one()
    assert entry.opened_by(session, group.id) == ["Charts"]
    mail = session.scalars(select(outbox.OutboxMessage)).one()
    assert mail.payload["context"]["courses"] == ["Charts"]
