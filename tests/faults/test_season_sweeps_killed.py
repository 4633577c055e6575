"""kill -9 at every statement of opening a season, asking its admins, and writing letters: all or nothing, and once."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qunclub.kernel import Actor
from qunclub.seasons import services_calendar
from qunclub.web.uow import transaction
from tests.faults.test_season_killed import Closer, everything
from tests.support.servers import ROOT

pytestmark = pytest.mark.slow
DAY = dt.timedelta(days=1)


@pytest.fixture
def sweeper(db) -> Iterator[Callable[[int], Closer]]:
    """Starts the process for one season."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sweeping"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def begin(season_id: int) -> Closer:
        assert process.stdin is not None and process.stdout is not None
        print(json.dumps({"url": db.url, "season_id": season_id}), file=process.stdin, flush=True)
        assert json.loads(process.stdout.readline()) == {"ready": True}
        return Closer(process)

    try:
        yield begin
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=20)


def all_the_way(db, closer: Closer, **command: Any) -> int:
    """Kill at step after step until one was after the commit; then the step finds nothing left to do."""
    before, at = everything(db), 0
    while True:
        assert closer.ask(at=at, **command)["killed"], (command, at)
        after = everything(db)
        if after != before:
            break
        at += 1
    again = closer.ask(**command)
    assert not again["killed"] and again["done"] == 0
    assert everything(db) == after
    return at


def test_a_season_opens_and_its_admins_are_asked_wholly_or_not_at_all(db, make, now, sweeper):
    for number in (1, 2):
        make.member(number=number, roles=("admin",))
    draft = make.season(opened=False, starts_at=now + 5 * DAY, days=10)
    with db.session() as session, transaction(session) as work:
        services_calendar.announce(work, season_id=draft.id, actor=Actor.system("test"), now=now)
    closer = sweeper(draft.id)
    start, end = draft.starts_at.isoformat(), draft.ends_at.isoformat()
    assert all_the_way(db, closer, do="open_due", now=start) > 6
    assert all_the_way(db, closer, do="tell_end", now=end) > 3
    letters = [row for row in everything(db)["qunclub_outbox"] if "season_ended" in row]
    assert len(letters) == 2


def test_letters_are_written_wholly_or_not_at_all_and_once(db, make, now, sweeper):
    people = make.ranking([0] * 5)
    first = make.season(seats=2, eliminate=1, protection=0, days=10, starts_at=now - 20 * DAY)
    for member in people[:2]:
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    season = make.season(starts_at=first.ends_at, seats=2, eliminate=1, protection=0, days=30)
    for member, many in zip(people, (200, 20, 150, 100, 90), strict=True):
        make.earn(member, many, at=season.starts_at)
    closer = sweeper(season.id)
    command = {"do": "notices", "now": now.isoformat(), "day": now.date().isoformat()}
    assert all_the_way(db, closer, **command) > 10
    letters = [row for row in everything(db)["qunclub_outbox"] if "season_notice" in row]
    assert len(letters) == 3
