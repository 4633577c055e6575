"""Whatever happens to a pass in whatever order, its books agree: terms, ends, seat, tier, stock."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import passes
from qunclub.groups import doctor as groups_doctor
from qunclub.kernel import Actor, Conflict
from qunclub.passes import doctor, jobs, rules
from qunclub.passes.models import Pass, PassTerm

SYSTEM = Actor.system("test")
HOUR = dt.timedelta(hours=1)
SOURCES = ("order:1", "order:2", "order:3", "order:4")

source = st.sampled_from(SOURCES)
steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 30 * 24)),
    st.tuples(st.just("extend"), source),
    st.tuples(st.just("extend_until"), source, st.integers(-200, 2000)),
    st.tuples(st.just("end_source"), source),
    st.tuples(st.sampled_from(["suspend", "resume", "revoke", "sweep"])),
    st.tuples(st.just("renewal"), st.integers(0, 14 * 24), st.booleans()),
)


def do(session, held, step, now, example):
    what, *rest = step
    if what in ("extend", "extend_until", "end_source"):
        name = f"{rest[0]}:{example}"
        if what == "end_source":
            passes.end_source(session, source=name, reason="Back", now=now, actor=SYSTEM)
        else:
            until = held.ends_at + rest[1] * HOUR if len(rest) > 1 and held.ends_at else None
            passes.extend(session, pass_id=held.id, source=name, now=now, actor=SYSTEM, ends_at=until)
    elif what == "suspend":
        passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
    elif what == "resume":
        passes.resume(session, pass_ids=[held.id], now=now, actor=SYSTEM)
    elif what == "revoke":
        passes.revoke(session, pass_id=held.id, reason="Revoked", now=now, actor=SYSTEM)
    elif what == "renewal":
        passes.set_renewal(
            session, pass_id=held.id, grace_until=now + rest[0] * HOUR, renews=rest[1], now=now
        )
    elif what == "sweep":
        jobs.mend(session, now)


@pytest.fixture
def club(session, make):
    plan = make.plan(
        line=make.group_line(capacities=[2], repeat_last=True), tier=make.tier(), validity_days=10, stock=9
    )
    return session, plan, make


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=14))
def test_any_order_of_events_leaves_books_that_agree(club, now, events):
    session, plan, make = club
    example = make.next()
    passes.sell(session, plan_id=plan.id, quantity=1, now=now, held=False)
    held = make.pass_(plan, source=f"order:1:{example}")
    moment, revoked = now, False
    for step in events:
        if step[0] == "wait":
            moment += step[1] * HOUR
            continue
        before = set(session.scalars(select(PassTerm.source).where(PassTerm.pass_id == held.id)))
        try:
            do(session, held, step, moment, example)
        except Conflict:
            assert set(session.scalars(select(PassTerm.source).where(PassTerm.pass_id == held.id))) == before
        session.expire_all()
        held = session.get_one(Pass, held.id)
        assert not revoked or held.state == "revoked", "what was taken back never comes back"
        revoked = held.state == "revoked"
        assert session.get_one(type(plan), plan.id).sold == (0 if revoked else 1)
        if held.state == "active":
            assert rules.closes_at(held) is not None
    jobs.mend(session, moment)
    found = [*doctor.check(session, moment), *groups_doctor.check(session, moment)]
    assert [one.message for one in found] == []
    passes.revoke(session, pass_id=held.id, reason="Done", now=moment, actor=SYSTEM)
    assert session.get_one(type(plan), plan.id).sold == 0
