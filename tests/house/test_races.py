"""Two hosts, one report; two admins, one appeal: one of them wins, on both databases, and without the lock both do."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from qunclub import house as room
from qunclub.groups.models import Seat
from qunclub.house import services_reports
from qunclub.house.models import Report, Sanction, Violation
from qunclub.kernel import Conflict, Stale, locks
from tests.support.concurrency import concurrently, failed, succeeded

N = 6


def number_of(db, model):
    with db.session() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_one_holds_a_report(db, make, now):
    house = make.house()
    report = make.reported(house)
    hosts = [make.actor(make.member(roles=("host",))) for _ in range(N)]
    outcomes = concurrently(
        db, N, lambda session, i: room.claim(session, report_id=report.id, actor=hosts[i], now=now).claimed_by
    )
    assert len(succeeded(outcomes)) == 1 and all(isinstance(one, Conflict) for one in failed(outcomes))


def test_control_without_the_lock_several_hold_it(db, make, now):
    house = make.house()
    report = make.reported(house)
    hosts = [make.actor(make.member(roles=("host",))) for _ in range(N)]
    with locks.disabled():
        outcomes = concurrently(
            db,
            N,
            lambda session, i: room.claim(session, report_id=report.id, actor=hosts[i], now=now).claimed_by,
        )
    assert len(succeeded(outcomes)) > 1 or any("locked" in str(one) for one in failed(outcomes))


def decide_at_once(db, make, now):
    """Two members reported the same; each report is decided by another host at once."""
    house = make.house(capacities=(9,))
    reports = [make.reported(house)]
    for _ in range(N - 1):
        third = make.member(number=True)
        make.seat(house.line, third)
        reports.append(make.reported(house, by=third))
    hosts = [make.actor(make.member(roles=("host",))) for _ in range(N)]
    return concurrently(
        db,
        N,
        lambda session, i: (
            room.decide(
                session,
                report_id=reports[i].id,
                act="warning",
                days=0,
                reason="Why.",
                departure="",
                actor=hosts[i],
                now=now,
            ).id
        ),
    )


def test_one_violation_is_found_once(db, make, now):
    outcomes = decide_at_once(db, make, now)
    assert len(succeeded(outcomes)) == 1 and all(isinstance(one, Stale) for one in failed(outcomes))
    assert number_of(db, Violation) == number_of(db, Sanction) == 1
    with db.session() as session:
        assert services_reports.waiting(session) == 0 == services_reports.counted(session)


def test_control_without_the_lock_it_is_punished_twice(db, make, now):
    with locks.disabled():
        outcomes = decide_at_once(db, make, now)
    assert number_of(db, Violation) > 1 or any("locked" in str(one) for one in failed(outcomes))


def test_a_seat_is_given_back_once(db, make, now):
    house = make.house(capacities=(2,))
    line = make.sanctioned(house, "removal")
    admins = [make.actor(make.member(roles=("admin",))) for _ in range(N)]
    outcomes = concurrently(
        db,
        N,
        lambda session, i: (
            room.overturn(session, sanction_id=line.id, reason="No.", actor=admins[i], now=now).id
        ),
    )
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(one, Conflict) for one in failed(outcomes))
    with db.session() as session:
        assert session.get_one(Seat, house.seat.id).state == "admitted"


def test_the_last_seat_is_not_given_twice(db, make, now):
    """One is restored while another buys the seat that was freed."""
    from qunclub import groups
    from qunclub.groups import doctor

    house = make.house(capacities=(2,))
    line = make.sanctioned(house, "removal")
    buyers = [make.member(number=True) for _ in range(N - 1)]

    def one(session, i):
        if i == 0:
            return room.overturn(session, sanction_id=line.id, reason="No.", actor=house.admin, now=now).id
        return groups.take_seat(session, line_id=house.line.id, member_id=buyers[i - 1].id, now=now).id

    assert failed(concurrently(db, N, one)) == []
    with db.session() as session:
        assert doctor.check(session, now) == []


@pytest.mark.parametrize("number", [2])
def test_two_reports_at_once_are_one(db, make, now, number):
    house = make.house()
    outcomes = concurrently(
        db,
        number,
        lambda session: (
            room.report(
                session,
                kind="conduct",
                subject_id=house.seat.id,
                category="abuse",
                reason="x",
                reporter_id=house.other.id,
                now=now,
            ).id
        ),
    )
    assert len(succeeded(outcomes)) == 1 == number_of(db, Report)
