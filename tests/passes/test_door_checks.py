"""The check at the door: one admission, every try written down, forced entries, hosts of groups."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from qunclub import groups, passes
from qunclub.groups.models import Group, Seat
from qunclub.home.export import export
from qunclub.kernel import Actor, Conflict, Invalid, locks, store
from qunclub.passes import doctor_door, queries_door, services_door, tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import DoorTally, TicketCheck
from qunclub.passes.rules_door import Doors
from qunclub.passes.services_door import Way
from tests.support.concurrency import concurrently, failed, succeeded

SECRET = "a secret of the club"
HOST = Actor(key="test:host", name="Host", roles=frozenset({"host"}))
ADMIN = Actor.system("test")


def ticket_of(session, held):
    return session.scalars(select(EntryTicket).where(EntryTicket.seat_id == held.seat_id)).one()


def check(session, text, now, *, doors=None, way=None, force=None, actor=HOST):
    return services_door.check(
        session, text=text, secret=SECRET, doors=doors or Doors(), way=way or Way("typed"), actor=actor, now=now,
        force=force,
    )  # fmt: skip


def tally_of(session, group_id):
    row = session.get(DoorTally, group_id)
    session.refresh(row)
    return row.came, row.forced, row.refused


@pytest.fixture
def two(make):
    """Passes into two lines, one group each."""
    return [make.pass_(make.plan(line=make.group_line(name=name))) for name in ("One", "Two")]


def test_every_try_is_written_down_and_counted(session, make, two, now):
    first = ticket_of(session, two[0])
    group = session.get_one(Seat, two[0].seat_id).group_id
    host = make.member(name="Host")
    actor = Actor(key="k", name="Host", roles=frozenset({"host"}), member_id=host.id)
    way = Way("camera", device="Android")
    assert check(session, first.code, now, way=way, actor=actor).outcome == "admitted"
    assert check(session, first.code, now + dt.timedelta(minutes=1)).outcome == "used"
    assert check(session, "000000000000", now).outcome == "unknown"
    rows = session.scalars(select(TicketCheck).order_by(TicketCheck.id)).all()
    assert [(row.outcome, row.group_id, row.ticket_id) for row in rows] == [
        ("admitted", group, first.id), ("used", group, first.id), ("unknown", None, None),
    ]  # fmt: skip
    assert (rows[0].by_id, rows[0].way, rows[0].device, rows[0].member_id) == (
        host.id, "camera", "Android", first.member_id,
    )  # fmt: skip
    assert tally_of(session, group) == (1, 0, 1)
    assert doctor_door.check(session) == []


def test_another_groups_ticket_is_refused_at_this_door(session, two, now):
    ours, theirs = (session.get_one(Seat, held.seat_id).group_id for held in two)
    code = ticket_of(session, two[1]).code
    assert check(session, code, now, doors=Doors(at=ours)).outcome == "other_group"
    assert check(session, code, now, doors=Doors(frozenset({ours}))).outcome == "other_group"
    assert ticket_of(session, two[1]).state == "valid"
    with pytest.raises(Conflict):
        check(session, code, now, doors=Doors(at=ours), force="They asked nicely")
    assert check(session, code, now, doors=Doors(frozenset({theirs}))).outcome == "admitted"


def test_a_forced_entry_needs_a_reason_and_is_shown_as_such(session, two, now):
    ticket = ticket_of(session, two[0])
    check(session, ticket.code, now)
    with pytest.raises(Invalid) as caught:
        check(session, ticket.code, now, force="  ")
    assert caught.value.field == "reason"
    again = check(session, ticket.code, now + dt.timedelta(hours=1), force="Went out for a call")
    assert (again.outcome, again.entered, again.check.reason) == ("forced", True, "Went out for a call")
    assert ticket.used_at == now, "a second entry does not change when the ticket was used"
    acts = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "ticket.force")).all()
    assert [(act.actor_name, act.details["although"]) for act in acts] == [("Host", "used")]
    assert doctor_door.check(session) == []


def test_a_removed_person_is_let_in_by_an_admin_only(session, two, now):
    ticket = ticket_of(session, two[0])
    groups.remove_member(session, seat_id=ticket.seat_id, reason="Spam", actor=ADMIN, now=now)
    with pytest.raises(Conflict):
        check(session, ticket.code, now, force="Knows me")
    assert session.scalar(select(func.count()).select_from(TicketCheck)) == 0
    assert check(session, ticket.code, now, force="Comes for their coat", actor=ADMIN).outcome == "forced"


def test_a_forced_entry_of_a_good_ticket_is_an_ordinary_one(session, two, now):
    done = check(session, ticket_of(session, two[0]).code, now, force="To be sure")
    assert (done.outcome, done.check.reason) == ("admitted", "")


def test_a_suspended_pass_let_in_uses_the_ticket_up(session, two, now):
    passes.suspend(session, pass_ids=[two[0].id], reason="Dispute", now=now, actor=ADMIN)
    ticket = ticket_of(session, two[0])
    assert check(session, ticket.code, now).outcome == "suspended_payment"
    assert check(session, ticket.code, now, force="Paid at the door").outcome == "forced"
    assert ticket.state == "used" and doctor_door.check(session) == []


def test_the_same_key_gives_the_same_answer(session, two, now):
    way = Way("api", bot="Bot", key="bot:1:abc")
    code, other = (ticket_of(session, held).code for held in two)
    first = check(session, code, now, way=way)
    again = check(session, code, now + dt.timedelta(minutes=5), way=way)
    assert (first.outcome, first.again) == ("admitted", False)
    assert (again.outcome, again.again, again.check.id) == ("admitted", True, first.check.id)
    with pytest.raises(Conflict):
        check(session, other, now, way=way)
    assert session.scalar(select(func.count()).select_from(TicketCheck)) == 1


def test_the_doctor_sees_a_door_that_counted_wrongly(session, two, now):
    ticket = ticket_of(session, two[0])
    check(session, ticket.code, now)
    session.get_one(DoorTally, session.get_one(Seat, two[0].seat_id).group_id).came = 7
    ticket.state = "valid"
    session.flush()
    assert len(doctor_door.check(session)) == 2


def test_hosts_of_a_group_stand_at_its_door_only(session, make, two, now):
    ours, theirs = (session.get_one(Seat, held.seat_id).group_id for held in two)
    host = make.member(name="Ho", number=77, roles=["host"])
    actor = Actor(key="k", name="Ho", roles=frozenset({"host"}), member_id=host.id)
    assert queries_door.doors_of(session, actor, theirs) == Doors(None, theirs), "a host of the whole club"
    with pytest.raises(Invalid):
        groups.add_host(session, group_id=ours, who="999999", now=now, actor=ADMIN)
    plain = make.member(number=78)
    with pytest.raises(Invalid, match="no host"):
        groups.add_host(session, group_id=ours, who=str(plain.number), now=now, actor=ADMIN)
    assert groups.add_host(session, group_id=ours, who="77", now=now, actor=ADMIN)[1]
    assert not groups.add_host(session, group_id=ours, who="77", now=now, actor=ADMIN)[1]
    assert queries_door.doors_of(session, actor, theirs) == Doors(frozenset({ours}), ours)
    assert [one.id for one in groups.hosts_of(session, ours)] == [host.id]
    groups.add_host(session, group_id=theirs, who="77", now=now, actor=ADMIN)
    assert queries_door.doors_of(session, actor, None) == Doors(frozenset({ours, theirs}))
    groups.remove_host(session, group_id=ours, member_id=host.id, now=now, actor=ADMIN)
    groups.forget_host(session, host.id)
    assert groups.hosted_by(session, host.id) == frozenset()


def test_two_checks_at_once_admit_once_and_write_each_down(db, make, now, thinking):
    held = make.pass_(make.plan(line=make.group_line()))
    with db.session() as session:
        code = ticket_of(session, held).code
    outcomes = concurrently(db, 12, lambda session: check(session, code, now).outcome, retry=True)
    assert failed(outcomes) == [] and sorted(outcomes) == ["admitted"] + ["used"] * 11
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(TicketCheck)) == 12
        assert doctor_door.check(session) == []


def test_without_locks_two_checks_meet_the_index(db, make, now, thinking):
    """Negative control: they all find the ticket good; only the index behind the lock refuses the others."""
    held = make.pass_(make.plan(line=make.group_line()))
    with db.session() as session:
        code = ticket_of(session, held).code
    with locks.disabled():
        outcomes = concurrently(db, 6, lambda session: check(session, code, now).outcome)
    assert failed(outcomes) and succeeded(outcomes).count("admitted") <= 1


def test_one_check_asked_twice_at_once_is_one(db, make, now, thinking):
    held = make.pass_(make.plan(line=make.group_line()))
    with db.session() as session:
        code = ticket_of(session, held).code
    way = Way("api", bot="Bot", key="bot:1:same")
    outcomes = concurrently(db, 8, lambda session: check(session, code, now, way=way).outcome, retry=True)
    assert failed(outcomes) == [] and set(outcomes) == {"admitted"}
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(TicketCheck)) == 1


def check_or_end(db, make, now):
    """A check and the end of the seat at once: (outcome of the check, state of the ticket afterwards)."""
    held = make.pass_(make.plan(line=make.group_line()))
    with db.session() as session:
        ticket = ticket_of(session, held)
        code, ident = ticket.code, ticket.id

    def act(session, index):
        if index:
            return check(session, code, now).outcome
        passes.revoke(session, pass_id=held.id, reason="Refunded", now=now, actor=ADMIN)
        return "ended"

    outcomes = concurrently(db, 2, act)
    with db.session() as session:
        return outcomes, session.get_one(EntryTicket, ident).state


def test_a_check_and_a_removal_at_once_leave_the_ticket_void(db, make, now, thinking):
    for _turn in range(3):
        outcomes, state = check_or_end(db, make, now)
        assert failed(outcomes) == [] and state == "void"
        assert outcomes[1] in ("admitted", "removed", "left", "void")


def test_without_locks_an_end_meanwhile_is_lost_or_the_check_fails(db, make, now, monkeypatch):
    """Negative control of the test above: the ticket ends between the check's look and its writing."""
    held = make.pass_(make.plan(line=make.group_line()))
    with db.session() as session:
        ticket = ticket_of(session, held)
        code, ident = ticket.code, ticket.id
    real = tickets.locked

    def meanwhile(session, **arguments):
        found = real(session, **arguments)
        with db.uow() as other:
            tickets.void(other, seat_id=held.seat_id, reason="Refunded")
        return found

    monkeypatch.setattr(tickets, "locked", meanwhile)
    refused = False
    with locks.disabled():
        try:
            with db.uow() as session:
                check(session, code, now)
        except OperationalError:  # SQLite says that what was read is old
            refused = True
    with db.session() as session:
        assert refused or session.get_one(EntryTicket, ident).state == "used", "the end is lost"


