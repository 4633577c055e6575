"""What the door sees of a ticket: one statement, true also when the ticket changes while its lock is waited for."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import fields

import pytest
from sqlalchemy import select, text, update

from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor, locks, reads
from qunclub.kernel.locks import NoTransaction
from qunclub.passes import seen, services_door, tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import TicketCheck
from qunclub.passes.rules_door import Doors
from qunclub.passes.services_door import Way
from tests.support.statements import count_statements

HOST = Actor(key="test:host", name="Host", roles=frozenset({"host"}))


def ticket_of(session, seat_id):
    return session.scalars(select(EntryTicket).where(EntryTicket.seat_id == seat_id)).one()


@pytest.fixture
def held(db, make):
    """(code of a ticket, its seat, the group it admits to, another group of the line)."""
    line = make.group_line(capacities=(3, 3), open_at_once=2, allocation="even")
    made = make.pass_(make.plan(line=line))
    with db.session() as session:
        seat = session.get_one(Seat, made.seat_id)
        other = session.query(Group.id).where(Group.line_id == line.id, Group.id != seat.group_id).one()[0]
        return ticket_of(session, seat.id).code, seat.id, seat.group_id, other


def check(session, code, now, *, at=None, way=None):
    return services_door.check(
        session, text=code, secret="", doors=Doors(at=at), way=way or Way("typed"), actor=HOST, now=now
    )


def test_it_is_one_statement_and_says_what_the_models_say(db, held, now):
    code, seat_id, group_id, _other = held
    with db.session() as session:
        with count_statements(db.engine) as sent:
            found = tickets.look(session, text=code, secret="")
        assert sent.count == 1, sent
        seat, ticket = session.get_one(Seat, seat_id), ticket_of(session, seat_id)
        group = session.get_one(Group, group_id)
        assert found.group is not None
        for told, kept in ((found.ticket, ticket), (found.seat, seat), (found.group, group)):
            names = [field.name for field in fields(type(told))]
            assert {name: getattr(told, name) for name in names} == {
                name: getattr(kept, name) for name in names
            }
        assert (found.member.id, found.door, found.admitted_now, found.before) == (
            seat.member_id, "admit", False, None,
        )  # fmt: skip
        assert seen.see(session, "000000000000") is None


def test_whose_ticket_and_whose_seat_it_is_may_differ_for_a_moment(db, held, make):
    code, seat_id, _group, _other = held
    heir = make.member(name="Heir", nickname="")
    with db.uow() as session:
        session.execute(update(Seat).where(Seat.id == seat_id).values(member_id=heir.id))
    with db.session() as session:
        found = tickets.look(session, text=code, secret="")
    assert (found.member.id, found.member.shown_name) == (
        heir.id,
        "Heir",
    ) and found.ticket.member_id != heir.id


def test_a_lock_outside_a_unit_of_work_raises(db, held):
    with db.session() as session, pytest.raises(NoTransaction, match="entry_ticket"):
        tickets.locked(session, text=held[0], secret="")


def test_what_the_session_holds_of_the_ticket_stays_true(db, held, now):
    with db.uow() as session:
        ticket = ticket_of(session, held[1])
        done = check(session, held[0], now)
        assert (ticket.state, ticket.used_at, ticket.used_by) == ("used", now, "Host")
        assert (done.found.ticket.state, done.found.ticket.used_by) == ("used", "Host")
        assert session.get_one(TicketCheck, done.check.id).at == done.check.at == now


def waits(db, patience=10.0):
    """Wait until somebody waits for a lock."""
    end = time.monotonic() + patience
    with db.session() as session:
        while time.monotonic() < end:
            count = session.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
            )
            if count:
                return
            session.rollback()
            time.sleep(0.01)
    raise TimeoutError("nobody waited for the lock")


def meanwhile(db, act, change):
    """Run ``act(session)`` while another unit of work that made ``change(session)`` is still open."""
    told = []

    def run():
        with db.uow() as session:
            told.append(act(session))

    with db.uow() as session:
        change(session)
        thread = threading.Thread(target=run)
        thread.start()
        waits(db)
    thread.join(timeout=30)
    (answer,) = told
    return answer


def moves(seat_id, group_id):
    """What a move does to a seat whose ticket was used."""

    def change(session):
        session.execute(update(Seat).where(Seat.id == seat_id).values(group_id=group_id))
        tickets.revive(session, seat_id=seat_id)

    return change


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_who_is_moved_while_the_door_waits_is_seen_where_they_are(db, held, now):
    code, seat_id, old, new = held
    with db.uow() as session:
        assert check(session, code, now).outcome == "admitted"
    later = now + dt.timedelta(minutes=1)
    done = meanwhile(db, lambda session: check(session, code, later, at=old), moves(seat_id, new))
    assert (done.outcome, done.found.seat.group_id, done.found.ticket.turn) == ("other_group", new, 2)
    with db.uow() as session:
        assert check(session, code, later, at=new).outcome == "admitted"


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_control_one_look_alone_would_see_the_ticket_of_now_and_the_seat_of_before(db, held, now):
    code, seat_id, old, new = held
    with db.uow() as session:
        check(session, code, now)

    def one_look(session):
        return reads.one(session, seen._statement(locking=True), code=code, key=None)

    row = meanwhile(db, one_look, moves(seat_id, new))
    assert not row.current and (row.state, row.turn, row.group_id) == ("valid", 2, old)


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_the_same_check_that_waited_for_itself_is_known_at_once(db, held, now):
    way = Way("api", bot="Bot", key="bot:1:same")
    with db.uow() as session:
        first = check(session, held[0], now, way=way)
        told = []

        def again():
            with db.uow() as other:
                told.append(check(other, held[0], now, way=way))

        thread = threading.Thread(target=again)
        thread.start()
        waits(db)
    thread.join(timeout=30)
    assert (told[0].again, told[0].outcome, told[0].check) == (True, "admitted", first.check)


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_a_ticket_that_nobody_changed_is_asked_for_once(db, held):
    with count_statements(db.engine) as sent, db.uow() as session:
        assert tickets.locked(session, text=held[0], secret="").door == "admit"
    assert sent.count == 1 and "FOR UPDATE OF" in sent.sent[0], sent
    with count_statements(db.engine) as sent, db.uow() as session, locks.disabled():
        tickets.locked(session, text=held[0], secret="")
    assert "FOR UPDATE" not in sent.sent[0], "what a negative control turns off is off"
