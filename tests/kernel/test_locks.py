"""Locks refuse to pretend, and a unit of work is all or nothing."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, locks, signals, store
from qunclub.kernel.locks import NoTransaction
from qunclub.members.models import Member
from qunclub.web import uow
from tests.factories import Make
from tests.support.concurrency import concurrently, failed
from tests.support.databases import Db


def test_a_lock_outside_a_unit_of_work_raises(db: Db, make: Make) -> None:
    ident = make.member().id
    with db.session() as session, pytest.raises(NoTransaction, match="qunclub_member"):
        locks.lock(session, Member, ident)


def test_after_the_unit_of_work_the_lock_raises_again(db: Db, make: Make) -> None:
    ident = make.member().id
    with Session(db.engine) as session:
        with uow.transaction(session):
            locks.lock(session, Member, ident)
        with pytest.raises(NoTransaction):
            locks.lock(session, Member, ident)


def test_a_lock_on_nothing_says_so(session: Session) -> None:
    with pytest.raises(NotFound):
        locks.lock(session, Member, 404)


def test_a_lock_reads_afresh(db: Db, make: Make) -> None:
    ident = make.member(name="Old").id
    with db.uow() as session:
        known = session.get(Member, ident)
        assert known is not None
        session.execute(text("UPDATE qunclub_member SET name = 'New'"))
        assert known.name == "Old"
        assert locks.lock(session, Member, ident).name == "New"


def bump(session: Session, ident: int, think: Callable[[], object] = lambda: None) -> None:
    """Read, think, write: safe only under a lock."""
    row = locks.lock(session, Member, ident)
    count = int(row.city or 0)
    think()
    row.city = str(count + 1)
    session.flush()


def test_a_lock_keeps_every_update(db: Db, make: Make) -> None:
    ident = make.member().id
    assert not failed(concurrently(db, 16, lambda session: bump(session, ident)))
    with db.session() as session:
        assert session.scalars(select(Member.city)).one() == "16"


def test_without_the_lock_updates_are_lost(db: Db, make: Make) -> None:
    """The negative control: nothing keeps one from reading while another thinks, so all of them read the same."""
    ident = make.member().id
    everybody_read = threading.Barrier(16)
    with locks.disabled():
        outcomes = concurrently(
            db, 16, lambda session: bump(session, ident, lambda: everybody_read.wait(timeout=60))
        )
    with db.session() as session:
        final = int(session.scalars(select(Member.city)).one())
    assert final < 16
    assert final <= 16 - len(failed(outcomes))
    assert locks.enabled()


def test_two_units_of_work_are_never_one(db: Db) -> None:
    with db.uow() as session, pytest.raises(RuntimeError, match="already open"), uow.transaction(session):
        pass


def test_signals_wait_for_the_commit(db: Db) -> None:
    heard: list[dict[str, object]] = []

    def listen(_sender: object, **facts: object) -> None:
        heard.append(facts)

    with signals.member_numbered.connected_to(listen):
        with db.uow() as session:
            signals.after_commit(session, signals.member_numbered, number=1)
            assert heard == []
        assert heard == [{"number": 1}]
        with pytest.raises(ZeroDivisionError), db.uow() as session:
            signals.after_commit(session, signals.member_numbered, number=2)
            _ = 1 // 0
        with db.uow():
            pass
    assert heard == [{"number": 1}]


def test_the_worker_is_woken_only_after_a_commit_with_work(db: Db, now: dt.datetime) -> None:
    from qunclub.kernel import outbox

    woken: list[int] = []

    def wake() -> None:
        with db.session() as other:
            woken.append(len(other.scalars(select(outbox.OutboxMessage.id)).all()))

    with Session(db.engine) as session:
        with uow.transaction(session, wake=wake):
            store.set_value(session, "x", 1)
        assert woken == []
        with uow.transaction(session, wake=wake):
            outbox.put(session, kind="test", key="k", payload={}, now=now)
        assert woken == [1], "woken once, and the message was there to be seen"


def test_a_lost_race_runs_again(db: Db, make: Make) -> None:
    """Three tries in all, each from the start."""
    tries: list[int] = []

    def command(session: Session) -> str:
        tries.append(1)
        if len(tries) == 1:
            session.add_all([Member(user_key="same", name="a", joined_at=make.now) for _ in range(2)])
            session.flush()
        return "done"

    assert db.transact(command) == "done"
    assert len(tries) == 2


def test_a_race_lost_for_ever_is_told(db: Db, make: Make) -> None:
    tries: list[int] = []

    def command(session: Session) -> None:
        tries.append(1)
        session.add_all([Member(user_key="same", name="a", joined_at=make.now) for _ in range(2)])
        session.flush()

    with pytest.raises(Exception, match=r"(?i)unique"):
        db.transact(command)
    assert len(tries) == uow.ATTEMPTS


def test_the_hosts_transaction_stays_the_hosts(db: Db, make: Make) -> None:
    ident = make.member().id
    with Session(db.engine) as session:
        with uow.joined(session) as work:
            locks.lock(work, Member, ident).city = "上海"
        session.rollback()
    with db.session() as session:
        assert session.scalars(select(Member.city)).one() == ""
