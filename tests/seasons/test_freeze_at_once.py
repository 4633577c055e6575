"""Points that arrive while a season is frozen belong to exactly one season."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import func, select

from qunclub import points, seasons
from qunclub.kernel import Actor, locks
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry, Standing
from qunclub.seasons.models import SnapshotRow
from tests.support.concurrency import concurrently, failed

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
SYSTEM = Actor.system("test")
MANY = 20


@pytest.fixture
def ended(make):
    """A season that has ended, the one that runs now, and a member."""
    (member,) = make.ranking([0])
    season = make.season()
    following = make.season(starts_at=season.ends_at)
    make.earn(member, 3, at=season.starts_at)
    return season, following, member


def award(session, season, member, source):
    points.award(
        session, member_id=member.id, kind="granted", source=source, amount=10, actor=SYSTEM,
        occurred_at=season.ends_at - dt.timedelta(minutes=1), now=season.ends_at + dt.timedelta(minutes=1),
    )  # fmt: skip


def freeze(session, season):
    seasons.freeze(session, season_id=season.id, actor=ADMIN, now=season.ends_at + dt.timedelta(minutes=1))


def shares(db, season, following):
    """Points in the snapshot, in the window it was taken from, in the season that runs, and in the ledger."""
    with db.session() as session:
        assert doctor.check(session, season.ends_at) == []

        def kept(window):
            return session.scalar(
                select(func.coalesce(func.sum(Standing.points), 0)).where(Standing.window_id == window)
            )

        taken = select(func.sum(SnapshotRow.points)).where(SnapshotRow.season_id == season.id)
        total = session.scalar(select(func.sum(LedgerEntry.amount)))
        return session.scalar(taken), kept(season.window_id), kept(following.window_id), total


def test_of_many_points_on_their_way_each_is_in_one_season(db, ended):
    season, following, member = ended

    def one(session, index):
        if index == MANY // 2:
            freeze(session, season)
        else:
            award(session, season, member, f"late:{index}")

    assert failed(concurrently(db, MANY, one, retry=True)) == []
    snapshot, window, running, total = shares(db, season, following)
    assert total == 3 + 10 * (MANY - 1)
    assert snapshot == window
    assert snapshot + running == total


def _freeze_while_a_line_is_on_its_way(db, season, member):
    """An award written before, and committed after, the standings are copied; what the freeze came to."""
    written, done = threading.Event(), threading.Event()
    refused = []

    def give() -> None:
        with db.uow() as session:
            award(session, season, member, "on:its:way")
            written.set()
            done.wait(timeout=2)

    def freezing() -> None:
        written.wait(timeout=10)
        try:
            with db.uow() as session:
                freeze(session, season)
        except Exception as error:
            refused.append(error)
        finally:
            done.set()

    threads = [threading.Thread(target=give), threading.Thread(target=freezing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return refused


def test_the_freeze_waits_for_a_line_on_its_way(db, ended):
    season, following, member = ended
    assert _freeze_while_a_line_is_on_its_way(db, season, member) == []
    assert shares(db, season, following) == (13, 13, 0, 13)


def test_control_without_the_gate_the_line_is_in_no_season(db, ended):
    season, following, member = ended
    with locks.disabled():
        refused = _freeze_while_a_line_is_on_its_way(db, season, member)
    if db.kind == "sqlite":
        # One writer at a time with or without our locks: nothing is lost, the freeze is refused instead.
        assert len(refused) == 1
        return
    assert refused == []
    snapshot, window, running, total = shares(db, season, following)
    assert (snapshot, window, running, total) == (3, 13, 0, 13)
