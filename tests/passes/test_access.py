"""The one access rule over the database."""

from __future__ import annotations

import datetime as dt

from qunclub import members, passes
from qunclub.kernel import Actor
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")


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


def test_access_to_many_courses_is_two_statements(db, make, now):
    course_ids = [make.course().id for _ in range(6)]
    actor = make.actor()
    with count_statements(db.engine) as sent, db.session() as session:
        passes.course_access(session, actor=actor, course_ids=course_ids, now=now)
    assert sent.count == 2
    with db.session() as session:
        assert passes.course_access(session, actor=actor, course_ids=[], now=now) == {}
