"""Promise 2 across processes: 64 who enter at once through two servers; and one admission a ticket."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from qunclub.groups.models import Group, Seat
from qunclub.passes import tickets
from qunclub.passes.models import EntryTicket
from tests.concurrency.races import findings, numbers, ready

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the club"


def at_once(db, now, things: list[Any], *, locked: bool = True, **asked: Any) -> list[str]:
    """What happened to each of *things*, half of them in either of two processes that begin together."""
    told = {"url": db.url, "kind": db.kind, "now": now.isoformat(), "locked": locked, **asked}
    pipe = subprocess.PIPE
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.concurrency.entering"], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
        )
        for _ in range(2)
    ]
    try:
        for index, child in enumerate(children):
            assert child.stdin is not None
            print(json.dumps({**told, "things": things[index::2]}), file=child.stdin, flush=True)
        said = [child.stdout.readline() for child in children if child.stdout is not None]
        assert said == ['"ready"\n'] * 2
        ended = [child.communicate("go\n", timeout=240)[0] for child in children]
    finally:
        for child in children:
            child.kill()
    return [outcome for part in ended for outcome in json.loads(part)]


def seats_of(db, line) -> list[tuple[int, int, int]]:
    """(number of the group, seats it says are taken, seats that are)."""
    with db.session() as session:
        every = session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.index)).all()
        taken = session.scalars(select(Seat.group_id).where(Seat.state == "admitted")).all()
        return [(group.index, group.seated, taken.count(group.id)) for group in every]


def test_64_pay_for_the_last_24_seats(db, make, now):
    line = make.group_line(capacities=(24, 100))
    made = ready(make, make.plan(line=line), 64)
    assert at_once(db, now, [order.code for order in made], do="pay") == ["fulfilled"] * 64
    assert seats_of(db, line) == [(1, 24, 24), (2, 40, 40)], "not one more, and exactly one new group"
    assert numbers(db) == list(range(1, 65)), "without a gap"
    assert findings(db, now) == []


def test_64_take_the_last_seats_of_a_line_that_ends(db, make, now):
    line = make.group_line(capacities=(24, 24))
    people = [make.member().id for _ in range(64)]
    outcomes = at_once(db, now, people, do="seat", line=line.id)
    assert sorted(outcomes) == ["admitted"] * 48 + ["waiting"] * 16
    assert seats_of(db, line) == [(1, 24, 24), (2, 24, 24)]
    with db.session() as session:
        waiting = select(Seat.position).where(Seat.state == "waiting").order_by(Seat.position)
        assert list(session.scalars(waiting)) == list(range(1, 17)), "nobody is left out between"
    assert findings(db, now) == []


def test_control_without_locks_the_last_seats_are_sold_twice(db, make, now):
    line = make.group_line(capacities=(24, 24))
    people = [make.member().id for _ in range(64)]
    outcomes = at_once(db, now, people, locked=False, do="seat", line=line.id)
    counted = seats_of(db, line)
    if db.kind == "postgres":
        assert any(said != taken for _, said, taken in counted) or counted[0][2] > 24, (counted, outcomes)
    else:
        # SQLite lets nobody write over what another has read meanwhile: it turns them away.
        assert any("locked" in outcome for outcome in outcomes), outcomes


@pytest.fixture
def ticket(db, make, now) -> tuple[int, str]:
    """A ticket nobody has used, by its id and its signed text."""
    make.paid_order(plan=make.plan(line=make.group_line(capacities=(5,))))
    with db.uow() as session:
        found = session.scalars(select(EntryTicket)).one()
        return found.id, tickets.sign(found.code, SECRET)


def admissions(db, ticket_id: int) -> str:
    with db.session() as session:
        return str(session.get_one(EntryTicket, ticket_id).state)


def test_64_hosts_check_one_ticket(db, now, ticket):
    outcomes = at_once(db, now, list(range(64)), do="check", ticket=ticket[1], secret=SECRET)
    assert sorted(outcomes) == ["admitted"] + ["used"] * 63
    assert admissions(db, ticket[0]) == "used"


def test_control_without_locks_a_ticket_lets_in_twice(db, now, ticket):
    outcomes = at_once(db, now, list(range(64)), locked=False, do="check", ticket=ticket[1], secret=SECRET)
    if db.kind == "postgres":
        assert outcomes.count("admitted") > 1, outcomes
    else:
        assert any("locked" in outcome for outcome in outcomes), outcomes
