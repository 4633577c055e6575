"""Promise 6 under load: claims, saves and first attempts that race; and what it looks like without the lock."""

import datetime as dt
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qunclub import homework
from qunclub.homework import rules
from qunclub.homework.models import Criterion, Review, Submission
from qunclub.kernel import Access, Conflict, Stale, locks
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded

LEASE = dt.timedelta(minutes=45)
MANY = 16


@pytest.fixture
def slow(monkeypatch):
    """Time passes between looking at a claim and taking it, so that whoever may overlap does."""
    held = rules.held_by_other

    def look(*arguments, **values):
        time.sleep(0.03)
        return held(*arguments, **values)

    monkeypatch.setattr(rules, "held_by_other", look)


@pytest.fixture
def waiting(make):
    """A submission, its full scores, and sixteen instructors."""
    work = make.assignment()
    one = make.submission(work)
    teachers = [make.actor(roles=("instructor",)) for _ in range(MANY)]
    return one, teachers


def scores_of(db, submission):
    with db.session() as session:
        return {ident: 10 for ident in session.scalars(select(Criterion.id))}


def claims(db, submission, teachers, now):
    def claim(session, index):
        homework.claim(session, submission_id=submission.id, actor=teachers[index], lease=LEASE, now=now)
        return teachers[index].member_id

    return concurrently(db, MANY, claim)


def test_of_sixteen_claims_one_holds(db, waiting, slow, now):
    submission, teachers = waiting
    outcomes = claims(db, submission, teachers, now)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes))
    with db.session() as session:
        assert session.get_one(Submission, submission.id).claimed_by == succeeded(outcomes)[0]


def test_without_the_lock_the_race_is_seen(db, waiting, slow, now):
    submission, teachers = waiting
    with locks.disabled():
        outcomes = claims(db, submission, teachers, now)
    # PostgreSQL lets several believe that they hold it; SQLite throws the late ones out without an explanation.
    broken = [error for error in failed(outcomes) if not isinstance(error, Conflict)]
    assert len(succeeded(outcomes)) > 1 or broken


def test_sixteen_ask_for_the_next_one_and_each_gets_another(db, make, waiting, now):
    submission, teachers = waiting
    with db.session() as session:
        work = session.get_one(Submission, submission.id).assignment_id
    assignment = make.assignment()
    for _ in range(MANY - 1):
        make.submission(assignment)

    def claim(session, index):
        found = homework.claim_next(session, actor=teachers[index], lease=LEASE, now=now)
        return found.id if found else None

    outcomes = concurrently(db, MANY, claim)
    assert not failed(outcomes) and work
    got = [ident for ident in outcomes if ident is not None]
    assert len(got) == len(set(got)) == MANY


def saves(db, submission, teachers, scores, now, n=8):
    def save(session, index):
        return homework.review(
            session,
            submission_id=submission.id,
            version=1,
            verdict="feature" if index % 2 else "accept",
            scores=scores,
            comment_md=f"Number {index}",
            actor=teachers[index],
            now=now,
        ).id

    return concurrently(db, n, save)


def counted(db, submission):
    with db.session() as session:
        reviews = session.scalar(
            select(func.count()).select_from(Review).where(Review.submission_id == submission.id)
        )
        lines = session.scalar(
            select(func.count())
            .select_from(LedgerEntry)
            .where(LedgerEntry.source == f"submission:{submission.id}:accepted")
        )
        return reviews, lines


def test_of_racing_saves_one_is_kept_and_scores_once(db, waiting, slow, now):
    submission, teachers = waiting
    outcomes = saves(db, submission, teachers, scores_of(db, submission), now)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Stale) for error in failed(outcomes)), outcomes
    assert counted(db, submission) == (1, 1)


def test_without_the_lock_only_the_database_stands_in_the_way(db, waiting, slow, now):
    submission, teachers = waiting
    with locks.disabled():
        outcomes = saves(db, submission, teachers, scores_of(db, submission), now)
    # The race is real: losers pass the version check and are stopped by a constraint, not by an explanation.
    assert any(isinstance(error, DBAPIError) for error in failed(outcomes))
    assert counted(db, submission) == (1, 1)


def test_of_sixteen_first_attempts_one_is_kept(db, make, now):
    assignment, author = make.assignment(), make.member(number=True)
    actor = make.actor(author)

    def hand_in(session, index):
        return homework.submit(
            session,
            assignment_id=assignment.id,
            member_id=author.id,
            body_md=f"Try {index}",
            files=(),
            access=Access(True, "pass"),
            now=now,
            actor=actor,
        ).id

    outcomes = concurrently(db, MANY, hand_in, retry=True)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes)), outcomes
