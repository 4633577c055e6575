"""Homework that says itself what it earns: told, kept with the attempt, given and reversed exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from qunclub import homework, points
from qunclub.homework import doctor, queries
from qunclub.homework.models import Assignment
from qunclub.homework.rules_points import MOST, accepted_points, check_points
from qunclub.kernel import Actor, Invalid
from qunclub.points.models import LedgerEntry
from tests.support.pages import in_language, post, text_of
from tests.support.tampering import tampering

PROCESS = Actor.system("test")


@given(st.integers(0, 100), st.integers(0, MOST))
def test_it_earns_its_share_and_never_more_than_all(score, own):
    assert accepted_points(None, score) == score == accepted_points(100, score)
    assert 0 <= accepted_points(own, score) <= own
    assert accepted_points(own, 100) == own
    if score < 100:
        assert accepted_points(own, score) <= accepted_points(own, score + 1)


@pytest.mark.parametrize(("accepted", "featured", "field"), [
    (-1, None, "points_accepted"), (MOST + 1, None, "points_accepted"), (None, -1, "points_featured"),
])  # fmt: skip
def test_points_nobody_may_say(accepted, featured, field):
    check_points(None, None)
    check_points(0, MOST)
    with pytest.raises(Invalid) as error:
        check_points(accepted, featured)
    assert error.value.field == field


def judge(session, row, now, verdict="accept", score=81):
    homework.review(
        session, submission_id=row.id, version=row.version, verdict=verdict, scores={}, comment_md="",
        score=score, actor=PROCESS, now=now,
    )  # fmt: skip


def ledger(session, row):
    """(kind, amount) of the homework's lines in order."""
    query = select(LedgerEntry.kind, LedgerEntry.amount).where(
        LedgerEntry.member_id == row.member_id, LedgerEntry.kind.like("homework%")
    )
    return [
        (kind.removeprefix("homework_"), amount)
        for kind, amount in session.execute(query.order_by(LedgerEntry.id))
    ]


@pytest.mark.parametrize(
    ("own", "featured", "earned"),
    [
        (None, None, [("accepted", 81), ("on_time", 5), ("featured", 20)]),
        (200, 50, [("accepted", 162), ("on_time", 5), ("featured", 50)]),
        (30, None, [("accepted", 24), ("on_time", 5), ("featured", 20)]),
        (0, 0, [("on_time", 5)]),
    ],
)
def test_what_it_says_is_what_it_earns(session, make, now, own, featured, earned):
    row = make.submission(make.assignment(points_accepted=own, points_featured=featured))
    judge(session, row, now, "feature")
    assert ledger(session, row) == earned
    assert doctor.check(session, now) == []


def test_what_was_told_at_handing_in_counts_whatever_is_said_later(session, make, now):
    work = make.assignment(points_accepted=200, points_featured=50)
    row = make.submission(work)
    session.execute(update(Assignment).values(points_accepted=10, points_featured=None))
    judge(session, row, now)
    assert ledger(session, row) == [("accepted", 162), ("on_time", 5)]
    # Another work handed in now is told, and earns, the new points.
    other = make.submission(work)
    judge(session, other, now)
    assert ledger(session, other) == [("accepted", 8), ("on_time", 5)]
    assert doctor.check(session, now) == []


def test_a_changed_verdict_reverses_exactly_what_was_given(session, make, now):
    work = make.assignment(points_accepted=200, points_featured=50)
    row = make.submission(work)
    judge(session, row, now, "feature")
    session.execute(update(Assignment).values(points_accepted=None, points_featured=7))
    admin = make.actor(roles=("admin", "instructor"))
    homework.correct(
        session, submission_id=row.id, version=row.version, verdict="accept", score=50, reason="Read again",
        actor=admin, now=now,
    )  # fmt: skip
    assert ledger(session, row) == [
        ("accepted", 162), ("on_time", 5), ("featured", 50),
        ("accepted", -162), ("on_time", -5), ("featured", -50),
        ("accepted", 100), ("on_time", 5),
    ]  # fmt: skip
    homework.reopen(session, submission_id=row.id, version=row.version, reason="Wrong", actor=admin, now=now)
    total = session.scalar(
        select(func.sum(LedgerEntry.amount)).where(LedgerEntry.kind.like("homework%"))
    )  # fmt: skip
    assert total == 0
    assert doctor.check(session, now) == []


def test_a_rule_that_is_off_gives_nothing(session, make, now):
    work = make.assignment(points_accepted=200, points_featured=50)
    for kind in ("homework_accepted", "homework_featured"):
        points.set_rule(session, kind=kind, amount=20, active=False, actor=PROCESS, now=now)
    row = make.submission(work)
    judge(session, row, now, "feature")
    assert ledger(session, row) == [("on_time", 5)]
    worth = queries.worth(session).of(200, 50)
    assert (worth.accepted, worth.featured) == (False, 0)
    assert doctor.check(session, now) == []


def test_the_doctor_finds_what_is_not_what_was_told(session, make, now):
    row = make.submission(make.assignment(points_accepted=200))
    judge(session, row, now)
    with tampering(session):
        session.execute(update(LedgerEntry).where(LedgerEntry.kind == "homework_accepted").values(amount=81))
    assert any("differ from what their score earns" in one.message for one in doctor.check(session, now))


def test_an_admin_says_it_and_the_pages_tell_it(visit, author, make, work, site_db):
    admin = visit(make.account(name="Ada", roles=("admin",)))
    with site_db.session() as session:
        row = session.scalars(select(Assignment)).one()
        values = {"title": row.title, "slug": row.slug, "brief_md": row.brief_md, "version": row.version}
    line = {"criteria-0-title": "Clear", "criteria-0-max_points": "10", "criteria-0-weight": "1"}
    said = {"points_accepted": "300", "points_featured": "0", "late_policy": "accept"}
    refused = post(admin, f"/admin/homework/{work.id}", {**values, **line, **said, "points_accepted": "1001"})
    assert refused.status_code == 422 and 'value="1001"' in text_of(refused)
    assert post(admin, f"/admin/homework/{work.id}", {**values, **line, **said}).status_code == 303
    assert 'value="300"' in text_of(admin.get(f"/admin/homework/{work.id}"))
    mine = visit(author[0])
    page = text_of(mine.get(f"/homework/{work.id}"))
    assert "up to 305 points" in page
    assert "Accepted, it earns 300 points with the best score" in page
    assert "It earns no points for being featured." in page
    assert "up to 305 points" in text_of(mine.get("/homework"))
    assert "满分得 300 积分" in text_of(in_language(mine, "zh").get(f"/homework/{work.id}"))
