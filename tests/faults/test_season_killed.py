"""kill -9 at every statement of freezing, publishing and taking back a season, and about the commit: all or nothing."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, select

from qunclub import models
from qunclub.groups.models import Group
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.seasons import doctor, services_offers, services_resign
from qunclub.seasons.models_offers import SeatOffer
from tests.support.servers import ROOT

pytestmark = pytest.mark.slow


class Closer:
    """A warm process whose children publish, and are killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **command: Any) -> dict[str, Any]:
        """Have a child do it; its answer, or ``{"killed": True}``."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer


@pytest.fixture
def ended(db, make):
    """A season that has ended, with a core group of four, one of whose seats waits for an answer to its offer.

    So freezing ends an offer, and a seat whose member was suspended meanwhile.
    """
    line = make.group_line(slug="core", kind="core", capacities=[4], posting="all")
    with db.session() as session:
        group_id = session.scalars(select(Group.id).where(Group.line_id == line.id)).one()
    people = make.ranking([0] * 6)
    first = make.season(seats=4, eliminate=1, protection=0, group_id=group_id, offer_days=7)
    for member, many in zip(people[:5], (10, 10, 10, 10, 5), strict=True):
        make.earn(member, many, at=first.starts_at)
    make.closed(first)
    second = make.season(starts_at=first.ends_at, seats=4, eliminate=1, group_id=group_id, days=5)
    for member, many in zip(people, (20, 5, 50, 40, 9, 8), strict=True):
        make.earn(member, many, at=second.starts_at)
    now = first.ends_at + dt.timedelta(days=1)
    with db.uow() as session:
        actor = Actor("test:member", "Lin", member_id=people[0].id)
        services_resign.resign(session, member_id=people[0].id, actor=actor, now=now)
        assert services_offers.offer_due(session, now=now) == 1
        session.get_one(Member, people[3].id).suspended_at = now
    return second


@pytest.fixture
def season(ended, make):
    """The same, frozen."""
    return make.closed(ended, steps=("freeze",))


@pytest.fixture
def closer(db, request) -> Iterator[Closer]:
    asked = request.node.funcargs
    season = asked.get("season") or asked["ended"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.closing"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    settings = {"url": db.url, "season_id": season.id, "now": season.ends_at.isoformat()}
    print(json.dumps(settings), file=process.stdin, flush=True)
    try:
        assert json.loads(process.stdout.readline()) == {"ready": True}
        yield Closer(process)
    finally:
        process.stdin.close()
        process.wait(timeout=20)


def everything(db) -> dict[str, list[str]]:
    """Every row of every table."""
    with db.engine.connect() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(*followed(table))))
            for table in models.metadata.sorted_tables
        }


def followed(table: Table) -> list[Any]:
    """Its columns, without the count of what stands unread at the bell."""
    return [column for column in table.columns if column.name != "notices_unread"]


def kill_all_the_way(db, closer: Closer, do: str) -> int:
    """Kill at step after step; nothing may have changed, until the one after the commit, when all has."""
    before, at = everything(db), 0
    while True:
        assert closer.ask(do=do, at=at)["killed"], (do, at)
        now = everything(db)
        if now != before:
            return at
        at += 1


def test_the_standings_are_frozen_wholly_or_not_at_all(db, ended, closer):
    at = kill_all_the_way(db, closer, "freeze")
    assert at > 12, "it was killed after the commit, with every statement before it"
    with db.session() as session:
        assert doctor.check(session, ended.ends_at) == []
        assert session.scalars(select(SeatOffer.state)).all() == ["ended"]
    frozen = everything(db)
    assert len(frozen["qunclub_season_snapshot"]) > 5 and frozen["qunclub_season_snapshot_sheet"]
    assert closer.ask(do="publish")["first"]
    with db.session() as session:
        assert doctor.check(session, ended.ends_at) == []


def test_a_result_is_published_wholly_or_not_at_all(db, season, closer):
    at = kill_all_the_way(db, closer, "publish")
    assert at > 15, "it was killed after the commit, with every statement before it"
    published = everything(db)
    with db.session() as session:
        assert doctor.check(session, season.ends_at) == []
    again = closer.ask(do="publish")
    assert not again["killed"] and again["first"] is False
    assert everything(db) == published
    assert len(published["qunclub_decision"]) == 4 + 4


def test_a_result_is_taken_back_wholly_or_not_at_all(db, season, closer):
    frozen = everything(db)
    assert closer.ask(do="publish")["first"]
    at = kill_all_the_way(db, closer, "undo")
    assert at > 10
    # What happened is told, and groups' rankings are looked at again: they follow the seats as they are by then.
    # The bell keeps what it said, and says that it was taken back.
    kept = ("qunclub_audit", "qunclub_counter", "qunclub_board_look", "qunclub_notice")
    after = everything(db)
    differ = [name for name in after if name not in kept and after[name] != frozen[name]]
    assert differ == []
    with db.session() as session:
        assert doctor.check(session, season.ends_at) == []
    assert closer.ask(do="publish")["first"]
