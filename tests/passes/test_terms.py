"""The time of a pass: calendar arithmetic, terms, renewals, what is taken back, suspension."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import passes
from qunclub.groups.models import Seat
from qunclub.kernel import Actor, Conflict, locks, store
from qunclub.passes import doctor, rules, rules_terms, tickets
from qunclub.passes.models import EntryTicket, Pass, PassTerm
from qunclub.passes.rules_terms import Term
from tests.support.concurrency import concurrently, failed, succeeded

SYSTEM = Actor.system("test")
DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)


def day(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Plan_:
    validity_days: int | None = None
    valid_until: dt.datetime | None = None
    interval: str = ""


@pytest.mark.parametrize(
    ("plan", "begins", "ends"),
    [
        (Plan_(), "2026-04-15", None),
        (Plan_(validity_days=30), "2026-02-01", "2026-03-03"),
        (Plan_(valid_until=day("2027-01-01")), "2026-04-15", "2027-01-01"),
        (Plan_(interval="month"), "2026-04-15", "2026-05-15"),
        (Plan_(interval="month"), "2026-01-31", "2026-02-28"),
        (Plan_(interval="month"), "2028-01-31", "2028-02-29"),
        (Plan_(interval="month"), "2026-12-31", "2027-01-31"),
        (Plan_(interval="year"), "2026-04-15", "2027-04-15"),
        (Plan_(interval="year"), "2028-02-29", "2029-02-28"),
    ],
)
def test_how_long_a_pass_lasts(plan, begins, ends):
    assert rules.end_of(plan, day(begins)) == (day(ends) if ends else None)


moments = st.integers(0, 40_000).map(lambda days: day("2000-01-01") + days * DAY)


@given(moments, st.integers(0, 60))
def test_months_later_is_the_same_day_or_the_last_of_that_month(moment, months):
    later = rules.add_months(moment, months)
    assert (later.year * 12 + later.month) - (moment.year * 12 + moment.month) == months
    assert later.day == moment.day or (later.day < moment.day and (later + DAY).day == 1)
    assert later.time() == moment.time()


hours = st.integers(0, 2000).map(lambda n: NOW + dt.timedelta(hours=n))
lengths = st.lists(st.integers(0, 400).map(lambda n: dt.timedelta(hours=n)), min_size=1, max_size=6)


def chain(lengths):
    terms, at = [], NOW
    for length in lengths:
        terms.append(Term(at, at + length))
        at += length
    return terms


def total(terms):
    return sum((term.ends_at - term.starts_at for term in terms), dt.timedelta(0))


def end_of(terms):
    end = rules_terms.last_end(terms)
    assert end is not None
    return end


@given(lengths, st.data(), hours)
def test_taking_one_term_back_takes_what_was_not_used_of_it_and_nothing_else(lengths, data, now):
    terms = chain(lengths)
    taken = data.draw(st.integers(0, len(terms) - 1))
    kept = rules_terms.without(terms, taken, now)
    gone = terms[taken]
    assert total(kept) == total(terms) - (gone.ends_at - gone.starts_at)
    unused = max(dt.timedelta(0), gone.ends_at - max(now, gone.starts_at))
    if taken < len(terms) - 1:
        assert end_of(terms) - end_of(kept) == unused
    # What is left of the time from now on is what was left of the others.
    left = sum((max(dt.timedelta(0), one.ends_at - max(now, one.starts_at)) for one in kept), dt.timedelta(0))
    before = sum(
        (
            max(dt.timedelta(0), one.ends_at - max(now, one.starts_at))
            for at, one in enumerate(terms)
            if at != taken
        ),
        dt.timedelta(0),
    )
    assert left == before
    assert all(one.starts_at <= two.starts_at for one, two in pairwise(kept))


@given(lengths, hours, st.one_of(st.none(), hours), st.booleans())
def test_one_more_term_never_shortens_and_never_gives_twice(lengths, now, ends_at, in_grace):
    terms = chain(lengths)
    moved, begins = rules_terms.extended(terms, now=now, in_grace=in_grace, ends_at=ends_at)
    assert begins >= min(one.starts_at for one in terms) or ends_at is not None
    assert rules_terms.last_end(moved) == rules_terms.last_end(terms)
    if ends_at is None:
        assert begins >= end_of(terms) and moved == terms
    elif ends_at < rules_terms.last_end(terms) and ends_at > NOW:
        assert total(moved) + (ends_at - begins) == total(terms)


def end(session, source, now, reason="Refunded"):
    return passes.end_source(session, source=source, reason=reason, now=now, actor=SYSTEM)


def extend(session, held, source, now, ends_at=None):
    return passes.extend(session, pass_id=held.id, source=source, now=now, actor=SYSTEM, ends_at=ends_at)


def well(session, now):
    return [finding.message for finding in doctor.check(session, now)]


def bought(session, make, plan, now, source="order:1:1"):
    passes.sell(session, plan_id=plan.id, quantity=1, now=now, held=False)
    return make.pass_(plan, source=source)


def test_a_pass_comes_with_its_first_term(session, make, now):
    held = make.pass_(make.plan(validity_days=30), source="order:1:1")
    term = session.scalars(select(PassTerm)).one()
    assert (term.pass_id, term.source, term.starts_at, term.ends_at) == (
        held.id,
        "order:1:1",
        now,
        held.ends_at,
    )
    assert well(session, now) == []


def test_extending_adds_to_the_end_once_and_takes_no_stock(session, make, now):
    plan = make.plan(validity_days=30, stock=1)
    held = bought(session, make, plan, now)
    for _ in range(2):
        extend(session, held, "order:2:1", now + 10 * DAY)
    assert held.ends_at == now + 60 * DAY and plan.sold == 1
    assert passes.with_sources(session, ["order:1:1", "order:2:1", "order:3:1"]) == {
        "order:1:1": held,
        "order:2:1": held,
    }
    assert well(session, now) == []
    other = make.pass_(plan)
    with pytest.raises(Conflict):
        extend(session, other, "order:2:1", now)


def test_a_pass_closed_for_a_while_goes_on_from_now(session, make, now):
    held = make.pass_(make.plan(validity_days=30))
    extend(session, held, "order:2:1", now + 31 * DAY)
    assert held.ends_at == now + 61 * DAY
    assert well(session, now) == []


def test_what_cannot_be_extended_says_why(session, make, now):
    with pytest.raises(Conflict, match="for life"):
        extend(session, make.pass_(make.plan()), "order:2:1", now)
    held = make.pass_(make.plan(validity_days=3))
    passes.expire_due(session, now + 3 * DAY)
    with pytest.raises(Conflict, match="has ended"):
        extend(session, held, "order:3:1", now + 3 * DAY)
    with pytest.raises(Conflict, match="as long as the plan"):
        extend(session, make.pass_(make.plan(valid_until=now + 3 * DAY)), "order:4:1", now)


def test_a_charge_told_late_takes_its_place(session, make, now):
    """Invoices arrive in any order; each can be refunded alone."""
    plan = make.plan(interval="month", price=9900)
    first, second, third = (rules.add_months(now, at) for at in (1, 2, 3))
    held = passes.issue(
        session, member_id=make.member().id, plan_id=plan.id, source="order:1:1", now=now, actor=SYSTEM,
        ends_at=first, renews=True,
    )  # fmt: skip
    extend(session, held, "order:3:1", now, third)
    extend(session, held, "order:2:1", now, second)
    assert held.ends_at == third and well(session, now) == []
    end(session, "order:3:1", now)
    assert held.ends_at == second
    end(session, "order:2:1", now)
    assert held.ends_at == first and held.state == "active"
    assert well(session, now) == []


def test_taking_back_the_first_leaves_what_the_second_paid_for(session, make, now):
    plan = make.plan(validity_days=30, stock=2)
    held = bought(session, make, plan, now)
    extend(session, held, "order:2:1", now)
    later = now + 10 * DAY
    assert end(session, "order:1:1", later) is held
    assert (held.state, held.ends_at) == ("active", later + 30 * DAY)
    assert plan.sold == 1 and well(session, later) == []
    assert end(session, "order:1:1", later).ends_at == later + 30 * DAY
    end(session, "order:2:1", later)
    assert (held.state, held.end_reason, plan.sold) == ("revoked", "Refunded", 0)
    assert end(session, "order:2:1", later).state == "revoked"
    assert end(session, "order:9:1", later) is None
    assert well(session, later) == []


def test_when_only_used_time_is_left_the_pass_has_expired(session, make, now):
    held = make.pass_(make.plan(validity_days=30, line=make.group_line()))
    source = held.source
    extend(session, held, "order:2:1", now)
    later = now + 40 * DAY
    end(session, "order:2:1", later)
    assert (held.state, held.ends_at) == ("expired", now + 30 * DAY)
    assert session.get(Seat, held.seat_id).state == "left"
    assert well(session, later) == []
    end(session, source, later)
    assert held.state == "revoked" and well(session, later) == []


def test_revoking_a_pass_revokes_its_terms(session, make, now):
    held = make.pass_(make.plan(validity_days=30))
    extend(session, held, "order:2:1", now)
    passes.revoke(session, pass_id=held.id, reason="Why", now=now, actor=SYSTEM)
    assert set(session.scalars(select(PassTerm.revoked_at))) == {now}
    assert well(session, now) == []


def test_a_late_renewal_has_its_days_of_grace(session, make, now):
    course = make.course()
    plan = make.plan(interval="month", price=9900, courses=[course])
    member, month = make.member(), rules.add_months(now, 1)
    held = passes.issue(
        session, member_id=member.id, plan_id=plan.id, source="order:1:1", now=now, actor=SYSTEM,
        ends_at=month, grace_until=month + 7 * DAY, renews=True,
    )  # fmt: skip

    def access(at):
        return passes.course_access(session, actor=make.actor(member), course_ids=[course.id], now=at)[
            course.id
        ]

    assert access(now).until == month
    assert access(month + 6 * DAY).allowed and access(month + 6 * DAY).until == month + 7 * DAY
    assert passes.expire_due(session, month + 6 * DAY) == []
    assert well(session, month + 6 * DAY) == []
    extend(session, held, "order:2:1", month + 6 * DAY, rules.add_months(now, 2))
    assert held.ends_at == rules.add_months(now, 2)
    passes.set_renewal(session, pass_id=held.id, grace_until=None, renews=False, now=month)
    assert (held.renews, held.grace_until) == (False, None)
    shorter = held.ends_at - 3 * DAY
    passes.set_renewal(session, pass_id=held.id, grace_until=None, renews=False, now=month, ends_at=shorter)
    assert held.ends_at == shorter and well(session, month + 6 * DAY) == []
    assert access(shorter).reason == "expired"
    assert [one.id for one in passes.expire_due(session, shorter)] == [held.id]
    assert (
        passes.set_renewal(session, pass_id=held.id, grace_until=None, renews=True, now=month).renews is False
    )


def test_a_disputed_pass_is_closed_and_keeps_its_seat(session, make, now):
    course, line = make.course(), make.group_line(capacities=[1])
    plan, member = make.plan(line=line, courses=[course], tier=make.tier()), make.member()
    held, waiting = make.pass_(plan, member), make.pass_(plan)
    ticket = session.scalars(select(EntryTicket).where(EntryTicket.seat_id == held.seat_id)).one()

    def access():
        return passes.course_access(session, actor=make.actor(member), course_ids=[course.id], now=now)[
            course.id
        ]

    assert [
        one.id for one in passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
    ]
    assert passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM) == []
    assert (access().allowed, access().reason, access().plan_slugs) == (False, "suspended_payment", ())
    assert session.get(Seat, held.seat_id).state == "admitted" and member.number == 1
    assert session.get(Seat, waiting.seat_id).state == "waiting"
    text = tickets.sign(ticket.code, "secret")
    assert (
        tickets.check_in(session, text=text, secret="secret", actor=SYSTEM, now=now).door
        == "suspended_payment"
    )
    assert ticket.state == "valid" and well(session, now + DAY) == []
    passes.resume(session, pass_ids=[held.id], now=now, actor=SYSTEM)
    assert access().allowed
    assert tickets.check_in(session, text=text, secret="secret", actor=SYSTEM, now=now).door == "admit"
    acts = session.scalars(
        select(store.AuditEntry.action)
        .where(store.AuditEntry.action.like("pass.%"))
        .order_by(store.AuditEntry.id)
    ).all()
    assert acts == ["pass.suspend", "pass.resume"]
    passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
    passes.revoke(session, pass_id=held.id, reason="Lost", now=now, actor=SYSTEM)
    assert session.get(Seat, waiting.seat_id).state == "admitted" and member.tier_id is None
    assert well(session, now) == []


def test_time_goes_on_while_a_pass_is_suspended(session, make, now):
    held = make.pass_(make.plan(validity_days=3))
    passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
    later = now + 5 * DAY
    assert passes.expire_due(session, later) == [] and well(session, later) == []
    passes.resume(session, pass_ids=[held.id], now=later, actor=SYSTEM)
    assert held.state == "expired" and well(session, later) == []


def test_unsell_gives_back_to_the_stock(session, make, now):
    plan = make.plan(stock=3)
    passes.sell(session, plan_id=plan.id, quantity=3, now=now, held=False)
    passes.unsell(session, plan_id=plan.id, quantity=2, now=now)
    assert plan.sold == 1


def test_the_doctor_sees_terms_that_do_not_add_up(session, make, now):
    one, two, three, four = (make.pass_(make.plan(validity_days=9), source=f"order:{n}:1") for n in range(4))
    term = {row.pass_id: row for row in session.scalars(select(PassTerm))}
    one.ends_at = now + 99 * DAY
    term[two.id].revoked_at = now
    three.state, three.ended_at = "revoked", now
    session.delete(term[four.id])
    session.flush()
    words = " / ".join(well(session, now))
    for part in (
        "does not end with its last term",
        "all its terms are",
        "a term of it is not",
        "has no term of what",
    ):
        assert part in words


N = 12


def extend_all(db, make, now, sources):
    held = make.pass_(make.plan(validity_days=10))
    outcomes = concurrently(
        db,
        N,
        lambda session, index: (
            passes.extend(session, pass_id=held.id, source=sources[index], now=now, actor=SYSTEM).ends_at
        ),
    )
    with db.session() as session:
        return outcomes, session.get_one(Pass, held.id).ends_at, doctor.check(session, now)


def test_many_renewals_at_once_all_count_and_each_once(db, make, now, thinking):
    sources = [f"order:{index // 2}:1" for index in range(N)]
    outcomes, ends_at, found = extend_all(db, make, now, sources)
    assert failed(outcomes) == [] and len(succeeded(outcomes)) == N
    assert ends_at == now + (10 + 10 * N // 2) * DAY and found == []


def test_without_the_lock_renewals_are_lost(db, make, now, thinking):
    """Negative control: the test above can fail."""
    with locks.disabled():
        outcomes, ends_at, _found = extend_all(db, make, now, [f"order:{index}:1" for index in range(N)])
    assert failed(outcomes) or ends_at < now + (10 + 10 * N) * DAY


def test_a_refund_and_a_renewal_at_once_agree(db, make, now, thinking):
    held = make.pass_(make.plan(validity_days=10), source="gift:1")

    def one(session, index):
        if index % 2:
            return passes.extend(
                session, pass_id=held.id, source=f"order:{index}:1", now=now, actor=SYSTEM
            ).id
        taken = passes.end_source(session, source="gift:1", reason="Back", now=now, actor=SYSTEM)
        assert taken is not None
        return taken.id

    outcomes = concurrently(db, 8, one)
    assert all(isinstance(error, Conflict) for error in failed(outcomes))
    with db.session() as session:
        assert doctor.check(session, now) == []
