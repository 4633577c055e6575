"""Entry tickets: unguessable, bound to a seat, good for one admission."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from sqlalchemy import select

from qunclub import groups, passes
from qunclub.kernel import Actor, locks, store
from qunclub.members.models import Member
from qunclub.passes import tickets
from qunclub.passes.models import EntryTicket
from tests.support.concurrency import concurrently, failed, succeeded

SECRET = "a secret of the club"
HOST = Actor(key="test:host", name="Host", roles=frozenset({"host"}))


def ticket_for(make, line=None):
    held = make.pass_(make.plan(line=line or make.group_line()))
    return held


def code_of(session, held):
    return session.scalars(select(EntryTicket.code).where(EntryTicket.seat_id == held.seat_id)).one()


def check(session, text, now):
    return tickets.check_in(session, text=text, secret=SECRET, actor=HOST, now=now)


def test_what_is_scanned_or_typed_leads_to_the_code():
    code = "ABCD0123WXYZ"
    signed = tickets.sign(code, SECRET)
    for text in (
        signed,
        f"https://club.example/t/{signed}",
        f" {signed} ",
        "abcd o1z3",
        "ABCD 0123 WXYZ",
        code,
    ):
        if text == "abcd o1z3":
            with pytest.raises(tickets.BadTicket):
                tickets.verify(text, SECRET)
        else:
            assert tickets.verify(text, SECRET) == code
    assert tickets.verify("abcd-oi23-wxyz", SECRET) == "ABCD0123WXYZ"
    assert tickets.spaced(code) == "ABCD 0123 WXYZ"


@pytest.mark.parametrize(
    "states", list(itertools.product(["active", "suspended", "ended"], repeat=2)), ids="-".join
)
def test_a_dispute_keeps_out_only_whom_no_other_pass_holds(session, make, now, states):
    held = ticket_for(make)
    other = make.pass_(make.plan(), of=session.get_one(Member, held.member_id))
    # Two passes keep one seat.
    other.seat_id = held.seat_id
    held.state, other.state = states
    session.flush()
    door = tickets.look(session, text=code_of(session, held), secret=SECRET).door
    disputed = "suspended" in states and "active" not in states
    assert (door == "suspended_payment") is disputed
    assert (held.seat_id in tickets.disputed_among(session, [held.seat_id])) is disputed


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s[:-1] + "!", lambda s: "B" + s[1:], lambda s: s + "x"]
)
def test_a_changed_ticket_is_refused(spoil):
    signed = tickets.sign("ABCD0123WXYZ", SECRET)
    with pytest.raises(tickets.BadTicket):
        tickets.verify(spoil(signed), SECRET)
    with pytest.raises(tickets.BadTicket):
        tickets.verify(signed, "another secret")


def test_a_ticket_admits_once(session, make, now):
    held = ticket_for(make)
    signed = tickets.sign(code_of(session, held), SECRET)
    assert tickets.look(session, text=signed, secret=SECRET).door == "admit"
    first = check(session, signed, now)
    assert (first.door, first.admitted_now, first.ticket.used_by) == ("admit", True, "Host")
    again = check(session, signed, now + dt.timedelta(minutes=1))
    assert (again.door, again.admitted_now, again.ticket.used_at) == ("used", False, now)
    acts = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "ticket.check_in")).all()
    assert [act.actor_name for act in acts] == ["Host"]


def test_refused_tickets_say_why(session, make, now):
    line = make.group_line()
    removed, refunded = ticket_for(make, line), ticket_for(make, line)
    codes = [code_of(session, removed), code_of(session, refunded)]
    groups.remove_member(session, seat_id=removed.seat_id, reason="Spam", actor=HOST, now=now)
    passes.revoke(session, pass_id=refunded.id, reason="Refunded", now=now, actor=HOST)
    doors = [check(session, code, now) for code in codes]
    assert [one.door for one in doors] == ["removed", "removed"]
    assert [one.seat.end_reason for one in doors] == ["Spam", "Refunded"]
    with pytest.raises(tickets.BadTicket):
        check(session, "000000000000", now)


def test_at_the_door_sixteen_hosts_admit_once(db, make, now, thinking):
    held = ticket_for(make)
    with db.session() as session:
        code = code_of(session, held)
    outcomes = concurrently(db, 16, lambda session: check(session, code, now).admitted_now)
    assert failed(outcomes) == []
    assert sorted(outcomes) == [False] * 15 + [True]


def test_without_the_lock_the_door_admits_more_or_fails(db, make, now, thinking):
    """Negative control of the test above."""
    held = ticket_for(make)
    with db.session() as session:
        code = code_of(session, held)
    with locks.disabled():
        outcomes = concurrently(db, 16, lambda session: check(session, code, now).admitted_now)
    assert failed(outcomes) or sum(succeeded(outcomes)) > 1
