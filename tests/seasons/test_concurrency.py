"""Two admins publish at once: one does it, the others are told, and nothing happens twice."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qunclub import seasons
from qunclub.kernel import Actor, Conflict, locks
from qunclub.kernel.store import AuditEntry
from qunclub.seasons import closing, doctor
from qunclub.seasons.models import CoreSeat, Decision
from tests.support.concurrency import concurrently, failed, succeeded

MANY = 16


@pytest.fixture
def frozen(db, make):
    members = make.ranking([0] * 6)
    season = make.season(seats=4, eliminate=1)
    for index, member in enumerate(members):
        make.earn(member, 10 + index, at=season.starts_at)
    return make.closed(season, steps=("freeze",))


def publish(season):
    def one(session, index):
        admin = Actor(f"test:admin-{index}", f"Admin {index}", roles=frozenset({"admin"}))
        return seasons.publish(session, season_id=season.id, actor=admin, now=season.ends_at).first

    return one


def test_one_of_many_admins_publishes_and_the_others_are_told(db, frozen):
    outcomes = concurrently(db, MANY, publish(frozen))
    assert failed(outcomes) == []
    assert sorted(succeeded(outcomes)) == [False] * (MANY - 1) + [True]
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(Decision)) == 4
        assert session.scalar(select(func.count()).select_from(CoreSeat)) == 4
        published = session.scalars(select(AuditEntry).where(AuditEntry.action == "season.publish")).all()
        assert len(published) == 1
        assert doctor.check(session, frozen.ends_at) == []


def test_control_without_the_lock_the_race_is_seen(db, frozen, monkeypatch):
    """Without the season's lock several admins decide at once; only the unique index still keeps them apart."""
    decided = []
    original = closing.decide

    def decide(*args, **values):
        decided.append(1)
        original(*args, **values)

    monkeypatch.setattr(closing, "decide", decide)
    with locks.disabled():
        outcomes = concurrently(db, MANY, publish(frozen))
    assert len(decided) > 1
    # Refused by the index, or by the core that somebody else has just changed; with the lock nobody is refused.
    assert any(isinstance(error, DBAPIError) for error in failed(outcomes)), outcomes
    assert all(isinstance(error, DBAPIError | Conflict) for error in failed(outcomes)), outcomes
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(CoreSeat)) == 4


def test_of_many_who_freeze_one_does(db, make):
    season = make.season()

    def one(session, index):
        admin = Actor(f"test:admin-{index}", "Admin", roles=frozenset({"admin"}))
        return seasons.freeze(session, season_id=season.id, actor=admin, now=season.ends_at)

    outcomes = concurrently(db, MANY, one)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes))


def test_two_overlapping_seasons_opened_at_once_become_one(db, make):
    drafts = [make.season(opened=False) for _ in range(8)]

    def one(session, index):
        admin = Actor.system("test")
        season = drafts[index % 8]
        return seasons.open_season(session, season_id=season.id, actor=admin, now=season.starts_at)

    outcomes = concurrently(db, MANY, one)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes))
