"""Outside work: written with its cause, taken by one worker at a time, tried again, given up in the end."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import mail, outbox
from qunclub.kernel.outbox import LEASE, MAX_ATTEMPTS, OutboxMessage
from tests.support.concurrency import concurrently, failed
from tests.support.databases import Db


def put(session: Session, now: dt.datetime, key: str = "k") -> None:
    outbox.put(session, kind="test", key=key, payload={"key": key}, now=now)


def taken(session: Session, now: dt.datetime, limit: int = 20) -> list[str]:
    return [message.key for message in outbox.take(session, now=now, limit=limit)]


def test_the_same_key_is_one_piece_of_work(session: Session, now: dt.datetime) -> None:
    for _ in range(3):
        put(session, now)
    assert len(session.scalars(select(OutboxMessage)).all()) == 1
    assert session.info["qunclub_outbox"] is True


def test_sixteen_at_once_put_one(db: Db, now: dt.datetime) -> None:
    assert not failed(concurrently(db, 16, lambda session: put(session, now)))
    with db.session() as session:
        assert len(session.scalars(select(OutboxMessage)).all()) == 1


def test_a_rollback_takes_it_back(db: Db, now: dt.datetime) -> None:
    with pytest.raises(ZeroDivisionError), db.uow() as session:
        put(session, now)
        _ = 1 // 0
    with db.session() as session:
        assert session.scalars(select(OutboxMessage)).all() == []


def test_taken_in_order_and_only_when_due(session: Session, now: dt.datetime) -> None:
    later = now + dt.timedelta(hours=1)
    put(session, later, "later")
    put(session, now, "a")
    put(session, now, "b")
    assert taken(session, now, limit=1) == ["a"]
    assert taken(session, now) == ["b"]
    assert taken(session, later - dt.timedelta(minutes=56)) == []


def test_a_lease_runs_out(session: Session, now: dt.datetime) -> None:
    put(session, now)
    assert taken(session, now) == ["k"]
    assert taken(session, now + LEASE - dt.timedelta(seconds=1)) == []
    assert taken(session, now + LEASE) == ["k"]
    assert session.scalars(select(OutboxMessage.attempts)).one() == 2


def test_what_is_done_stays_done(session: Session, now: dt.datetime) -> None:
    put(session, now)
    (message,) = outbox.take(session, now=now)
    outbox.done(session, message.id, now=now)
    assert taken(session, now + dt.timedelta(days=9)) == []
    session.refresh(message)
    assert (message.done_at, message.due_at) == (now, None)
    assert outbox.given_up(session) == 0


def test_pauses_grow_and_end(session: Session, now: dt.datetime) -> None:
    put(session, now)
    moment, pauses = now, []
    for _ in range(MAX_ATTEMPTS):
        (message,) = outbox.take(session, now=moment)
        outbox.failed(session, message.id, attempts=message.attempts, error="no route", now=moment)
        session.refresh(message)
        if message.due_at is not None:
            pauses.append(message.due_at - moment)
            moment = message.due_at
    minutes = [int(pause.total_seconds() // 60) for pause in pauses]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]
    assert outbox.given_up(session) == 1
    assert taken(session, moment + dt.timedelta(days=30)) == []
    assert session.scalars(select(OutboxMessage.error)).one() == "no route"


def test_what_was_given_up_can_be_tried_again(session: Session, now: dt.datetime) -> None:
    put(session, now)
    (message,) = outbox.take(session, now=now)
    assert not outbox.retry(session, message.id, now=now), "it is still in the queue"
    outbox.failed(session, message.id, attempts=MAX_ATTEMPTS, error="x", now=now)
    assert outbox.retry(session, message.id, now=now)
    session.expire_all()
    assert taken(session, now) == ["k"]
    outbox.done(session, message.id, now=now)
    assert not outbox.retry(session, message.id, now=now), "it is done"


def test_no_two_workers_take_the_same(db: Db, now: dt.datetime) -> None:
    with db.uow() as session:
        for index in range(64):
            put(session, now, f"k{index:02}")
    outcomes = concurrently(db, 16, lambda session: taken(session, now, limit=4))
    assert not failed(outcomes)
    everything = [key for keys in outcomes for key in keys]
    assert len(everything) == len(set(everything)), "two workers took the same message"
    # Workers that found rows locked went on without them; what is left is taken next time.
    with db.uow() as session:
        everything += taken(session, now, limit=64)
    assert sorted(everything) == [f"k{index:02}" for index in range(64)]


def test_a_mail_is_outside_work(session: Session, now: dt.datetime) -> None:
    for _ in range(2):
        mail.send(
            session,
            to="a@example.com",
            template="verify",
            context={"name": "林"},
            locale="zh",
            key="x",
            now=now,
        )
    message = session.scalars(select(OutboxMessage)).one()
    assert (message.kind, message.key) == ("mail", "mail:x")
    assert message.payload["context"] == {"name": "林"}
