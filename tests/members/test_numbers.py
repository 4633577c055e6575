"""Promise 1: a number is unique, given once, in order, without gaps except the ones an admin reserved."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from qunclub import members
from qunclub.kernel import Conflict, Invalid, locks, store
from qunclub.kernel.locks import NoTransaction
from qunclub.members import doctor
from qunclub.members.models import Member, ReservedNumber
from qunclub.members.services import NUMBER_COUNTER
from tests.factories import Make
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.databases import Db

MANY = 24


def people(db: Db, make: Make, count: int = MANY) -> list[int]:
    return [make.member().id for _ in range(count)]


def given(db: Db) -> list[int]:
    with db.session() as session:
        found = select(Member.number).where(Member.number.is_not(None)).order_by(Member.number)
        return [number for number in session.scalars(found) if number is not None]


def test_many_at_once_get_gapless_numbers(db: Db, make: Make, now: dt.datetime) -> None:
    ids = people(db, make)

    def number(session: Session, index: int) -> int:
        return members.allocate_number(session, member_id=ids[index], now=now)

    outcomes = concurrently(db, MANY, number)
    assert not failed(outcomes)
    assert sorted(outcomes) == list(range(1, MANY + 1)) == given(db)
    with db.session() as session:
        assert doctor.check(session, now) == []


def test_reserved_numbers_are_stepped_over_by_many_at_once(db: Db, make: Make, now: dt.datetime) -> None:
    ids = people(db, make)
    admin = make.actor(roles=("admin",))
    with db.uow() as session:
        members.reserve_numbers(session, numbers=[1, 2, 8, 9, 20], reason="lucky", actor=admin, now=now)
    outcomes = concurrently(
        db, MANY, lambda session, index: members.allocate_number(session, member_id=ids[index], now=now)
    )
    expected = [n for n in range(1, MANY + 6) if n not in (1, 2, 8, 9, 20)]
    assert sorted(outcomes) == expected
    with db.session() as session:
        assert members.current_number(session) == MANY + 5
        assert doctor.check(session, now) == []


def test_one_member_at_once_gets_one_number(db: Db, make: Make, now: dt.datetime) -> None:
    ident = make.member().id
    outcomes = concurrently(
        db, 16, lambda session: members.allocate_number(session, member_id=ident, now=now)
    )
    assert outcomes == [1] * 16
    with db.session() as session:
        assert members.current_number(session) == 1


def test_a_second_pass_keeps_number_and_date(session: Session, make: Make, now: dt.datetime) -> None:
    ident = make.member().id
    first = members.allocate_number(session, member_id=ident, now=now)
    later = members.allocate_number(session, member_id=ident, now=now + dt.timedelta(days=400))
    assert first == later == 1
    assert members.get(session, ident).numbered_at == now


def test_a_rollback_gives_the_number_back(db: Db, make: Make, now: dt.datetime) -> None:
    first, second = make.member().id, make.member().id
    with pytest.raises(ZeroDivisionError), db.uow() as session:
        assert members.allocate_number(session, member_id=first, now=now) == 1
        _ = 1 // 0
    with db.uow() as session:
        assert members.allocate_number(session, member_id=second, now=now) == 1
        assert members.allocate_number(session, member_id=first, now=now) == 2


def test_many_at_once_of_which_some_fail_leave_no_gap(db: Db, make: Make, now: dt.datetime) -> None:
    ids = people(db, make)

    def number(session: Session, index: int) -> int:
        found = members.allocate_number(session, member_id=ids[index], now=now)
        if index % 3 == 0:
            raise RuntimeError("the payment fell through")
        return found

    outcomes = concurrently(db, MANY, number)
    assert len(failed(outcomes)) == MANY // 3
    assert given(db) == sorted(succeeded(outcomes)) == list(range(1, MANY - MANY // 3 + 1))


def test_without_the_lock_the_race_is_seen(
    db: Db, make: Make, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: max() + 1 with the locks off gives a number twice, and the database refuses it."""
    ids = people(db, make)
    everybody_read = threading.Barrier(MANY)

    def read_then_write(session: Session, name: str) -> int:
        last = session.execute(select(func.max(Member.number))).scalar() or 0
        everybody_read.wait(timeout=60)
        return last + 1

    monkeypatch.setattr(store, "next_value", read_then_write)
    with locks.disabled():
        outcomes = concurrently(
            db, MANY, lambda session, index: members.allocate_number(session, member_id=ids[index], now=now)
        )
    lost = failed(outcomes)
    assert lost, "24 threads took max()+1 without a collision: this test sees nothing"
    assert all(isinstance(error, DBAPIError) for error in lost)
    # Even so nobody shares a number: uniqueness is the database's own constraint.
    assert given(db) == succeeded(outcomes) == [1]


