"""Spin-offs have no tickets and no door: no page promises one, and a chat's bot lets in by the seat."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import groups
from qunclub.groups import services_hosts, services_spin_off
from qunclub.groups.models import Group, Seat
from qunclub.groups.models_hosts import GroupHost
from qunclub.groups.models_spin_off import SpinOff
from qunclub.passes import jobs, queries_door
from qunclub.passes.models import EntryTicket
from tests.groups.test_spin_offs import approve, parent, propose
from tests.support.pages import in_language, post, sign_in, text_of


def test_a_seat_in_a_spin_off_gets_no_ticket_and_its_group_no_door(session, make, now):
    _line, (mine, _beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    jobs.follow_seats(session, now)
    assert session.scalars(select(EntryTicket.seat_id)).all() == []
    boss = make.actor(make.member(roles=("admin",)))
    names = [
        name for _ident, name in queries_door.choices(session, queries_door.doors_of(session, boss, None))
    ]
    assert len(names) == 2 and "Runners" not in names
    host = make.member(number=True, roles=("host",))
    session.add(GroupHost(group_id=made.group_id, member_id=host.id, since=now))
    session.flush()
    assert services_hosts.hosted_by(session, host.id) == {made.group_id}
    doors = queries_door.doors_of(session, make.actor(host), made.group_id)
    assert doors.allowed is None, "who leads a spin-off alone is a host of the whole club at the doors"
    session.add(GroupHost(group_id=mine.group_id, member_id=host.id, since=now))
    session.flush()
    assert queries_door.doors_of(session, make.actor(host), None).allowed == frozenset({mine.group_id})
    assert groups.is_spin_off(session, made.group_id) and not groups.is_spin_off(session, mine.group_id)
    # Taken off the one door they have, they stand at every door: leading a spin-off is no door.
    assert services_hosts.only_here(session, mine.group_id) == {host.id}
    assert services_hosts.remove_host(
        session, group_id=mine.group_id, member_id=host.id, now=now, actor=boss
    ), "and whoever does it is told"


@pytest.fixture
def spin(make, site_db, now):
    """(account of the leader, id of their seat in the spin-off, id of its group)."""
    line = make.group_line(slug="home", name="Home", capacities=[9])
    account, lead = make.person(name="Lead", number=True)
    seat, by = make.seat(line, lead), make.actor(make.member(roles=("admin",)))
    with site_db.uow() as session:
        said = groups.Proposal("Runners", "Run.", 9)
        made = services_spin_off.propose(
            session, group_id=seat.group_id, member_id=lead.id, said=said, now=now
        )
        services_spin_off.decide(session, ident=made.id, approve=True, slug="runners", actor=by, now=now)
        own = session.scalars(select(Seat.id).where(Seat.line_id == made.line_id)).one()
        return account, own, made.group_id


def test_the_pages_promise_none(spin, make, client, site_db):
    account, seat, group = spin
    sign_in(client, account)
    in_language(client, "en")
    assert "My entry ticket" not in text_of(client.get("/groups/runners-1"))
    for answer in (client.get(f"/me/tickets/seat/{seat}"), post(client, f"/me/tickets/seat/{seat}", {})):
        assert answer.status_code == 409 and "no tickets and no door" in text_of(answer)
    with site_db.session() as session:
        assert session.scalars(select(EntryTicket)).all() == []
        assert session.get_one(Group, group).slug == "runners-1"
        assert session.scalars(select(SpinOff)).one().state == "approved"
    sign_in(client, make.account(roles=("host",)))
    in_language(client, "en")
    assert "Runners" not in text_of(client.get("/door"))
    assert post(client, "/door/at", {"group": str(group)}).status_code == 409


def test_a_host_of_a_door_and_of_a_spin_off_sees_the_arrivals_of_both(spin, make, client, site_db, now):
    _account, seat, group = spin
    make.group_line(slug="far", name="Far")
    account, host = make.person(roles=("host",), number=True)
    by = make.actor(host)
    sign_in(client, account)
    listed = ("home-1", "runners-1")
    with site_db.uow() as session:
        home = session.scalars(select(Group.id).where(Group.slug == "home-1")).one()
        session.add_all(GroupHost(group_id=one, member_id=host.id, since=now) for one in (home, group))
    for left in (listed, ("runners-1",)):
        page = text_of(client.get("/desk/arrivals"))
        for slug in (*listed, "far-1"):
            assert (f"/desk/arrivals/{slug}" in page) is (slug in left)
            assert client.get(f"/desk/arrivals/{slug}").status_code == (200 if slug in left else 404)
        assert post(client, f"/desk/arrivals/runners-1/{seat}/renamed").status_code == 303
        with site_db.uow() as session:
            services_hosts.remove_host(session, group_id=home, member_id=host.id, now=now, actor=by)
