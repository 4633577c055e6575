"""What a core member's review earns: once, from the author, only while it counts, and only where it is switched on."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

from qunclub import homework, jobs, points
from qunclub.homework import jobs_core_reviews, services_core_reviews
from qunclub.homework.models import Review
from qunclub.kernel import Actor
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry
from qunclub.seasons import book
from qunclub.seasons.models import CoreSeat
from qunclub.web.state import club
from tests.factories import Make
from tests.support.concurrency import concurrently, failed
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin", "instructor"}))
PROCESS = Actor.system("test")


def switch(session, now, active=True):
    points.set_rule(session, kind="review_by_core", amount=3, active=active, actor=ADMIN, now=now)


@pytest.fixture
def reviewer(session, make, now):
    return core_member(session, make, now)


def core_member(session, make, now):
    made = make.member(number=True)
    season = make.season()
    session.add(
        CoreSeat(
            member_id=made.id, number=made.number, since_season_id=season.id, joined_at=now, safe_closings=0
        )
    )
    session.flush()
    return made


def judge(session, make, now, by, verdict="accept"):
    row = make.submission(make.assignment())
    return homework.review(
        session, submission_id=row.id, version=row.version, verdict=verdict, scores={}, comment_md="again",
        score=80, reviewer_id=by.id, actor=PROCESS, now=now,
    )  # fmt: skip


def lines(session):
    query = select(LedgerEntry).where(LedgerEntry.kind == "review_by_core").order_by(LedgerEntry.id)
    return session.scalars(query).all()


def give(session, now):
    return services_core_reviews.give(session, seasons=book, now=now)


def test_a_core_members_review_earns_once_from_the_author(session, make, now, reviewer):
    switch(session, now)
    row, other = judge(session, make, now, reviewer), judge(session, make, now, make.member(number=True))
    returned = judge(session, make, now, reviewer, "return")
    assert give(session, now) == 2 and give(session, now) == 0
    one, two = lines(session)
    assert (one.source, one.member_id, one.amount) == (f"review:{row.id}", reviewer.id, 3)
    assert one.from_member_id is not None and one.scope is not None
    assert two.source == f"review:{returned.id}"
    assert session.scalar(select(LedgerEntry.id).where(LedgerEntry.source == f"review:{other.id}")) is None
    assert doctor.check(session, now) == []


def test_it_is_off_until_an_admin_switches_it_on_and_pays_nothing_for_before(session, make, now, reviewer):
    judge(session, make, now, reviewer)
    assert give(session, now) == 0
    later = now + dt.timedelta(hours=1)
    switch(session, later)
    assert give(session, later) == 0
    judge(session, make, later, reviewer)
    assert give(session, later) == 1
    switch(session, later + dt.timedelta(hours=1), active=False)
    judge(session, make, later + dt.timedelta(hours=2), reviewer)
    assert give(session, later + dt.timedelta(hours=2)) == 0
    switch(session, later + dt.timedelta(hours=3))
    assert give(session, later + dt.timedelta(hours=3)) == 0


def test_what_was_written_before_the_seat_or_after_it_earns_nothing(session, make, now, reviewer):
    switch(session, now - dt.timedelta(days=1))
    judge(session, make, now - dt.timedelta(hours=1), reviewer)
    assert give(session, now) == 0
    judge(session, make, now, reviewer)
    session.execute(update(CoreSeat).values(left_at=now, left_reason="resigned"))
    assert give(session, now) == 0


def test_a_review_that_no_longer_counts_loses_it(session, make, now, reviewer):
    switch(session, now)
    row = judge(session, make, now, reviewer)
    give(session, now)
    assert services_core_reviews.take_back(session, now=now) == 0
    work = session.get_one(homework.models.Submission, row.submission_id)
    homework.correct(
        session, submission_id=work.id, version=work.version, verdict="accept", score=40, reason="measured anew",
        actor=ADMIN, now=now,
    )  # fmt: skip
    assert session.get_one(Review, row.id).counts is False
    assert services_core_reviews.take_back(session, now=now) == 1
    assert services_core_reviews.take_back(session, now=now) == 0 and give(session, now) == 0
    first, back = lines(session)
    assert back.reverses_id == first.id and back.amount == -3
    assert doctor.check(session, now) == []


def test_many_sweeps_at_once_give_once(db, make, now):
    with db.uow() as session:
        inner = Make(session, now)
        member = core_member(session, inner, now)
        switch(session, now)
        for _ in range(3):
            judge(session, inner, now, member)
    assert not failed(concurrently(db, 6, lambda s: give(s, now)))
    with db.rolled_back() as session:
        assert len(lines(session)) == 3 and doctor.check(session, now) == []


def test_the_sweep_is_among_the_others_and_two_statements_while_it_is_off(app, site_db):
    with app.app_context():
        assert jobs.sweep(club())["core_reviews"] == 0
        with count_statements(site_db.engine) as seen:
            assert jobs_core_reviews.sweep(club()) == 0
        assert seen.count <= 3, seen
