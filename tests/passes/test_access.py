"""The one access rule over the database."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

import pytest

from qunclub import groups, members, passes, seasons
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.seasons import book
from qunclub.seasons.models import CoreSeat
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")
BOOK = cast(Any, book)


def access(session, actor, course, now):
    return passes.course_access(session, actor=actor, course_ids=[course.id], now=now)[course.id]


def test_a_pass_opens_its_courses_and_no_other(session, make, now):
    mine, other = make.course(), make.course()
    dear = make.plan(courses=[mine, other], price=900, slug="dear")
    make.plan(courses=[other], price=100, slug="cheap")
    make.plan(courses=[other], state="draft")
    make.plan(courses=[other], stock=0)
    make.plan(courses=[other], sale_ends_at=now)
    member = make.member()
    make.pass_(make.plan(courses=[mine], validity_days=5), member)
    actor = make.actor(member)
    found = access(session, actor, mine, now)
    assert (found.allowed, found.reason, found.until) == (True, "pass", now + dt.timedelta(days=5))
    locked = access(session, actor, other, now)
    assert (locked.allowed, locked.reason, locked.plan_slugs) == (False, "no_pass", ("cheap", dear.slug))


def test_strangers_staff_and_the_suspended(session, make, now):
    course = make.course()
    plan = make.plan(courses=[course])
    assert access(session, None, course, now).reason == "sign_in"
    assert access(session, None, course, now).plan_slugs == (plan.slug,)
    assert access(session, make.actor(roles=("instructor",)), course, now).reason == "staff"
    member = make.member()
    held = make.pass_(plan, member)
    actor = make.actor(member)
    members.suspend(session, member_id=member.id, reason="Spam", actor=SYSTEM, now=now)
    assert access(session, actor, course, now).reason == "suspended"
    members.restore(session, member_id=member.id, actor=SYSTEM, now=now)
    passes.revoke(session, pass_id=held.id, reason="Refund", now=now, actor=SYSTEM)
    assert access(session, actor, course, now).reason == "revoked"


def test_a_plan_that_left_the_shelf_still_opens_what_it_opened(session, make, now):
    course, member = make.course(), make.member()
    plan = make.plan(courses=[course])
    make.pass_(plan, member)
    plan.state = "closed"
    session.flush()
    assert access(session, make.actor(member), course, now).allowed


def test_access_to_many_courses_is_three_statements(db, make, now):
    course_ids = [make.course().id for _ in range(6)]
    actor = make.actor()
    with count_statements(db.engine) as sent, db.session() as session:
        passes.course_access(session, actor=actor, course_ids=course_ids, now=now)
    assert sent.count == 3
    with db.session() as session:
        assert passes.course_access(session, actor=actor, course_ids=[], now=now) == {}


def test_many_conditions_cost_what_one_course_costs(db, make, now):
    tier = make.tier(code="diehard")
    spring = make.season(slug="spring")
    line = make.group_line(slug="readers")
    plan = make.plan(slug="p", courses=[make.course()])
    course_ids = []
    for _ in range(6):
        course = make.course()
        make.asks(
            course, tier="diehard", groups=("readers-1",), roles=("host", "core"), season="spring",
            season_window="during",
        )  # fmt: skip
        course_ids.append(course.id)
    make.seat(line)
    actor = make.actor()
    counts = []
    for some in (course_ids[:2], course_ids):
        with count_statements(db.engine) as sent, db.session() as session:
            found = passes.course_access(session, actor=actor, course_ids=some, now=now, seasons=BOOK)
        assert {one.reason for one in found.values()} == {"no_way"}
        counts.append(sent.count)
    # Conditions, seasons, passes, the member, their seats, the core, what is on sale.
    assert counts == [7, 7] and tier.id and spring.id and plan.id


def asked(session, member, course, now, make):
    found = passes.course_access(
        session, actor=make.actor(member), course_ids=[course.id], now=now, seasons=BOOK
    )
    return found[course.id]


def test_a_tier_opens_and_its_loss_closes(session, make, now):
    high = make.tier(code="diehard", name="铁杆", rank=20)
    low = make.tier(code="plain", rank=10)
    course = make.course()
    make.asks(course, tier="diehard")
    member = make.member()
    held = make.pass_(make.plan(tier=high, validity_days=9), member)
    make.pass_(make.plan(tier=low), member)
    found = asked(session, member, course, now, make)
    assert (found.allowed, found.reason, found.since) == (True, "tier", now)
    assert found.until == now + dt.timedelta(days=9)
    # Its time is up from that moment, though nobody has swept yet.
    assert not asked(session, member, course, now + dt.timedelta(days=9), make).allowed
    passes.revoke(session, pass_id=held.id, reason="Refund", now=now, actor=SYSTEM)
    locked = asked(session, member, course, now, make)
    assert (locked.allowed, locked.reason) == (False, "no_way")
    assert [(one.kind, one.name) for one in locked.ways] == [("tier", "铁杆")]


def test_a_disputed_payment_takes_its_tier_along(session, make, now):
    high = make.tier(code="diehard", rank=20)
    course, member = make.course(), make.member()
    make.asks(course, tier="diehard")
    held = make.pass_(make.plan(tier=high), member)
    held.state = "suspended"
    session.flush()
    assert asked(session, member, course, now, make).reason == "suspended_payment"


def test_a_seat_opens_and_its_loss_closes(session, make, now):
    course, other = make.course(), make.course()
    line = make.group_line(slug="readers", capacities=(1,))
    make.asks(course, groups=("readers-1",))
    seat = make.seat(line)
    member = session.get(Member, seat.member_id)
    waiting = session.get(Member, make.seat(line).member_id)
    found = asked(session, member, course, now, make)
    assert (found.reason, found.since) == ("group", seat.admitted_at)
    assert asked(session, member, other, now, make).reason == "no_pass"
    # A place on the waiting list is no seat.
    assert asked(session, waiting, course, now, make).reason == "no_way"
    groups.leave_seat(session, seat_id=seat.id, state="removed", reason="Spam", now=now)
    assert not asked(session, member, course, now, make).allowed
    assert asked(session, waiting, course, now, make).allowed


def test_roles_open_and_their_loss_closes(session, make, now):
    course = make.course()
    make.asks(course, roles=("host", "core"))
    host, core = make.member(roles=("host",)), make.member(number=True)
    assert asked(session, host, course, now, make).reason == "role"
    members.set_roles(session, member_id=host.id, roles=frozenset(), actor=SYSTEM, now=now)
    session.refresh(host)
    assert asked(session, host, course, now, make).reason == "no_way"
    seat = CoreSeat(member_id=core.id, number=core.number, joined_at=now)
    session.add(seat)
    session.flush()
    found = asked(session, core, course, now, make)
    assert (found.reason, found.since) == ("role", now)
    seat.left_at = now
    session.flush()
    assert not asked(session, core, course, now, make).allowed


def test_the_suspended_are_locked_out_of_every_way(session, make, now):
    make.tier(code="diehard", rank=20)
    line = make.group_line(slug="readers")
    course = make.course()
    make.asks(course, tier="diehard", groups=("readers-1",), roles=("core",))
    member = session.get(Member, make.seat(line).member_id)
    assert asked(session, member, course, now, make).allowed
    members.suspend(session, member_id=member.id, reason="Spam", actor=SYSTEM, now=now)
    found = asked(session, member, course, now, make)
    assert (found.allowed, found.reason, found.ways) == (False, "suspended", ())


def test_a_season_opens_and_closes_for_who_holds_a_pass(session, make, now):
    course, member = make.course(), make.member()
    make.pass_(make.plan(courses=[course]), member)
    spring = make.season(slug="spring", starts_at=now + dt.timedelta(days=5), opened=False)
    make.asks(course, season="spring", season_window="during")
    found = asked(session, member, course, now, make)
    assert (found.reason, found.opens_at, found.season, found.waits) == ("not_yet", None, "", True)
    seasons.open_season(session, season_id=spring.id, actor=SYSTEM, now=now)
    found = asked(session, member, course, now, make)
    assert (found.opens_at, found.season, found.season_slug) == (spring.starts_at, spring.name, "spring")
    found = asked(session, member, course, spring.starts_at, make)
    assert (found.allowed, found.until) == (True, spring.ends_at)
    assert asked(session, member, course, spring.ends_at, make).reason == "over"
    # Whoever does not know seasons cannot judge.
    with pytest.raises(LookupError):
        access(session, make.actor(member), course, now)
