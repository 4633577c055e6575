"""The doctor finds each broken promise of homework, and nothing where there is none."""

import pytest
from sqlalchemy import delete, select, update

from qunclub import homework, points
from qunclub.homework.doctor import check
from qunclub.homework.models import Attempt, Review, ShowcaseEntry, Submission
from qunclub.kernel import Access, Actor
from qunclub.points.models import LedgerEntry
from tests.support.statements import count_statements
from tests.support.tampering import tampering

PROCESS = Actor.system("test")


@pytest.fixture
def club(session, make, now):
    """Homework at all stages, everything in order."""
    work = make.assignment()
    make.submission(work)
    accepted = make.featured(assignment=work, consented=True)
    returned = make.submission(work)
    homework.review(
        session, submission_id=returned.id, version=1, verdict="return", scores={}, comment_md="", score=20,
        actor=PROCESS, now=now,
    )  # fmt: skip
    reopened = make.featured(assignment=work)
    homework.reopen(session, submission_id=reopened.id, version=2, reason="Wrong", actor=PROCESS, now=now)
    carried = homework.submit(
        session, assignment_id=work.id, member_id=make.member(number=True).id, body_md="", files=(),
        access=Access(True, "pass"), now=now, actor=PROCESS, carried_over=True,
    )  # fmt: skip
    homework.review(
        session, submission_id=carried.id, version=1, verdict="accept", scores={}, comment_md="", score=70,
        actor=PROCESS, now=now,
    )  # fmt: skip
    session.flush()
    return {"accepted": accepted, "returned": returned, "reopened": reopened, "carried": carried}


def broken(session, now):
    session.flush()
    return check(session, now)


def test_a_club_in_order_has_no_findings(session, club, now, db):
    with count_statements(db.engine) as seen:
        assert check(session, now) == []
    assert seen.count == 19


def test_reopened_work_that_is_accepted_again_is_in_order(session, club, now, make):
    row = club["reopened"]
    homework.submit(
        session, assignment_id=row.assignment_id, member_id=row.member_id, body_md="x", files=(),
        access=Access(True, "pass"), now=now, actor=PROCESS,
    )  # fmt: skip
    homework.review(
        session, submission_id=row.id, version=row.version, verdict="accept", scores={}, comment_md="", score=61,
        actor=PROCESS, now=now,
    )  # fmt: skip
    assert broken(session, now) == []


@pytest.mark.parametrize(
    ("which", "values"),
    [
        ("accepted", {"state": "waiting"}),
        ("accepted", {"score": 12}),
        ("accepted", {"featured": False}),
        ("accepted", {"state": "returned", "featured": False}),
        ("returned", {"state": "accepted"}),
        ("returned", {"attempt": 9}),
        ("accepted", {"carried_over": True}),
    ],
)
def test_a_state_that_is_not_what_the_review_says(session, club, now, which, values):
    session.execute(update(Submission).where(Submission.id == club[which].id).values(**values))
    assert [finding.promise for finding in broken(session, now)]


def test_points_that_are_missing(session, club, now):
    with tampering(session):
        session.execute(delete(LedgerEntry).where(LedgerEntry.member_id == club["accepted"].member_id))
    assert any("did not earn" in finding.message for finding in broken(session, now))


def test_points_that_are_too_many(session, club, now):
    source = f"submission:{club['accepted'].id}:accepted"
    with tampering(session):
        session.execute(update(LedgerEntry).where(LedgerEntry.source == source).values(amount=100))
    assert any("differ" in finding.message for finding in broken(session, now))


def test_points_without_an_acceptance(session, club, now):
    row = club["returned"]
    points.award(
        session, member_id=row.member_id, kind="homework_accepted", source=f"submission:{row.id}:accepted",
        occurred_at=now, now=now, actor=PROCESS, amount=20,
    )  # fmt: skip
    assert broken(session, now)


def test_a_rule_that_was_off_is_no_fault(session, make, now):
    work = make.assignment()
    points.set_rule(session, kind="homework_accepted", amount=100, active=False, actor=PROCESS, now=now)
    make.featured(assignment=work)
    assert broken(session, now) == []


def test_a_review_of_another_submission(session, club, now):
    session.execute(
        update(Review)
        .where(Review.submission_id == club["returned"].id)
        .values(submission_id=club["accepted"].id)
    )
    assert broken(session, now)


def test_claims_that_cannot_be(session, club, make, now):
    row = club["accepted"]
    session.execute(update(Submission).where(Submission.id == row.id).values(claimed_by=row.member_id))
    assert any("held" in finding.message for finding in broken(session, now))


def test_consent_of_somebody_else(session, club, make, now):
    session.execute(update(ShowcaseEntry).values(member_id=make.member().id))
    assert any("showcase" in finding.message for finding in broken(session, now))


def test_a_submission_without_its_attempt(session, club, make, now):
    lonely = make.submission(make.assignment())
    session.execute(delete(Attempt).where(Attempt.submission_id == lonely.id))
    assert broken(session, now)


def test_forgetting_somebody_leaves_no_finding(session, club, make, now):
    """Work at every stage, also waiting again after a return, is taken away and the records still agree."""
    returned = club["returned"]
    homework.submit(
        session, assignment_id=returned.assignment_id, member_id=returned.member_id, body_md="again", files=(),
        access=Access(True, "pass"), now=now, actor=PROCESS,
    )  # fmt: skip
    for member_id in session.scalars(select(Submission.member_id)).all():
        homework.forget(session, member_id=member_id, now=now)
    assert broken(session, now) == []
    row = session.get_one(Submission, returned.id)
    assert (row.state, row.attempt) == ("returned", 1)
    assert not session.scalars(select(Attempt.body_md).where(Attempt.body_md != "")).all()
