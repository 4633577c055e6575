"""Many at once: nothing is lost, nothing counted twice, and the tests would see it if it were."""

from __future__ import annotations

import datetime as dt
import threading

from sqlalchemy import func, select

from qunclub import points
from qunclub.kernel import Actor, locks
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry, Standing
from tests.support.concurrency import concurrently, failed, succeeded

SYSTEM = Actor.system("test")
MANY = 20


def test_many_awards_to_one_member_lose_nothing(db, make, now):
    member = make.member(number=True)
    make.earn(member, 1)

    def one(session, index):
        awards = [
            points.Award(member.id, "homework_accepted", f"s:{index}:a", amount=50 + index),
            points.Award(member.id, "homework_featured", f"s:{index}:f"),
        ]
        return points.award_many(session, awards, now=now, actor=SYSTEM)

    outcomes = concurrently(db, MANY, one, retry=True)
    assert failed(outcomes) == []
    with db.session() as session:
        window = points.window_by_key(session, points.ALL_TIME)
        assert window is not None
        mine = points.standing(session, window.id, member.id)
        assert mine is not None
        assert (mine.points, mine.honours) == (1 + sum(70 + i for i in range(MANY)), MANY)
        assert doctor.check(session, now) == []


def test_one_source_at_once_earns_once(db, make, now):
    member = make.member(number=True)

    def one(session):
        return points.award(
            session,
            member_id=member.id,
            kind="pass_issued",
            source="pass:7",
            occurred_at=now,
            now=now,
            actor=SYSTEM,
        )

    outcomes = concurrently(db, MANY, one, retry=True)
    assert failed(outcomes) == []
    assert sum(line is not None for line in succeeded(outcomes)) == 1
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 1
        assert session.scalar(select(func.sum(Standing.points))) == 10
        assert doctor.check(session, now) == []


def test_awards_and_reversals_of_many_members_at_once_keep_the_sums(db, make, now):
    members = make.ranking([10] * 4)
    with db.session() as session:
        lines = {line.member_id: line.id for line in session.scalars(select(LedgerEntry))}

    def one(session, index):
        member = members[index % 4]
        if index < 4:
            points.reverse(session, entry_id=lines[member.id], reason="wrong", actor=SYSTEM, now=now)
        else:
            points.award_many(
                session,
                [points.Award(m.id, "lesson_completed", f"l:{index}:{m.id}") for m in (member, members[0])],
                now=now,
                actor=SYSTEM,
            )

    outcomes = concurrently(db, MANY, one, retry=True)
    assert failed(outcomes) == []
    with db.session() as session:
        assert doctor.check(session, now) == []
        assert session.scalar(select(func.sum(LedgerEntry.amount))) == session.scalar(
            select(func.sum(Standing.points))
        )


def test_a_window_opened_while_points_are_given_misses_none(db, make, now):
    members = make.ranking([3] * 8)
    begins, ends = now - dt.timedelta(days=1), now + dt.timedelta(days=1)

    def one(session, index):
        if index % 5 == 0:
            return points.open_window(session, key="season:now", starts_at=begins, ends_at=ends)
        return points.award(
            session,
            member_id=members[index % 8].id,
            kind="lesson_completed",
            source=f"l:{index}",
            occurred_at=now,
            now=now,
            actor=SYSTEM,
        )

    assert failed(concurrently(db, MANY, one, retry=True)) == []
    with db.session() as session:
        window = points.window_by_key(session, "season:now")
        assert window is not None and points.total(session, window.id) == 8
        assert doctor.check(session, now) == []


def _award_while_a_window_opens(db, member, now):
    """An award that is written before, and committed after, a window is opened over it."""
    written, opened = threading.Event(), threading.Event()
    begins, ends = now - dt.timedelta(days=1), now + dt.timedelta(days=1)

    def award() -> None:
        with db.uow() as session:
            points.award(
                session,
                member_id=member.id,
                kind="pass_issued",
                source="p",
                occurred_at=now,
                now=now,
                actor=SYSTEM,
            )
            written.set()
            opened.wait(timeout=2)

    def open_it() -> None:
        written.wait(timeout=10)
        try:
            with db.uow() as session:
                points.open_window(session, key="season:now", starts_at=begins, ends_at=ends)
        finally:
            opened.set()

    threads = [threading.Thread(target=award), threading.Thread(target=open_it)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with db.session() as session:
        return doctor.check(session, now)


def test_the_gate_makes_a_new_window_wait_for_lines_on_their_way(db, make, now):
    member = make.ranking([5])[0]
    assert _award_while_a_window_opens(db, member, now) == []


def test_without_the_gate_postgres_loses_a_line_and_the_doctor_sees_it(db, make, now):
    if db.kind == "sqlite":
        # There is one writer at a time with or without our locks: the next test is SQLite's control.
        return
    member = make.ranking([5])[0]
    with locks.disabled():
        found = _award_while_a_window_opens(db, member, now)
    assert [f.promise for f in found] and "standings differ" in found[0].message


def test_control_reading_and_writing_back_loses_points_where_the_club_does_not(db, make, now):
    """The naive way on the same machinery: what the tests above would show if ``award`` were written like this."""
    member = make.ranking([5])[0]
    gate = threading.Barrier(MANY)

    def naive(session):
        row = session.scalars(select(Standing).where(Standing.member_id == member.id)).one()
        seen = row.points
        gate.wait(timeout=30)
        row.points = seen + 10
        session.flush()

    with locks.disabled():
        outcomes = concurrently(db, MANY, naive)
    with db.session() as session:
        kept = session.scalars(select(Standing.points)).one()
        assert kept < 5 + 10 * MANY
        # PostgreSQL loses updates in silence, SQLite refuses all but one.
        assert len(failed(outcomes)) == (0 if db.kind == "postgres" else MANY - 1)
        assert any("standings differ" in finding.message for finding in doctor.check(session, now))
