"""kill -9 at statements all along the merging of two groups and the splitting of one: all or nothing, and once."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from qunclub import models
from qunclub.groups import doctor, rules_split, services_split
from qunclub.groups.models import Group
from qunclub.groups.rules_split import SplitRule
from tests.faults.test_season_killed import Closer
from tests.support.servers import ROOT

pytestmark = pytest.mark.slow
DAYS = dt.timedelta(days=7)
# What these verbs write: looked at whole after every kill.
WRITTEN = (
    "group_line group seat seat_move move_request group_split group_host spin_off notice member outbox audit"
)


def everything(db) -> dict[str, list[str]]:
    """Every row of these tables."""
    names = {f"qunclub_{name}" for name in WRITTEN.split()}
    with db.engine.connect() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in models.metadata.sorted_tables
            if table.name in names
        }


@pytest.fixture
def killed(db, now) -> Iterator[Closer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.regrouping"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    print(json.dumps({"url": db.url, "now": (now + DAYS).isoformat()}), file=process.stdin, flush=True)
    assert json.loads(process.stdout.readline()) == {"ready": True}
    try:
        yield Closer(process)
    finally:
        process.stdin.close()
        process.wait(timeout=20)


def all_the_way(db, closer: Closer, now: dt.datetime, **command: Any) -> None:
    """Kill at every third step; nothing may have changed, until it is past the commit, when all has."""
    before, at = everything(db), 0
    while True:
        answer = closer.ask(at=at, **command)
        after = everything(db)
        if after != before:
            break
        assert answer["killed"], (command, at)
        at += 3
    assert at > 10, "it has that many statements at least"
    with db.session() as session:
        assert doctor.check(session, now) == []
    again = closer.ask(**command)
    assert not again["killed"] and again["done"] == 0
    assert everything(db) == after


def groups_of(db, line):
    with db.session() as session:
        query = select(Group.id, Group.capacity, Group.seated).where(Group.line_id == line.id)
        return [tuple(row) for row in session.execute(query.order_by(Group.index))]


def test_a_merge_killed_at_every_step(db, make, now, killed):
    line = make.group_line(capacities=[2, 2])
    for _ in range(5):
        make.seat(line)
    (one, *_), (other, *_) = groups_of(db, line)
    all_the_way(db, killed, now, do="merge", **{"from": other, "into": one, "capacity": 5})
    assert groups_of(db, line) == [(one, 5, 5), (other, 0, 0)]


def test_a_split_killed_at_every_step(db, make, now, killed):
    line = make.group_line(capacities=[4])
    for _ in range(5):
        make.seat(line)
    boss = make.actor(make.member(roles=("admin",)))
    ((one, *_),) = groups_of(db, line)
    rule = SplitRule("newest")
    with db.uow() as session:
        _stay, move = services_split.planned(session, one, rule, "", 4)
        split = services_split.announce(
            session, group_id=one, rule=rule, capacity=4, days=7, reason="Too loud", seal=rules_split.seal(move),
            zone=dt.UTC, actor=boss, now=now,
        ).id  # fmt: skip
    all_the_way(db, killed, now, do="split", split=split)
    assert [row[1:] for row in groups_of(db, line)] == [(4, 3), (4, 2)]
