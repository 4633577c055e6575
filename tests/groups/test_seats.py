"""Seats: taken, waited for, given back; promises 2 and 4."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import groups
from qunclub.groups import doctor
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Actor, Conflict, NotFound, locks, outbox, store
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.statements import count_statements


def opened(session, line):
    return [(g.index, g.capacity, g.seated) for g in groups_of(session, line)]


def groups_of(session, line):
    return session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.index)).all()


def test_seats_fill_the_first_group_and_open_the_next(session, make):
    line = make.group_line(capacities=[2, 1])
    first = [make.seat(line) for _ in range(2)]
    assert [seat.group_id for seat in first] == [groups_of(session, line)[0].id] * 2
    assert opened(session, line) == [(1, 2, 2), (2, 1, 0)]
    third = make.seat(line)
    assert third.group_id == groups_of(session, line)[1].id
    assert opened(session, line) == [(1, 2, 2), (2, 1, 1)]
    assert doctor.check(session, make.now) == []


def test_a_member_has_one_seat_in_a_line(session, make):
    line, member = make.group_line(), make.member(number=True)
    assert make.seat(line, member).id == make.seat(line, member).id
    assert opened(session, line) == [(1, 5, 1)]


def test_who_finds_no_seat_waits_in_order(session, make, now):
    line = make.group_line(capacities=[1])
    seated, *waiting = [make.seat(line) for _ in range(4)]
    assert [seat.state for seat in waiting] == ["waiting"] * 3
    assert [groups.waiting_place(session, seat) for seat in waiting] == [1, 2, 3]
    assert line.waiting_count == 3
    assert groups.seats_left(session, [line.id])[line.id] == groups.Seats(free=0, waiting=3, seated=1)

    groups.leave_seat(session, seat_id=waiting[0].id, state="left", reason="", now=now)
    assert [groups.waiting_place(session, seat) for seat in waiting] == [None, 1, 2]
    admitted = groups.leave_seat(session, seat_id=seated.id, state="removed", reason="Spam", now=now)
    assert [seat.id for seat in admitted] == [waiting[1].id]
    assert (waiting[1].state, waiting[1].position, waiting[1].admitted_at) == ("admitted", None, now)
    assert opened(session, line) == [(1, 1, 1)]
    assert line.waiting_count == 1
    assert doctor.check(session, now) == []


def test_the_admitted_get_a_mail(session, make, now):
    line = make.group_line(capacities=[1])
    seated, waiting = make.seat(line), make.seat(line)
    groups.leave_seat(session, seat_id=seated.id, state="left", reason="", now=now)
    keys = session.scalars(select(outbox.OutboxMessage.key)).all()
    assert keys == [f"mail:seat_admitted:{waiting.id}:{now.isoformat()}"]


def test_a_seat_ends_once(session, make, now):
    line = make.group_line(capacities=[2])
    seat = make.seat(line)
    groups.leave_seat(session, seat_id=seat.id, state="left", reason="first", now=now)
    groups.leave_seat(session, seat_id=seat.id, state="removed", reason="second", now=now)
    assert (seat.state, seat.end_reason) == ("left", "first")
    assert opened(session, line) == [(1, 2, 0)]
    with pytest.raises(NotFound):
        groups.leave_seat(session, seat_id=999, state="left", reason="", now=now)


def test_a_line_that_repeats_its_last_group_never_ends(session, make):
    line = make.group_line(capacities=[1], repeat_last=True)
    assert groups.seats_left(session, [line.id])[line.id].free is None
    assert [make.seat(line).state for _ in range(4)] == ["admitted"] * 4
    assert opened(session, line) == [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 1), (5, 1, 0)]


def test_seats_left_counts_groups_still_to_open(session, make):
    line = make.group_line(capacities=[2, 3, 4])
    for _ in range(3):
        make.seat(line)
    assert groups.seats_left(session, [line.id])[line.id] == groups.Seats(free=6, waiting=0, seated=3)
    assert groups.seats_left(session, []) == {}


def test_a_core_group_takes_as_many_as_it_has_seats(session, make, now):
    line = make.group_line(capacities=[2], kind="core")
    group = groups.first_group(session, line, now=now)
    members = [make.member(number=True) for _ in range(3)]
    assert line.posting == "all"
    for member in members[:2]:
        groups.enter_core(session, group_id=group.id, member_id=member.id, now=now)
    with pytest.raises(Conflict):
        groups.enter_core(session, group_id=group.id, member_id=members[2].id, now=now)
    left = groups.leave_core(session, group_id=group.id, member_id=members[0].id, reason="", now=now)
    assert left is not None and left.state == "left"
    assert groups.leave_core(session, group_id=group.id, member_id=members[0].id, reason="", now=now) is None
    assert groups.enter_core(session, group_id=group.id, member_id=members[2].id, now=now).state == "admitted"
    assert doctor.check(session, now) == []


def test_removing_a_member_says_why_and_is_audited(session, make, now):
    line = make.group_line(covenant_md="Be kind.")
    seat = make.seat(line)
    admin = make.actor(roles=("admin",))
    groups.remove_member(session, seat_id=seat.id, reason="Advertising", actor=admin, now=now)
    message = session.scalars(select(outbox.OutboxMessage)).one()
    assert message.payload["template"] == "seat_removed"
    assert message.payload["context"]["reason"] == "Advertising"
    entry = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "seat.remove")).one()
    assert entry.actor_key == admin.key and entry.details["reason"] == "Advertising"
    with pytest.raises(Conflict):
        groups.remove_member(session, seat_id=seat.id, reason="Again", actor=admin, now=now)


def test_taking_a_seat_costs_the_same_in_a_full_line(db, make):
    line = make.group_line(capacities=[40, 40])
    for _ in range(3):
        make.seat(line)

    def cost():
        member = make.member(number=True)
        with count_statements(db.engine) as sent, db.uow() as session:
            groups.take_seat(session, line_id=line.id, member_id=member.id, now=make.now)
        return sent.count

    early = cost()
    for _ in range(50):
        make.seat(line)
    # One of them asks whether they are barred, one is the note for the ranking of the group, one looks whether the
    # group lives in a chat, one whether the line welcomes newcomers, one takes a mute along.
    assert cost() == early <= 10


N = 24


@pytest.mark.parametrize(("capacities", "groups_open"), [([5], 1), ([20, 4, 3], 3), ([8, 8, 8, 8], 4)])
def test_at_the_last_seats_nobody_is_oversold(db, make, now, thinking, capacities, groups_open):
    """Promise 2: many at once; exactly one next group opens. Promise 4: the rest waits in order, without a gap."""
    line = make.group_line(capacities=capacities)
    members = [make.member(number=True).id for _ in range(N)]

    def take(session, index):
        return groups.take_seat(session, line_id=line.id, member_id=members[index], now=now).id

    assert failed(concurrently(db, N, take)) == []
    with db.session() as session:
        states = dict(session.execute(select(Seat.state, func.count()).group_by(Seat.state)).all())
        room = min(N, sum(capacities))
        assert states.get("admitted", 0) == room
        assert states.get("waiting", 0) == N - room
        positions = session.scalars(select(Seat.position).where(Seat.state == "waiting")).all()
        assert sorted(positions) == list(range(1, N - room + 1))
        assert [g.index for g in groups_of(session, line)] == list(range(1, groups_open + 1))
        assert doctor.check(session, now) == []


def test_without_the_lock_the_race_is_seen(db, make, now, thinking):
    """Negative control: the same takers with the locks off oversell, or fail on what the database itself refuses."""
    line = make.group_line(capacities=[5])
    members = [make.member(number=True).id for _ in range(N)]

    def take(session, index):
        return groups.take_seat(session, line_id=line.id, member_id=members[index], now=now).id

    with locks.disabled():
        outcomes = concurrently(db, N, take)
    with db.session() as session:
        assert failed(outcomes) or doctor.check(session, now)


def test_takers_and_leavers_at_once_keep_the_books(db, make, now):
    line = make.group_line(capacities=[4, 4])
    seated = [make.seat(line).id for _ in range(8)]
    members = [make.member(number=True).id for _ in range(12)]

    def move(session, index):
        if index < 8:
            groups.leave_seat(session, seat_id=seated[index], state="left", reason="", now=now)
        else:
            groups.take_seat(session, line_id=line.id, member_id=members[index - 8], now=now)

    assert failed(concurrently(db, 20, move)) == []
    with db.session() as session:
        live = session.scalars(select(Seat.state).where(Seat.state.in_(("waiting", "admitted")))).all()
        assert sorted(live) == ["admitted"] * 8 + ["waiting"] * 4
        assert doctor.check(session, now) == []


def test_one_member_asking_many_times_has_one_seat(db, make, now):
    line, member = make.group_line(), make.member(number=True)
    outcomes = concurrently(
        db, 16, lambda session: groups.take_seat(session, line_id=line.id, member_id=member.id, now=now).id
    )
    assert failed(outcomes) == [] and len(set(succeeded(outcomes))) == 1


def test_the_doctor_sees_broken_books(session, make, now):
    line = make.group_line(capacities=[1, 1])
    make.seat(line)
    group = groups_of(session, line)[0]
    group.seated, line.waiting_count = 0, 7
    extra = groups_of(session, line)[1]
    extra.index = 5
    make.add(
        Seat(
            line_id=line.id,
            member_id=make.member(number=True).id,
            state="waiting",
            asked_at=now,
            position=None,
        )
    )
    session.flush()
    found = " / ".join(finding.message for finding in doctor.check(session, now))
    for words in ("seated", "gap", "waiting", "position"):
        assert words in found


def test_the_doctor_misses_no_closed_line(session, make, now):
    """A full newest group with more to come must have opened the next."""
    line = make.group_line(capacities=[1, 1])
    make.seat(line)
    session.delete(groups_of(session, line)[1])
    session.flush()
    assert any("next group" in finding.message for finding in doctor.check(session, now))


def test_the_doctor_asks_the_same_of_a_large_club(db, make, now):
    def cost():
        with count_statements(db.engine) as sent, db.session() as session:
            assert doctor.check(session, now) == []
        return sent.count

    make.seat(make.group_line())
    before = cost()
    for _ in range(5):
        make.seat(make.group_line())
    assert cost() == before


def test_actor_kinds_and_times_are_kept(session, make, now):
    line = make.group_line(now=now - dt.timedelta(days=1))
    assert session.get(GroupLine, line.id).created_at == now - dt.timedelta(days=1)
    entry = session.scalars(select(store.AuditEntry)).one()
    assert (entry.action, entry.actor_key) == ("group_line.create", Actor.system("test").key)
