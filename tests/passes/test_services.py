"""Passes: issued exactly once, revoked, expired; promises 1, 3 and 4 where they touch passes."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import groups, passes
from qunclub.groups import doctor as groups_doctor
from qunclub.groups.models import Seat
from qunclub.kernel import Actor, Conflict, NotFound, locks, outbox, store
from qunclub.members.models import Member
from qunclub.passes import doctor, jobs
from qunclub.passes.models import EntryTicket, Pass, Plan
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")


def healthy(session, now):
    return [finding.message for finding in [*doctor.check(session, now), *groups_doctor.check(session, now)]]


def ticket_of(session, held):
    return session.scalars(select(EntryTicket).where(EntryTicket.seat_id == held.seat_id)).one_or_none()


def revoke(session, held, now, reason="Refunded"):
    return passes.revoke(session, pass_id=held.id, reason=reason, now=now, actor=SYSTEM)


def test_a_pass_brings_number_tier_seat_ticket_and_points(session, make, now):
    tier = make.tier(code="ordinary")
    plan = make.plan(line=make.group_line(), tier=tier, validity_days=30)
    member = make.member()
    held = make.pass_(plan, member)
    assert (member.number, member.tier_id) == (1, tier.id)
    assert (held.state, held.starts_at, held.ends_at) == ("active", now, now + dt.timedelta(days=30))
    assert session.get(Seat, held.seat_id).state == "admitted"
    assert ticket_of(session, held).state == "valid"
    assert session.scalars(select(LedgerEntry.source)).all() == [f"pass:{held.id}:issued"]
    assert healthy(session, now) == []


def test_one_source_is_one_pass(session, make):
    plan, member = make.plan(line=make.group_line()), make.member()
    assert make.pass_(plan, member, source="order:1:1").id == make.pass_(plan, member, source="order:1:1").id
    with pytest.raises(NotFound):
        passes.issue(session, member_id=member.id, plan_id=99, source="x", now=make.now, actor=SYSTEM)


def test_with_no_seat_left_the_member_waits_and_learns(session, make, now):
    """Promise 4."""
    course = make.course()
    plan = make.plan(line=make.group_line(capacities=[1]), courses=[course])
    make.pass_(plan)
    member = make.member()
    held = make.pass_(plan, member)
    assert session.get(Seat, held.seat_id).state == "waiting"
    assert ticket_of(session, held) is None
    access = passes.course_access(session, actor=make.actor(member), course_ids=[course.id], now=now)
    assert access[course.id].allowed
    assert healthy(session, now) == []


def test_a_second_pass_keeps_number_and_seat(session, make, now):
    line, member = make.group_line(), make.member()
    first, second = make.pass_(make.plan(line=line), member), make.pass_(make.plan(line=line), member)
    assert member.number == 1 and first.seat_id == second.seat_id
    revoke(session, first, now)
    assert session.get(Seat, first.seat_id).state == "admitted"
    assert ticket_of(session, first).state == "valid"
    revoke(session, second, now)
    assert session.get(Seat, first.seat_id).state == "removed"
    assert (ticket_of(session, first).state, ticket_of(session, first).void_reason) == ("void", "Refunded")
    assert member.number == 1
    assert healthy(session, now) == []


def test_the_freed_seat_goes_to_the_first_who_waits_with_a_ticket(session, make, now):
    plan = make.plan(line=make.group_line(capacities=[1]))
    first, second = make.pass_(plan), make.pass_(plan)
    revoke(session, first, now)
    assert session.get(Seat, second.seat_id).state == "admitted"
    assert ticket_of(session, second).state == "valid"
    templates = {message.payload["template"] for message in session.scalars(select(outbox.OutboxMessage))}
    assert templates == {"pass_ended", "seat_admitted"}
    assert healthy(session, now) == []


def test_the_best_tier_of_active_passes_counts(session, make, now):
    low, high = make.tier(code="low", rank=1), make.tier(code="high", rank=9)
    member = make.member()
    make.pass_(make.plan(tier=low), member)
    best = make.pass_(make.plan(tier=high), member)
    make.pass_(make.plan(tier=low), member)
    make.pass_(make.plan(), member)
    assert member.tier_id == high.id
    revoke(session, best, now)
    assert member.tier_id == low.id


def test_revoking_is_once_and_audited(session, make, now):
    plan = make.plan(stock=5)
    passes.sell(session, plan_id=plan.id, quantity=1, now=now, held=False)
    held = make.pass_(plan, source="order:1:1")
    for _ in range(2):
        revoke(session, held, now)
    assert (held.state, held.end_reason, held.ended_at) == ("revoked", "Refunded", now)
    assert plan.sold == 0
    acts = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "pass.revoke")).all()
    assert len(acts) == 1
    with pytest.raises(NotFound):
        passes.revoke(session, pass_id=999, reason="", now=now, actor=SYSTEM)


def test_passes_expire_when_their_time_is_up(session, make, now):
    plan = make.plan(line=make.group_line(capacities=[1]), validity_days=10)
    held, waiting = make.pass_(plan), make.pass_(make.plan(line=plan_line(session, plan)))
    assert passes.expire_due(session, now + dt.timedelta(days=9)) == []
    later = now + dt.timedelta(days=10)
    assert [one.id for one in passes.expire_due(session, later)] == [held.id]
    assert held.state == "expired"
    assert session.get(Seat, held.seat_id).state == "left"
    assert session.get(Seat, waiting.seat_id).state == "admitted"
    assert passes.expire_due(session, later) == []
    assert healthy(session, later) == []


def plan_line(session, plan):
    return session.get(groups.GroupLine, plan.group_line_id)


def test_a_gift_has_no_order_and_is_audited(session, make, now):
    plan, member = make.plan(), make.member()
    gift = {"plan_id": plan.id, "reason": "Speaker", "actor": SYSTEM, "now": now}
    held = passes.give(session, member_id=member.id, key="form-1", **gift)
    assert held.source == "gift:form-1" and plan.sold == 0
    assert passes.give(session, member_id=member.id, key="form-1", **gift).id == held.id
    with pytest.raises(Conflict):
        passes.give(session, member_id=make.member().id, key="form-1", **gift)


def test_stock_is_held_released_and_sold(session, make, now):
    plan = make.plan(stock=2)
    passes.hold(session, plan_id=plan.id, quantity=2, now=now)
    with pytest.raises(Conflict, match="Sold out"):
        passes.hold(session, plan_id=plan.id, quantity=1, now=now)
    with pytest.raises(Conflict):
        passes.sell(session, plan_id=plan.id, quantity=1, now=now, held=False)
    passes.release(session, plan_id=plan.id, quantity=1, now=now)
    passes.sell(session, plan_id=plan.id, quantity=1, now=now)
    assert (plan.held, plan.sold) == (0, 1)
    passes.sell(session, plan_id=plan.id, quantity=1, now=now, held=False)
    assert (plan.held, plan.sold) == (0, 2)


def test_a_closed_plan_says_why(session, make, now):
    plan = make.plan(sale_ends_at=now)
    with pytest.raises(Conflict, match="The sale has ended"):
        passes.hold(session, plan_id=plan.id, quantity=1, now=now)


def test_issuing_costs_few_statements(db, make, now):
    """A fulfilment is many rows in one transaction; each statement is a round trip."""
    plan = make.plan(line=make.group_line(capacities=[50]), tier=make.tier())
    make.pass_(plan)
    member = make.member()
    with count_statements(db.engine) as sent, db.uow() as session:
        passes.issue(session, member_id=member.id, plan_id=plan.id, source="order:9:1", now=now, actor=SYSTEM)
    own = [
        text
        for text in sent.sent
        if not any(word in text for word in ("point", "ledger", "standing", "score"))
    ]
    # One of them looks whether the group lives in a chat, one whether its line welcomes newcomers, one takes a mute
    # along.
    assert len(own) <= 21, str(sent)


N = 24


def test_numbers_are_gapless_under_concurrent_issues(db, make, now):
    """Promise 1, at the last seats of a line and beyond them (promises 2 and 4)."""
    plan = make.plan(line=make.group_line(capacities=[10, 8]))
    members = [make.member().id for _ in range(N)]

    def issue(session, index):
        return passes.issue(
            session,
            member_id=members[index],
            plan_id=plan.id,
            source=f"order:{index}:1",
            now=now,
            actor=SYSTEM,
        ).id

    assert failed(concurrently(db, N, issue)) == []
    with db.session() as session:
        assert sorted(session.scalars(select(Member.number))) == list(range(1, N + 1))
        states = dict(session.execute(select(Seat.state, func.count()).group_by(Seat.state)).all())
        assert states == {"admitted": 18, "waiting": N - 18}
        assert len(session.scalars(select(EntryTicket)).all()) == 18
        session.get_one(Plan, plan.id).sold = N
        assert healthy(session, now) == []


def test_one_source_concurrently_is_one_pass(db, make, now):
    plan, member = make.plan(line=make.group_line()), make.member()
    outcomes = concurrently(
        db,
        16,
        lambda session: (
            passes.issue(
                session, member_id=member.id, plan_id=plan.id, source="order:1:1", now=now, actor=SYSTEM
            ).id
        ),
        retry=True,
    )
    assert failed(outcomes) == [] and len(set(succeeded(outcomes))) == 1
    with db.session() as session:
        assert len(session.scalars(select(Pass)).all()) == len(session.scalars(select(Seat)).all()) == 1


def test_stock_is_never_oversold(db, make, now, thinking):
    plan = make.plan(stock=5)

    def hold(session):
        return passes.hold(session, plan_id=plan.id, quantity=1, now=now).held

    outcomes = concurrently(db, 16, hold)
    assert sorted(succeeded(outcomes)) == [1, 2, 3, 4, 5]
    assert all(isinstance(one, Conflict) for one in failed(outcomes))
    with db.session() as session:
        assert session.get_one(Plan, plan.id).held == 5


def test_without_the_lock_stock_is_oversold_or_fails(db, make, now, thinking):
    """Negative control of the test above."""
    plan = make.plan(stock=5)

    def hold(session):
        return passes.hold(session, plan_id=plan.id, quantity=1, now=now).held

    with locks.disabled():
        outcomes = concurrently(db, 16, hold)
    assert sorted(succeeded(outcomes)) != [1, 2, 3, 4, 5] or not all(
        isinstance(one, Conflict) for one in failed(outcomes)
    )


def test_two_passes_of_one_seat_revoked_at_once_free_it(db, make, now):
    line, member = make.group_line(), make.member()
    held = [make.pass_(make.plan(line=line), member).id for _ in range(4)]
    outcomes = concurrently(
        db,
        4,
        lambda session, index: (
            passes.revoke(session, pass_id=held[index], reason="All", now=now, actor=SYSTEM).id
        ),
    )
    assert failed(outcomes) == []
    with db.session() as session:
        assert session.scalars(select(Seat.state)).all() == ["removed"]
        assert healthy(session, now) == []


def test_the_sweeper_mends_what_hosts_changed(session, make, now):
    line = make.group_line(capacities=[1])
    first, second = make.pass_(make.plan(line=line)), make.pass_(make.plan(line=line))
    groups.remove_member(session, seat_id=first.seat_id, reason="Spam", actor=SYSTEM, now=now)
    assert ticket_of(session, second) is None
    assert jobs.mend(session, now) == 2
    assert ticket_of(session, second).state == "valid"
    assert (ticket_of(session, first).state, ticket_of(session, first).void_reason) == ("void", "Spam")
    assert jobs.mend(session, now) == 0
    assert healthy(session, now) == []


def test_the_doctor_sees_broken_books(session, make, now):
    line = make.group_line()
    plan = make.plan(line=line, stock=1)
    held = make.pass_(plan, source="order:1:1")
    plan.sold = 5
    held.ends_at = now - dt.timedelta(days=2)
    session.flush()
    words = " / ".join(finding.message for finding in doctor.check(session, now))
    assert "5 are sold" in words and "should have expired" in words
    held.ends_at, held.seat_id = None, None
    ticket = session.scalars(select(EntryTicket)).one()
    ticket.state = "used"
    session.flush()
    words = " / ".join(finding.message for finding in doctor.check(session, now))
    assert "neither a seat" in words and "used at no time" in words
    held.seat_id = make.pass_(plan).seat_id
    session.delete(ticket)
    session.flush()
    words = " / ".join(finding.message for finding in doctor.check(session, now))
    assert "somebody else" in words


def test_the_doctor_asks_the_same_of_a_large_club(db, make, now):
    def cost():
        with count_statements(db.engine) as sent, db.session() as session:
            assert healthy(session, now) == []
        return sent.count

    make.pass_(make.plan(line=make.group_line()))
    before = cost()
    for _ in range(5):
        make.pass_(make.plan(line=make.group_line()))
    assert cost() == before
