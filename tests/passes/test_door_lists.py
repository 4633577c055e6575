"""Lists for places without a network: what they carry, taking in what was checked, conflicts with both hosts."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import groups, passes
from qunclub.groups.models import Group, Seat
from qunclub.groups.models_hosts import GroupHost
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, locks
from qunclub.members.models import Member
from qunclub.passes import doctor_door, queries_lists, rules_lists, services_door, services_lists, tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import TicketCheck
from qunclub.passes.rules_door import Doors
from qunclub.passes.services_door import Way
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SECRET = "a secret of the club"
MADE = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)


def host_of(make, name):
    member = make.member(name=name, nickname=name, roles=["host"])
    return Actor(key=member.user_key, name=name, roles=frozenset({"host"}), member_id=member.id)


def group_of(session, held):
    return session.get_one(Seat, held.seat_id).group_id


def code_of(session, held):
    return session.scalars(select(EntryTicket.code).where(EntryTicket.seat_id == held.seat_id)).one()


def listed(session, group_id, actor, now, hours=12):
    return services_lists.make_list(
        session, group_id=group_id, hours=hours, doors=Doors(), actor=actor, now=now
    )


def take(session, made_id, code, actor, now, key="phone-key-1", at=""):
    return services_lists.take_in(
        session, list_id=made_id, key=key, code=code, at=at or now.isoformat(), device="Android", secret=SECRET,
        actor=actor, now=now,
    )  # fmt: skip


# ---- rules ----


@given(st.integers(-10_000_000, 10_000_000))
def test_a_phones_clock_is_believed_between_the_list_and_now(seconds):
    at, now = MADE + dt.timedelta(seconds=seconds), MADE + dt.timedelta(hours=9)
    found = rules_lists.claimed(at.isoformat(), made_at=MADE, now=now)
    assert found is not None and MADE <= found <= now
    assert found == at or not MADE <= at <= now


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-04-15T05:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_nonsense_is_no_time(text):
    assert rules_lists.claimed(text, made_at=MADE, now=MADE) is None


# ---- services ----


def test_a_list_carries_names_and_who_may_come_in_but_no_codes(session, make, now):
    line = make.group_line(capacities=(9,), nickname_rule="{number}-{nickname}")
    plan = make.plan(line=line)
    held = [make.pass_(plan, make.member(nickname=f"N{n}")) for n in range(4)]
    actor = host_of(make, "Ho")
    codes = [code_of(session, one) for one in held]
    services_door.check(
        session, text=codes[1], secret=SECRET, doors=Doors(), way=Way("typed"), actor=actor, now=now
    )
    passes.suspend(session, pass_ids=[held[2].id], reason="Dispute", now=now, actor=actor)
    passes.revoke(session, pass_id=held[3].id, reason="Refunded", now=now, actor=actor)
    made = listed(session, group_of(session, held[0]), actor, now)
    assert (made.tickets, made.expires_at) == (3, now + dt.timedelta(hours=12))
    session.flush()
    found = services_lists.entries(session, made)
    assert [(one["name"], one["door"], one["why"]) for one in found] == [
        ("1-N0", "admit", ""), ("2-N1", "used", ""), ("3-N2", "suspended_payment", ""), ("4-N3", "removed", "Refunded"),
    ]  # fmt: skip
    assert found[0]["h"] == rules_lists.digest(codes[0], made.salt)
    assert not any(code in str(found) for code in codes)


def test_a_list_says_who_is_no_longer_in_the_group_and_why(session, make, now):
    """What the door says online, no more: the state, and the reason a host reads there."""
    line, other = make.group_line(capacities=(9,)), make.group_line()
    held = [make.pass_(make.plan(line=line), make.member(nickname=f"N{n}")) for n in range(4)]
    stranger = make.pass_(make.plan(line=other), make.member(nickname="Far"))
    actor = host_of(make, "Ho")
    codes = [code_of(session, one) for one in held]
    group = group_of(session, held[0])
    groups.leave(session, seat_id=held[1].seat_id, member_id=held[1].member_id, now=now)
    groups.remove_member(session, seat_id=held[2].seat_id, reason="Spam", actor=actor, now=now)
    groups.leave_seat(
        session, seat_id=held[3].seat_id, state="left", reason="Long ago", now=now - dt.timedelta(days=400)
    )
    groups.leave(session, seat_id=stranger.seat_id, member_id=stranger.member_id, now=now)
    made = listed(session, group, actor, now)
    assert made.tickets == 1
    found = services_lists.entries(session, made)
    assert found[0]["door"] == "admit"
    told = {one["h"]: (one["door"], one["why"]) for one in found}
    assert told[rules_lists.digest(codes[1], made.salt)] == ("left", "The member left the group.")
    assert told[rules_lists.digest(codes[2], made.salt)] == ("removed", "Spam")
    assert len(found) == 3, "neither who left a year ago nor those of other groups"
    assert all(set(one) == {"h", "name", "number", "door", "why"} for one in found)
    for code in codes[1:3]:
        online = services_door.check(
            session, text=code, secret=SECRET, doors=Doors(frozenset({group}), group), way=Way("typed"),
            actor=actor, now=now,
        )  # fmt: skip
        assert online.outcome == told[rules_lists.digest(code, made.salt)][0]


def test_a_list_is_made_for_ones_own_door(session, make, now):
    held = make.pass_(make.plan(line=make.group_line()))
    actor, group = host_of(make, "Ho"), group_of(session, held)
    with pytest.raises(Forbidden):
        services_lists.make_list(
            session, group_id=group, hours=12, doors=Doors(frozenset({group + 1})), actor=actor, now=now
        )
    with pytest.raises(Invalid):
        listed(session, group, actor, now, hours=1000)
    with pytest.raises(NotFound):
        listed(session, 999, actor, now)
    made = listed(session, group, actor, now)
    with pytest.raises(NotFound):
        services_lists.mine(session, made.id, host_of(make, "Another"))


def test_what_arrives_first_admits_and_the_other_is_a_conflict_with_both_hosts(session, make, now):
    held = make.pass_(make.plan(line=make.group_line()))
    code, group = code_of(session, held), group_of(session, held)
    ann, ben = host_of(make, "Ann"), host_of(make, "Ben")
    first, second = listed(session, group, ann, now), listed(session, group, ben, now)
    earlier, later = now + dt.timedelta(hours=1), now + dt.timedelta(hours=2)
    # Ben checked earlier by his phone, but Ann's phone found a network first.
    home = now + dt.timedelta(hours=5)
    assert take(session, first.id, code, ann, home, at=later.isoformat()).outcome == "admitted"
    late = home + dt.timedelta(minutes=9)
    assert take(session, second.id, code, ben, late, at=earlier.isoformat()).outcome == "used"
    assert take(session, second.id, code, ben, late, at=earlier.isoformat()).again
    (row,) = queries_lists.taken_in(session, second.id)
    assert row.conflict and row.check.claimed_at == earlier and row.check.by_id == ben.member_id
    assert row.first is not None and row.first.claimed_at == later
    assert row.first_host is not None and row.first_host.id == ann.member_id
    (row,) = queries_lists.taken_in(session, first.id)
    assert not row.conflict
    assert [made.id for made, _host in queries_lists.of_group(session, group)] == [second.id, first.id]
    assert session.scalar(select(func.count()).select_from(TicketCheck)) == 2
    assert doctor_door.check(session) == []


def test_a_conflict_after_the_ticket_was_made_good_again_is_one_row(session, make, now):
    held = make.pass_(make.plan(line=make.group_line()))
    code, ann, ben = code_of(session, held), host_of(make, "Ann"), host_of(make, "Ben")
    group = group_of(session, held)
    first, second = listed(session, group, ann, now), listed(session, group, ben, now)
    assert take(session, first.id, code, ann, now).outcome == "admitted"
    tickets.revive(session, seat_id=held.seat_id)
    assert take(session, first.id, code, ann, now, key="phone-key-2").outcome == "admitted"
    assert take(session, second.id, code, ben, now).outcome == "used"
    (row,) = queries_lists.taken_in(session, second.id)
    assert row.conflict and row.first is not None and row.first.turn == row.check.turn == 2


def test_uploads_close_and_keys_are_checked(session, make, now):
    held = make.pass_(make.plan(line=make.group_line()))
    actor = host_of(make, "Ho")
    made = listed(session, group_of(session, held), actor, now)
    code = code_of(session, held)
    with pytest.raises(Invalid):
        take(session, made.id, code, actor, now, key="x")
    with pytest.raises(Conflict):
        take(session, made.id, code, actor, made.closes_at + dt.timedelta(seconds=1))
    assert take(session, made.id, code, actor, made.closes_at).outcome == "admitted"


# ---- at once ----


def check_and_upload(db, make, now):
    """Six checks at the door and six uploads of one ticket at once."""
    held = make.pass_(make.plan(line=make.group_line()))
    actor = host_of(make, "Ho")
    with db.uow() as session:
        code, ident = code_of(session, held), listed(session, group_of(session, held), actor, now).id

    def act(session, index):
        if index % 2:
            return take(session, ident, code, actor, now, key=f"phone-key-{index}").outcome
        way = Way("typed")
        return services_door.check(
            session, text=code, secret=SECRET, doors=Doors(), way=way, actor=actor, now=now
        ).outcome

    return act


def test_checks_and_uploads_at_once_admit_once(db, make, now, thinking):
    outcomes = concurrently(db, 12, check_and_upload(db, make, now), retry=True)
    assert failed(outcomes) == [] and sorted(outcomes) == ["admitted"] + ["used"] * 11


def test_without_locks_checks_and_uploads_meet_the_index(db, make, now, thinking):
    """Negative control of the test above."""
    act = check_and_upload(db, make, now)
    with locks.disabled():
        outcomes = concurrently(db, 6, act)
    assert failed(outcomes) and succeeded(outcomes).count("admitted") <= 1


# ---- pages ----


@pytest.fixture
def stage(client, make, site_db):
    """A host who stands at the door of a group of three; (path of their list, codes, list id)."""
    plan = make.plan(line=make.group_line(slug="one", name="One", name_pattern="Group One", capacities=(9,)))
    for n in range(3):
        make.pass_(plan, make.member(nickname=f"Nick {n}"))
    account, _member = make.person(name="Host", nickname="Hosty", roles=("host",))
    in_language(sign_in(client, account), "en")
    with site_db.session() as session:
        group = session.scalars(select(Group.id)).one()
        codes = list(session.scalars(select(EntryTicket.code).order_by(EntryTicket.id)))
    post(client, "/door/at", {"group": group})
    assert "No list has been taken yet" in text_of(client.get("/door/lists"))
    path = post(client, "/door/lists", {"hours": "12"}).location
    return path, codes, int(path.rpartition("/")[2])


def upload(client, path, checks):
    token = client.get(f"{path}/token").json["token"]
    return client.post(f"{path}/upload", json={"checks": checks}, headers={"X-CSRFToken": token})


def test_a_list_is_taken_used_and_brought_back(client, app, make, stage, now, site_db):
    path, codes, ident = stage
    page = text_of(client.get(path))
    assert "Group One" in page and "door-offline" in page and "door-offline" in page
    data = client.get(f"{path}/list.json")
    assert "no-store" in data.headers["Cache-Control"] and len(data.json["entries"]) == 3
    checks = [
        {"key": f"phone-key-{n}", "code": code, "at": now.isoformat()} for n, code in enumerate(codes[:2])
    ]
    told = upload(client, path, [*checks, {"key": "short", "code": "x"}, "nonsense"]).json["results"]
    assert [one["outcome"] for one in told] == ["admitted", "admitted", "refused", "refused"]
    told = upload(client, path, checks).json["results"]
    assert [(one["outcome"], one["again"]) for one in told] == [("admitted", True)] * 2
    assert "Nick 0" in text_of(client.get(f"/door/lists/{ident}")) and "offline list" in text_of(
        client.get("/door/log")
    )

    other = in_language(sign_in(app.test_client(), make.account(roles=("host",))), "en")
    assert other.get(path).status_code == other.get(f"{path}/list.json").status_code == 404
    post(other, "/door/at", {"group": "1"})
    mine = post(other, "/door/lists", {"hours": "4"}).location
    told = upload(other, mine, [{"key": "their-key-1", "code": codes[0], "at": "x"}]).json["results"]
    assert (told[0]["outcome"], told[0]["message"]) == ("used", "Already used")
    page = text_of(client.get(f"/door/lists/{mine.rpartition('/')[2]}"))
    assert "Conflict" in page and "by Hosty" in page
    assert "Conflict" in text_of(client.get("/door/log"))


def test_half_a_character_is_refused_and_the_others_are_taken_in(client, stage, now):
    path, codes, _ident = stage
    good = {"key": "phone-key-1", "code": codes[0], "at": now.isoformat()}
    bad = [
        {**good, "key": f"phone-key-{n}", name: "\ud800" * 8}
        for n, name in enumerate(("code", "key", "at"), start=2)
    ]
    told = upload(client, path, [*bad, good]).json["results"]
    assert [(one["outcome"], one.get("field")) for one in told] == [
        ("refused", "code"), ("refused", "key"), ("refused", "at"), ("admitted", None),
    ]  # fmt: skip
    assert [one["key"] for one in told] == [one["key"] for one in [*bad, good]], (
        "so that the phone knows which"
    )
    assert "half of a character" in told[0]["message"]


def test_uploads_that_cannot_be_are_refused(client, app, make, stage):
    path, _codes, _ident = stage
    token = client.get(f"{path}/token").json["token"]
    headers = {"X-CSRFToken": token}
    bodies: tuple[object, ...] = ({}, {"checks": 5}, {"checks": [{}] * 101}, [])
    for body in bodies:
        assert client.post(f"{path}/upload", json=body, headers=headers).status_code == 422
    assert client.post(f"{path}/upload", json={"checks": []}).status_code == 403, "without a token"
    assert client.post(f"{path}/upload", data="x" * 200_000, headers=headers).status_code == 413
    visitor = app.test_client()
    assert visitor.get(f"{path}/list.json").status_code == 303
    sign_in(visitor, make.account(number=True))
    assert visitor.get(path).status_code == visitor.get("/door/lists").status_code == 403


def test_a_list_is_over_after_its_time(client, stage, clock):
    path, _codes, _ident = stage
    clock.advance(hours=13)
    assert client.get(f"{path}/list.json").status_code == 404
    assert client.get(path).status_code == 200, "what was checked can still be uploaded"


def test_who_is_taken_off_the_door_gets_no_names_any_more_but_brings_back_what_they_have(
    client, make, stage, site_db, now
):
    path, codes, _ident = stage
    assert client.get(f"{path}/list.json").status_code == 200
    other = make.group_line(slug="two", name="Two")
    with site_db.uow() as session:
        group = session.scalars(select(Group.id).where(Group.line_id == other.id)).one()
        host = session.scalars(select(Member.id).where(Member.nickname == "Hosty")).one()
        session.add(GroupHost(group_id=group, member_id=host, since=now))
    assert client.get(f"{path}/list.json").status_code == 404
    checks = [{"key": "phone-key-1", "code": codes[0], "at": now.isoformat()}]
    assert upload(client, path, checks).json["results"][0]["outcome"] == "admitted"


def test_without_a_door_there_are_no_lists(client, make):
    sign_in(client, make.account(roles=("host",)))
    assert client.get("/door/lists").status_code == 404
    assert post(client, "/door/lists", {"hours": "12"}).status_code == 404


def test_a_list_costs_the_same_with_many_tickets(client, make, stage, site_db):
    path, _codes, ident = stage
    with count_statements(site_db.engine) as few:
        client.get(f"{path}/list.json")
        client.get(f"/door/lists/{ident}")
    with site_db.session() as session:
        plan_line = session.scalars(select(Group.line_id)).one()
    from qunclub.groups.models import GroupLine

    with site_db.session() as session:
        line = session.get_one(GroupLine, plan_line)
        plan = make.plan(line=line)
    for _ in range(4):
        make.pass_(plan)
    with count_statements(site_db.engine) as many:
        assert len(client.get(f"{path}/list.json").json["entries"]) == 7
        client.get(f"/door/lists/{ident}")
    assert many.count == few.count, many


def test_the_worker_is_served_beside_its_pages(client):
    answer = client.get("/door/offline/worker.js")
    assert answer.status_code == 200 and "javascript" in answer.mimetype
    assert answer.headers["Cache-Control"] == "no-cache"