def test_the_database_itself_refuses_a_number_twice(db: Db, make: Make) -> None:
    make.member(number=7)
    with pytest.raises(IntegrityError):
        make.member(number=7)


def test_outside_a_unit_of_work_no_number_is_given(db: Db, make: Make, now: dt.datetime) -> None:
    ident = make.member().id
    with db.session() as session, pytest.raises(NoTransaction):
        members.allocate_number(session, member_id=ident, now=now)


def test_reserving_while_others_buy_never_meets_a_given_number(db: Db, make: Make, now: dt.datetime) -> None:
    ids = people(db, make, 20)
    admin = make.actor(roles=("admin",))

    def work(session: Session, index: int) -> int:
        if index < 20:
            return members.allocate_number(session, member_id=ids[index], now=now)
        members.reserve_numbers(session, numbers=[index - 12], reason="now", actor=admin, now=now)
        return 0

    outcomes = concurrently(db, 24, work)
    assert all(isinstance(error, Invalid) for error in failed(outcomes))
    with db.session() as session:
        kept = set(session.scalars(select(ReservedNumber.number)))
        assert not kept & set(given(db))
        assert doctor.check(session, now) == []


def test_what_may_be_reserved(session: Session, make: Make, now: dt.datetime) -> None:
    admin = make.actor(roles=("admin",))
    for _ in range(3):
        members.allocate_number(session, member_id=make.member().id, now=now)

    def reserve(*numbers: int) -> list[int]:
        return members.reserve_numbers(session, numbers=numbers, reason="r", actor=admin, now=now)

    assert reserve(5, 4, 5) == [4, 5]
    for wrong in ((3,), (0,), (4, 9), (), tuple(range(10, 1011))):
        with pytest.raises(Invalid) as caught:
            reserve(*wrong)
        assert caught.value.field == "numbers"
    assert members.allocate_number(session, member_id=make.member().id, now=now) == 6


def test_a_kept_number_is_given_once_by_hand(session: Session, make: Make, now: dt.datetime) -> None:
    admin = make.actor(roles=("admin",))
    friend, other = make.member(), make.member()
    members.reserve_numbers(session, numbers=[88], reason="friend", actor=admin, now=now)
    members.give_reserved_number(session, member_id=friend.id, number=88, actor=admin, now=now)
    assert friend.number == 88
    with pytest.raises(Conflict):
        members.give_reserved_number(session, member_id=other.id, number=88, actor=admin, now=now)
    with pytest.raises(Invalid):
        members.give_reserved_number(session, member_id=other.id, number=89, actor=admin, now=now)
    with pytest.raises(Conflict):
        members.give_reserved_number(session, member_id=friend.id, number=88, actor=admin, now=now)
    # A first pass afterwards keeps it.
    assert members.allocate_number(session, member_id=friend.id, now=now) == 88
    assert doctor.check(session, now) == []


def test_many_at_once_want_one_kept_number(db: Db, make: Make, now: dt.datetime) -> None:
    ids = people(db, make, 16)
    admin = make.actor(roles=("admin",))
    with db.uow() as session:
        members.reserve_numbers(session, numbers=[520], reason="lucky", actor=admin, now=now)
    outcomes = concurrently(
        db,
        16,
        lambda session, index: members.give_reserved_number(
            session, member_id=ids[index], number=520, actor=admin, now=now
        ),
        retry=True,
    )
    assert len(succeeded(outcomes)) == 1
    assert given(db) == [520]


def test_the_doctor_sees_a_gap(session: Session, make: Make, now: dt.datetime) -> None:
    for _ in range(5):
        members.allocate_number(session, member_id=make.member().id, now=now)
    session.execute(text("UPDATE qunclub_member SET number = NULL WHERE number = 3"))
    assert [finding.promise for finding in doctor.check(session, now)] == [1]


def test_the_doctor_sees_a_number_beyond_the_counter(session: Session, make: Make, now: dt.datetime) -> None:
    make.member(number=12)
    found = doctor.check(session, now)
    assert [finding.details.get("numbers") for finding in found] == [[12]]


def test_the_doctor_sees_a_number_without_a_date(session: Session, make: Make, now: dt.datetime) -> None:
    member = make.member(number=True)
    member.numbered_at = None
    session.flush()
    assert [finding.details for finding in doctor.check(session, now)] == [{"count": 1}]


def test_the_counter_name_is_what_the_factories_use(session: Session, make: Make) -> None:
    make.member(number=True)
    assert members.current_number(session) == store.next_value(session, NUMBER_COUNTER) - 1 == 1
