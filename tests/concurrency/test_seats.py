"""Promises 1 and 2: numbers without gaps, seats never beyond capacity, exactly one next group."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from sqlalchemy import select, update

from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import store
from tests.concurrency.races import Meeting as MeetingPoint
from tests.concurrency.races import (
    Pass,
    Seat,
    fetch,
    findings,
    meeting,
    number_of,
    numbers,
    pay,
    race_was_seen,
    ready,
    refused,
    unexpected,
)
from tests.support.concurrency import concurrently

# Paying writes before it comes to the seats: on SQLite only one gets there, and need not be waited for.
PATIENCE = {"sqlite": 0.3, "postgres": 5}


def all_pay(db, make, now, *, capacities, buyers=24, **line):
    line = make.group_line(capacities=capacities, **line)
    made = ready(make, make.plan(line=line), buyers)
    return line, concurrently(
        db, buyers, lambda session, index: pay(session, made[index], now).kind, retry=True
    )


def groups_of(db, line):
    with db.session() as session:
        query = select(Group.index, Group.capacity, Group.seated).where(Group.line_id == line.id)
        return [tuple(row) for row in session.execute(query.order_by(Group.index))]


def test_24_pay_at_the_last_5_seats(db, make, now):
    line, outcomes = all_pay(db, make, now, capacities=(5, 100))
    assert outcomes == ["fulfilled"] * 24
    assert groups_of(db, line) == [(1, 5, 5), (2, 100, 19)]
    assert numbers(db) == list(range(1, 25))
    assert number_of(db, Pass) == 24
    assert findings(db, now) == []


def test_exactly_one_next_group_opens_with_the_last_seat(db, make, now):
    line, outcomes = all_pay(db, make, now, capacities=(24, 24), buyers=24)
    assert outcomes == ["fulfilled"] * 24
    assert groups_of(db, line) == [(1, 24, 24), (2, 24, 0)]


def test_a_line_that_repeats_opens_as_many_as_needed(db, make, now):
    line, outcomes = all_pay(db, make, now, capacities=(5,), repeat_last=True)
    assert outcomes == ["fulfilled"] * 24
    assert [seated for _, _, seated in groups_of(db, line)] == [5, 5, 5, 5, 4]
    assert findings(db, now) == []


def test_who_finds_no_seat_waits_in_order(db, make, now):
    line, outcomes = all_pay(db, make, now, capacities=(5, 7))
    assert outcomes == ["fulfilled"] * 24
    assert groups_of(db, line) == [(1, 5, 5), (2, 7, 7)]
    with db.session() as session:
        query = select(Seat.position).where(Seat.state == "waiting").order_by(Seat.position)
        assert list(session.scalars(query)) == list(range(1, 13))
    assert fetch(db, GroupLine, line.id).waiting_count == 12
    assert findings(db, now) == []


def last_seat(db, make, now, *, locked):
    line = make.group_line(capacities=(1, 50))
    # Different plans, so that nothing but the line makes them queue.
    made = [make.order(make.plan(line=line)) for _ in range(16)]
    with meeting(GroupLine, 16, locked=locked, patience=PATIENCE[db.kind]):
        return line, concurrently(db, 16, lambda session, index: pay(session, made[index], now).kind)


def test_16_who_meet_at_the_last_seat(db, make, now):
    line, outcomes = last_seat(db, make, now, locked=True)
    assert unexpected(outcomes) == []
    assert groups_of(db, line) == [(1, 1, 1), (2, 50, 15)]
    assert numbers(db) == list(range(1, 17))
    assert findings(db, now) == []


def test_control_without_the_lock_the_last_seat_is_given_twice(db, make, now):
    line, outcomes = last_seat(db, make, now, locked=False)
    assert race_was_seen(db, outcomes, lambda: findings(db, now) != [])
    if db.kind == "postgres":
        seated = number_of(db, Seat, Seat.state == "admitted", Seat.group.has(index=1))
        assert seated > 1, groups_of(db, line)


def careless_next_value(meeting_point: Any) -> Any:
    """A counter as one writes it without thinking: read, add one, write."""

    def next_value(session: Any, name: str) -> int:
        value = session.scalar(select(store.Counter.value).where(store.Counter.name == name)) or 0
        meeting_point.wait()
        session.execute(update(store.Counter).where(store.Counter.name == name).values(value=value + 1))
        return int(value) + 1

    return next_value


def test_control_a_careless_counter_gives_a_number_twice(db, make, now):
    make.paid_order()  # the counter's row is there
    made = [make.order() for _ in range(16)]
    point = MeetingPoint(object, 16, patience=PATIENCE[db.kind])
    with meeting(object, 16, locked=False), patch.object(store, "next_value", careless_next_value(point)):
        outcomes = concurrently(db, 16, lambda session, index: pay(session, made[index], now).kind)
    assert len(refused(outcomes)) == 15
