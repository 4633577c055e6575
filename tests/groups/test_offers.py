"""Priority, offers that run out, declining and leaving; promises 2 and 4."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import groups, passes
from qunclub.groups import doctor, services_offers
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Conflict, Invalid, NotFound, locks, outbox, store
from qunclub.passes import jobs as passes_jobs
from qunclub.passes.models import EntryTicket, Pass
from tests.support.concurrency import concurrently, failed
from tests.support.pages import in_language, post, sign_in, text_of

HOUR = dt.timedelta(hours=1)


def take(session, line, member, now, priority=0):
    return groups.take_seat(session, line_id=line.id, member_id=member.id, now=now, priority=priority)


def full(make, waiting, **line):
    """A line with one seat that is taken, and so many who wait."""
    made = make.group_line(capacities=[1], **line)
    first, *rest = [make.seat(made) for _ in range(1 + waiting)]
    return made, first, rest


def end(session, seat, now):
    return groups.leave_seat(session, seat_id=seat.id, state="left", reason="", now=now)


def test_priority_goes_before_time_and_the_place_says_so(session, make, now):
    line, first, (early, late) = full(make, 2)
    urgent = take(session, line, make.member(number=True), now, priority=3)
    assert [groups.waiting_place(session, one) for one in (early, late, urgent)] == [2, 3, 1]
    again = groups.take_seat(session, line_id=line.id, member_id=late.member_id, now=now, priority=5)
    assert again.id == late.id
    assert [groups.waiting_place(session, one) for one in (early, late, urgent)] == [3, 1, 2]
    assert [one.id for one in end(session, first, now)] == [late.id]
    assert doctor.check(session, now) == []


def test_a_plan_gives_its_priority(session, make, now):
    line, _first, (early,) = full(make, 1)
    held = make.pass_(make.plan(line=line, seat_priority=2))
    seat = session.get_one(Seat, held.seat_id)
    assert [groups.waiting_place(session, one) for one in (seat, early)] == [1, 2]


def test_an_admin_lets_somebody_come_sooner_and_it_is_logged(session, make, now):
    _line, _first, (early, late) = full(make, 2)
    say = {"reason": "Waited before", "actor": make.actor(), "now": now}
    services_offers.set_priority(session, seat_id=late.id, priority=9, **say)
    assert groups.waiting_place(session, early) == 2
    entry = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "seat.priority")).one()
    assert (entry.details["before"], entry.details["after"]) == (0, 9)
    with pytest.raises(Invalid):
        services_offers.set_priority(session, seat_id=late.id, priority=10, **say)
    end(session, late, now)
    with pytest.raises(Conflict):
        services_offers.set_priority(session, seat_id=late.id, priority=1, **say)


def test_a_freed_seat_is_offered_taken_and_then_a_ticket_is_made(session, make, now):
    line, first, (next_, _last) = full(make, 2, offer_hours=24)
    assert [one.id for one in end(session, first, now)] == [next_.id]
    assert (next_.state, next_.offered_until) == ("offered", now + 24 * HOUR)
    group = session.scalars(select(Group)).one()
    assert (group.seated, line.waiting_count) == (1, 1)
    newcomer = make.seat(line)
    assert newcomer.state == "waiting"
    assert doctor.check(session, now) == []
    with pytest.raises(NotFound):
        groups.accept_offer(session, seat_id=next_.id, member_id=newcomer.member_id, now=now)
    for _ in range(2):
        groups.accept_offer(session, seat_id=next_.id, member_id=next_.member_id, now=now)
    assert (next_.state, next_.admitted_at, next_.offered_until) == ("admitted", now, None)
    assert passes_jobs.follow_seats(session, now) > 0
    assert doctor.check(session, now) == []
    keys = session.scalars(select(outbox.OutboxMessage.key)).all()
    assert keys == [f"mail:seat_offered:{next_.id}:{now.isoformat()}"]


def test_an_offer_declined_goes_to_the_next(session, make, now):
    _line, first, (one, two) = full(make, 2, offer_hours=24)
    end(session, first, now)
    groups.decline_offer(session, seat_id=one.id, member_id=one.member_id, now=now)
    assert (one.state, one.end_reason, two.state) == ("left", services_offers.DECLINED, "offered")
    with pytest.raises(Conflict):
        groups.decline_offer(session, seat_id=one.id, member_id=one.member_id, now=now)
    assert doctor.check(session, now) == []


def test_an_offer_unanswered_goes_to_the_next_once(session, make, now):
    _line, first, (one, two) = full(make, 2, offer_hours=24)
    end(session, first, now)
    assert groups.expire_offers(session, now=now + 23 * HOUR) == 0
    later = now + 24 * HOUR
    with pytest.raises(Conflict):
        groups.accept_offer(session, seat_id=one.id, member_id=one.member_id, now=later)
    assert doctor.check(session, later + 2 * HOUR) != []
    assert groups.expire_offers(session, now=later) == 1
    assert (one.state, two.state, two.offered_until) == ("left", "offered", later + 24 * HOUR)
    assert groups.expire_offers(session, now=later) == 0
    templates = [m.payload["template"] for m in session.scalars(select(outbox.OutboxMessage))]
    assert sorted(templates) == ["seat_offer_over", "seat_offered", "seat_offered"]
    assert doctor.check(session, later) == []


def test_a_member_leaves_by_themself_and_asks_again(session, make, now):
    line = make.group_line(capacities=[1])
    held, other = make.pass_(make.plan(line=line)), make.pass_(make.plan(line=line))
    seat = session.get_one(Seat, held.seat_id)
    with pytest.raises(NotFound):
        groups.leave(session, seat_id=seat.id, member_id=other.member_id, now=now)
    groups.leave(session, seat_id=seat.id, member_id=held.member_id, now=now)
    assert session.get_one(Seat, other.seat_id).state == "admitted"
    passes_jobs.follow_seats(session, now)
    states = dict(session.execute(select(EntryTicket.seat_id, EntryTicket.state)).all())
    assert states == {seat.id: "void", other.seat_id: "valid"}
    again = passes.ask_again(session, pass_id=held.id, member_id=held.member_id, now=now)
    assert again.state == "waiting" and session.get_one(Pass, held.id).seat_id == again.id
    assert passes.ask_again(session, pass_id=held.id, member_id=held.member_id, now=now).id == again.id
    with pytest.raises(Conflict):
        groups.leave(session, seat_id=seat.id, member_id=held.member_id, now=now)
    with pytest.raises(NotFound):
        passes.ask_again(session, pass_id=held.id, member_id=other.member_id, now=now)
    passes.revoke(session, pass_id=held.id, reason="", now=now, actor=make.actor())
    with pytest.raises(Conflict):
        passes.ask_again(session, pass_id=held.id, member_id=held.member_id, now=now)
    assert doctor.check(session, now) == []


def test_a_core_group_is_left_on_its_own_page(session, make, now):
    line = make.group_line(kind="core")
    group = groups.first_group(session, line, now=now)
    member = make.member(number=True)
    seat = groups.enter_core(session, group_id=group.id, member_id=member.id, now=now)
    with pytest.raises(Conflict):
        groups.leave(session, seat_id=seat.id, member_id=member.id, now=now)


# ---- at once ----

N = 24


def race(db, make, now):
    """8 seats on offer whose time is up at this moment, 12 who wait; answers, sweeps, newcomers and leavers at once."""
    line = make.group_line(capacities=[8], offer_hours=1)
    first = [make.seat(line) for _ in range(8)]
    rest = [make.seat(line) for _ in range(12)]
    with db.uow() as session:
        for seat in first:
            groups.leave_seat(session, seat_id=seat.id, state="left", reason="", now=now)
    newcomers = [make.member(number=True).id for _ in range(4)]

    def act(session, index):
        kind, at = index % 6, index // 6
        if kind in (0, 1):
            groups.expire_offers(session, now=now + HOUR)
        elif kind == 2:
            one = rest[at]
            groups.accept_offer(session, seat_id=one.id, member_id=one.member_id, now=now)
        elif kind == 3:
            one = rest[4 + at]
            groups.decline_offer(session, seat_id=one.id, member_id=one.member_id, now=now)
        elif kind == 4:
            groups.take_seat(session, line_id=line.id, member_id=newcomers[at], now=now)
        else:
            one = rest[8 + at]
            groups.leave(session, seat_id=one.id, member_id=one.member_id, now=now)

    return line, lambda: concurrently(db, N, act)


def test_answers_expiry_and_newcomers_at_once_never_oversell(db, make, now, thinking):
    line, run = race(db, make, now)
    assert [one for one in failed(run()) if not isinstance(one, Conflict)] == []
    with db.session() as session:
        states = dict(
            session.execute(
                select(Seat.state, func.count()).where(Seat.line_id == line.id).group_by(Seat.state)
            ).all()
        )
        kept = session.get_one(GroupLine, line.id)
        taken = states.get("admitted", 0) + states.get("offered", 0)
        assert taken <= 8 and (taken == 8 or kept.waiting_count == 0)
        assert session.scalars(select(Group.seated)).one() == taken
        assert doctor.check(session, now + HOUR) == []


def test_without_the_lock_offers_are_given_twice_or_the_database_refuses(db, make, now, thinking):
    """Negative control of the test above."""
    _line, run = race(db, make, now)
    with locks.disabled():
        outcomes = run()
    refused = [one for one in failed(outcomes) if not isinstance(one, Conflict)]
    with db.session() as session:
        assert refused or doctor.check(session, now + HOUR)


# ---- pages ----


@pytest.fixture
def offered(make, client, site_db, now):
    """(line, held) of a member who has a seat on offer and is signed in."""
    line = make.group_line(slug="one", name="One", capacities=[1], offer_hours=24)
    first = make.seat(line)
    account, member = make.person(name="Hua", nickname="Hua", city="Wuhan")
    held = make.pass_(make.plan(line=line, slug="member", title="Member"), member)
    with site_db.uow() as session:
        groups.leave_seat(session, seat_id=first.id, state="left", reason="", now=now)
    in_language(sign_in(client, account), "en")
    return line, held


def test_the_offer_has_a_page_and_the_entry_link_leads_there(client, offered, make, site_db):
    _line, held = offered
    path = f"/groups/seats/{held.seat_id}"
    assert client.get("/g/one").location.endswith(f"{path}/offer")
    page = text_of(client.get(f"{path}/offer"))
    assert "kept for you until" in page and "Take the seat" in page
    for other in ("/groups", "/groups/one-1", f"/welcome/{held.id}"):
        assert f"{path}/offer" in text_of(client.get(other)), other
    assert client.get("/groups/one-1/entry.svg").status_code == 404
    assert post(client, f"{path}/accept").status_code == 303
    assert client.get("/g/one").location.endswith("/groups/one-1")
    assert client.get(f"{path}/offer").location.endswith("/groups/one-1")
    assert post(client, f"{path}/decline").status_code == 409
    sign_in(client, make.account(number=True))
    for verb in ("offer", "leave"):
        assert client.get(f"{path}/{verb}").status_code == 404
    for verb in ("accept", "decline", "leave"):
        assert post(client, f"{path}/{verb}").status_code == 404


def test_declining_then_asking_again_on_the_welcome_page(client, offered, site_db):
    _line, held = offered
    page = text_of(post(client, f"/groups/seats/{held.seat_id}/decline", follow_redirects=True))
    assert "goes to the next who waits" in page
    assert "This offer has ended" in text_of(client.get(f"/groups/seats/{held.seat_id}/offer"))
    assert client.get("/g/one").location.endswith(f"/welcome/{held.id}#seat")
    page = text_of(client.get(f"/welcome/{held.id}"))
    assert "Ask for a seat" in page and "declined" in page
    page = text_of(post(client, f"/welcome/{held.id}/seat", follow_redirects=True))
    assert "You have a seat again." in page and "Ask for a seat" not in page


def test_leaving_says_what_happens_first(client, offered):
    _line, held = offered
    path = f"/groups/seats/{held.seat_id}"
    post(client, f"{path}/accept")
    assert f"{path}/leave" in text_of(client.get("/groups/one-1"))
    assert "your entry ticket is void" in text_of(client.get(f"{path}/leave"))
    page = text_of(post(client, f"{path}/leave", follow_redirects=True))
    assert "You have left the group." in page
    assert client.get(f"{path}/leave").status_code == 303


def test_the_entry_link_leads_visitors_to_the_passes(client, make, app):
    line = make.group_line(slug="two", name="Two")
    in_language(client, "en")
    assert "No pass into this group is on sale" in text_of(client.get("/g/two"))
    make.plan(line=line, slug="member", title="Membership")
    page = text_of(client.get("/g/two"))
    assert "Membership" in page and "/passes/member" in page and "Sign in" in page
    picture = client.get("/g/two/qr.svg")
    assert picture.mimetype == "image/svg+xml" and b"<svg" in picture.data
    assert client.get("/g/two-1").status_code == 404 and client.get("/g/none/qr.svg").status_code == 404


def test_an_admin_finds_the_link_and_changes_a_place(client, make, site_db):
    account, _row = make.person(name="Boss", roles=("admin",))
    in_language(sign_in(client, account), "en")
    line = make.group_line(slug="one", capacities=[1], offer_hours=5)
    make.seat(line)
    waiting = make.seat(line)
    page = text_of(client.get(f"/admin/groups/{line.id}"))
    assert "/g/one" in page and "/g/one/qr.svg" in page and "offered for 5 hours" in page
    path = f"/admin/groups/seats/{waiting.id}/priority"
    assert path in text_of(client.get(f"/admin/groups/{line.id}/seats?state=waiting"))
    assert post(client, path, {"priority": "4", "reason": ""}).status_code == 422
    assert post(client, path, {"priority": "4", "reason": "Ill for weeks"}).status_code == 303
    assert "priority 4" in text_of(client.get(f"/admin/groups/{line.id}/seats?state=waiting"))
    with site_db.session() as session:
        assert session.get_one(Seat, waiting.id).turn == -4


def test_the_sweep_ends_offers_and_makes_the_tickets(app, offered, site_db, make):
    from qunclub.groups import jobs

    with app.app_context():
        state = app.extensions["qunclub"]
        state.clock = lambda: make.now + 25 * HOUR
        assert jobs.sweep(state) >= 1
    with site_db.session() as session:
        assert session.get_one(Seat, offered[1].seat_id).state == "left"