def test_the_log_is_read_along_its_index(db, make, now):
    held = make.pass_(make.plan(line=make.group_line()))
    with db.uow() as session:
        group = session.get_one(Seat, held.seat_id).group_id
        code = ticket_of(session, held).code
        for minute in range(7):
            check(session, code, now + dt.timedelta(minutes=minute))
    with db.session() as session:
        page = queries_door.log(session, group, per_page=3)
        seen = [row.check.outcome for row in page.items]
        while page.has_next:
            page = queries_door.log(session, group, before=int(page.more), per_page=3)
            seen += [row.check.outcome for row in page.items]
        assert seen == ["used"] * 6 + ["admitted"]
        first = queries_door.first_entry(session, ticket_of(session, held))
        assert first is not None and first.check.outcome == "admitted"
        assert len(list(queries_door.log_rows(session, group))) == 7
        assert session.get(Group, group) is not None
        assert tickets.look(session, text=code, secret=SECRET).door == "used"


def test_who_leaves_takes_along_the_words_about_them(session, make, two, now):
    host = make.member(name="Host")
    actor = Actor(key="k", name="Host", roles=frozenset({"host"}), member_id=host.id)
    ticket = ticket_of(session, two[0])
    way = Way("typed", device="Android")
    check(session, ticket.code, now, way=way, actor=actor)
    check(session, ticket.code, now, way=way, actor=actor, force="Forgot their coat")
    shown = export(session, ticket.member_id, now=now)
    assert [(one["outcome"], one["reason"]) for one in shown["ticket_checks"]] == [
        ("admitted", ""), ("forced", "Forgot their coat"),
    ]  # fmt: skip
    assert "Host" not in str(shown["ticket_checks"])
    assert [one["device"] for one in export(session, host.id, now=now)["door_duty"]] == ["Android"] * 2
    passes.forget_checks(session, ticket.member_id)
    passes.forget_checks(session, host.id)
    session.expire_all()
    rows = session.scalars(select(TicketCheck).order_by(TicketCheck.id)).all()
    assert [(row.outcome, row.reason, row.device) for row in rows] == [
        ("admitted", "", ""),
        ("forced", "", ""),
    ]
