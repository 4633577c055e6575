"""A look before a unit of work: the work goes on in its transaction, unless anything else was done there."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from qunclub.kernel import reads
from qunclub.members.models import Member
from qunclub.web import club, reading_ahead, transact


@pytest.fixture
def begun(db, app):
    """How often a transaction was begun."""
    from app import db as site

    seen = []

    def note(connection):
        seen.append(connection)

    with app.app_context():
        event.listen(site.engine, "begin", note)
        yield seen
        event.remove(site.engine, "begin", note)


def look():
    with reading_ahead() as session:
        return reads.scalar(session, select(Member.name).order_by(Member.id))


def rename(session):
    session.get_one(Member, 1).city = "Suzhou"


def test_on_postgresql_it_goes_on(db, make, begun):
    make.member(name="One")
    assert look() == "One"
    transact(rename)
    assert len(begun) == (1 if db.kind == "postgres" else 2)
    with db.session() as session:
        assert session.get_one(Member, 1).city == "Suzhou"
    begun.clear()
    transact(rename)
    assert len(begun) == 1, "and the next one begins anew"


def test_when_the_work_fails_nothing_of_it_stays_and_the_next_begins_anew(db, make, begun):
    make.member(name="One")
    look()

    def fails(session):
        rename(session)
        session.flush()
        raise ValueError

    with pytest.raises(ValueError):
        transact(fails)
    assert not club().session().in_transaction()
    with db.session() as session:
        assert session.get_one(Member, 1).city != "Suzhou"
    begun.clear()
    transact(rename)
    assert len(begun) == 1


def test_what_was_loaded_meanwhile_is_read_afresh(db, make, begun):
    make.member(name="One")
    look()
    held = club().session().get_one(Member, 1)
    with db.uow() as other:
        other.get_one(Member, 1).name = "Two"
    seen = transact(lambda session: (session.get_one(Member, 1).name, held.name))
    assert seen == ("Two", "Two") and len(begun) == 2


def test_what_was_pending_is_committed_as_ever(db, make, begun):
    make.member(name="One")
    look()
    session = club().session()
    session.add(Member(user_key="host", email="h@example.com", name="Host's", joined_at=make.now))

    def fails(_session):
        raise ValueError

    with pytest.raises(ValueError):
        transact(fails)
    with db.session() as session:
        assert sorted(session.scalars(select(Member.name))) == ["Host's", "One"]


def test_a_transaction_that_was_open_before_is_not_gone_on_with(db, make, begun):
    make.member(name="One")
    session = club().session()
    session.execute(select(1))
    look()
    transact(rename)
    assert len(begun) == 2
