"""The rule of the way in, the true place in the queue, addresses that hide nothing, new covenants told once."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from qunclub import groups
from qunclub.groups import queries_mine, rules_covenant, services_covenant
from qunclub.groups.models import Group, Seat
from qunclub.groups.rules_entry import CLOSED_WORDS, EntryFacts, may_enter, why_closed
from qunclub.kernel import Actor, Invalid, outbox
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")
STATES = ("waiting", "offered", "admitted", "left", "removed")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (EntryFacts("admitted"), ""),
        (EntryFacts("admitted", covenant=False), "covenant"),
        (EntryFacts("admitted", introduced=False), "introduction"),
        (EntryFacts("admitted", covenant=False, introduced=False), "covenant"),
        (EntryFacts("admitted", covenant=False, disputed=True), "suspended_payment"),
        (EntryFacts("admitted", suspended=True, disputed=True), "suspended"),
        (EntryFacts("removed", suspended=True), "removed"),
        (EntryFacts("left"), "left"),
        (EntryFacts("waiting", covenant=False), "waiting"),
        (EntryFacts("offered"), "offered"),
    ],
)
def test_why_the_way_in_is_closed(facts, why):
    assert why_closed(facts) == why and (why in CLOSED_WORDS)


@given(st.builds(EntryFacts, st.sampled_from(STATES), *[st.booleans()] * 4))
def test_only_who_has_everything_enters(facts):
    given_all = facts.covenant and facts.introduced
    assert may_enter(facts) == (
        facts.seat == "admitted" and given_all and not facts.suspended and not facts.disputed
    )


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_a_difference_holds_both_versions(before, after):
    found = rules_covenant.changes("\n".join(before), "\n".join(after))
    assert [one.text for one in found if one.kind != "gone"] == after
    assert [one.text for one in found if one.kind != "new"] == before


def test_the_place_is_true_and_says_when_it_is_not_counted(session, make, now, monkeypatch):
    monkeypatch.setattr(queries_mine, "COUNTED_PLACES", 2)
    line = make.group_line(capacities=[1])
    seats = [make.seat(line) for _ in range(5)]
    mine = [one for seat in seats if (one := queries_mine.seat_of(session, seat.id)) is not None]
    assert [one.place for one in mine] == [None, 1, 2, 3, 3]
    assert [one.far for one in mine] == [False, False, False, True, True]


def test_waiting_in_many_lines_costs_what_waiting_in_one_does(db, make):
    member = make.member(number=True)

    def cost():
        with count_statements(db.engine) as sent, db.session() as session:
            assert all(one.place for one in groups.my_seats(session, member.id))
        return sent.count

    def wait():
        line = make.group_line(capacities=[1], covenant_md="Rules")
        make.seat(line)
        make.seat(line, member)

    wait()
    before = cost()
    for _ in range(4):
        wait()
    assert cost() == before


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a-1"), ("a-1", "a"), ("a-b", "a-b-12"), ("same", "same"), ("x-2", "x")]
)
def test_addresses_cannot_hide_each_other(session, make, first, second):
    make.group_line(slug=first)
    with pytest.raises(Invalid) as refused:
        make.group_line(slug=second)
    assert refused.value.field == "slug"


def test_other_addresses_and_reserved_words(session, make):
    for slug in ("a", "a-b", "ab", "b-1", "a-b-c"):
        make.group_line(slug=slug)
    with pytest.raises(Invalid):
        make.group_line(slug="waiting")


@pytest.mark.parametrize("wrong", [{"kind": "guild"}, {"posting": "nobody"}])
def test_a_line_is_of_a_known_kind(session, make, wrong):
    with pytest.raises(Invalid) as refused:
        make.group_line(**wrong)
    assert refused.value.field == next(iter(wrong))


def keys(session):
    found = session.scalars(select(outbox.OutboxMessage.key).order_by(outbox.OutboxMessage.id))
    return [key for key in found if key.startswith("mail:covenant:")]


def tell_all(session, now, limit):
    batches = []
    while (found := services_covenant.tell_next(session, now=now, limit=limit)) is not None:
        batches.append(found)
    return batches


def test_a_new_covenant_is_told_once_to_everybody_in_batches(session, make, now):
    line = make.group_line(covenant_md="Be kind.", capacities=[9, 1])
    seats = [make.seat(line) for _ in range(5)]
    assert tell_all(session, now, 2) == [2, 2, 1]
    assert len(keys(session)) == 5
    later = now + dt.timedelta(hours=1)
    second = groups.publish_covenant(session, line_id=line.id, body_md="Be kinder.", actor=SYSTEM, now=later)
    accepted = seats[0].member_id
    groups.accept_covenant(session, member_id=accepted, line_id=line.id, version=2, now=later)
    assert services_covenant.tell_next(session, now=later, limit=2) == 2
    third = groups.publish_covenant(session, line_id=line.id, body_md="Be kindest.", actor=SYSTEM, now=later)
    tell_all(session, later, 2)
    told = keys(session)[5:]
    assert told[0] == f"mail:covenant:{second.id}:{seats[1].member_id}"
    assert told[1:] == [f"mail:covenant:{third.id}:{seat.member_id}" for seat in seats]
    assert tell_all(session, later, 2) == []


def test_the_sweepers_follow_an_index(session, make, now, db):
    """However many seats and tickets there are: only those that changed are read."""
    from qunclub.passes import jobs, tickets

    line = make.group_line(capacities=[3000])
    make.seat(line)
    if db.kind != "sqlite":
        assert jobs.follow_seats(session, now) == 0
        return
    with count_statements(db.engine) as sent:
        jobs.follow_seats(session, now)
        services_covenant.tell_next(session, now=now)
        bool(tickets.disputed_among(session, [1]))
    raw = session.connection().connection.dbapi_connection
    plan = [
        row[3]
        for statement in sent.sent
        if statement.lstrip().upper().startswith("SELECT")
        for row in raw.execute("EXPLAIN QUERY PLAN " + statement, [1] * statement.count("?"))
    ]
    assert plan
    for step in plan:
        partial = "ix_qunclub_seat_stirred" in step or "ix_qunclub_covenant_notice_due" in step
        assert step.startswith("SEARCH") or partial or "DISTINCT" in step, plan


def test_the_list_of_seats_follows_its_index(session, make, db):
    from qunclub.groups import queries

    line = make.group_line()
    if db.kind != "sqlite":
        assert session.execute(text("SELECT 1")).scalar() == 1
        return
    raw = session.connection().connection.dbapi_connection
    for filters in ({}, {"state": "removed"}, {"group_id": 1}, {"state": "waiting"}):
        query = str(queries.seats_query(line.id, **filters).limit(51))
        query = query.replace("qunclub_seat.", "qunclub_seat.")
        marks = [name for name in set(__import__("re").findall(r":(\w+)", query))]
        plan = [row[3] for row in raw.execute("EXPLAIN QUERY PLAN " + query, dict.fromkeys(marks, 1))]
        assert not any("TEMP B-TREE" in step for step in plan), (filters, plan)


@pytest.fixture
def inside(make, client, site_db, now):
    """Somebody with a pass, a seat and an accepted covenant, signed in; gives (member, held)."""
    line = make.group_line(slug="one", name="One", covenant_md="Be kind.")
    account, member = make.person(name="Hua", nickname="Hua", city="Wuhan")
    held = make.pass_(make.plan(line=line), member)
    with site_db.uow() as session:
        group = session.scalars(select(Group)).one()
        groups.set_entry(
            session,
            group_id=group.id,
            entry_url="https://chat.example.com",
            entry_note="",
            actor=SYSTEM,
            now=now,
        )
        groups.accept_covenant(session, member_id=member.id, line_id=line.id, version=1, now=now)
    in_language(sign_in(client, account), "en")
    return member, held


def ways_in(client, held):
    """What each door of the way in says: (shows the chat, …) of group page, welcome, pictures, ticket."""
    ticket = client.get(f"/me/tickets/seat/{held.seat_id}").location
    return (
        "chat.example.com" in text_of(client.get("/groups/one-1")),
        "chat.example.com" in text_of(client.get(f"/welcome/{held.id}")),
        client.get("/groups/one-1/entry.svg").status_code == 200,
        client.get(f"{ticket}.svg").status_code == 200,
        "qc-ticket__qr" in text_of(client.get(ticket)),
    )


def test_every_door_asks_the_same_rule(client, make, inside, site_db, now):
    from qunclub import members, passes

    member, held = inside
    assert ways_in(client, held) == (True,) * 5
    with site_db.uow() as session:
        passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
    assert ways_in(client, held) == (False,) * 5
    assert "disputed at the bank" in text_of(client.get("/groups/one-1"))
    with site_db.uow() as session:
        passes.resume(session, pass_ids=[held.id], now=now, actor=SYSTEM)
    assert ways_in(client, held) == (True,) * 5
    with site_db.uow() as session:
        members.suspend(session, member_id=member.id, reason="Spam", actor=SYSTEM, now=now)
    assert ways_in(client, held) == (False,) * 5


def test_a_removed_member_finds_every_door_closed(client, make, inside, site_db, now):
    _member, held = inside
    with site_db.uow() as session:
        groups.remove_member(session, seat_id=held.seat_id, reason="Ads", actor=SYSTEM, now=now)
        assert session.get_one(Seat, held.seat_id).state == "removed"
    assert ways_in(client, held) == (False,) * 5


def test_a_name_without_the_city_the_rule_asks_for_is_refused(client, inside):
    _member, held = inside
    answer = post(client, f"/welcome/{held.id}/name", {"nickname": "Hehe", "city": " "})
    page = text_of(answer)
    assert answer.status_code == 422 and "The rule for names" in page and 'value="Hehe"' in page


def test_lines_come_page_by_page_and_filtered(client, make):
    for serial in range(26):
        make.group_line(name=f"Line {serial:02}", kind="city" if serial == 25 else "learner")
    in_language(client, "en")
    page = text_of(client.get("/groups"))
    assert "Line 00" in page and "Line 25" not in page and "page=2" in page
    assert "Line 25" in text_of(client.get("/groups?page=2"))
    page = text_of(client.get("/groups?kind=city"))
    assert "Line 25" in page and "Line 00" not in page
    assert "No group found" in text_of(client.get("/groups?q=nothing"))
