"""Long lists are read by marks: every row once, whatever comes meanwhile, and no page costs more than another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.admin import queries as admin
from qunclub.kernel import Actor, store
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members import queries as directory
from qunclub.members import queries_people as people
from qunclub.members.models import ReservedNumber
from qunclub.passes import queries_admin as passes
from qunclub.points import queries as ledger
from qunclub.projects import queries as project_lists
from qunclub.seasons import lists
from qunclub.seasons.models import CoreSeat, Season
from tests.factories import Make
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
MANY = 130


def _lines(make: Make, now: dt.datetime, number: int) -> Any:
    session, member = make.session, make.member(number=True)
    awards = [
        points.Award(member.id, "granted", f"line:{number}:{n}", amount=1, occurred_at=now - n // 3 * DAY)
        for n in range(number)
    ]
    points.award_many(session, awards, now=now, actor=ADMIN)
    return member


def _own(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    member = _lines(make, now, number)
    return lambda after: ledger.my_lines(make.session, member.id, after)


def _all(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    _lines(make, now, number)
    return lambda after: ledger.lines(make.session, ledger.LineFilter(), after)


def _audit(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    for n in range(number):
        store.record(make.session, actor=ADMIN, action="a.b", target=f"t:{n}", now=now, summary=str(n))
    make.session.flush()
    return lambda after: admin.audit(make.session, after=after)


def _messages(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    make.session.add_all(
        OutboxMessage(kind="mail", key=f"k{n}", payload={}, created_at=now, due_at=None)
        for n in range(number)
    )
    make.session.flush()
    return lambda after: admin.given_up(make.session, after=after)


def _projects(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    for n in range(number):
        make.project(slug=f"p-{n}", title=f"P {n}", public=True)
    return lambda after: project_lists.listed(make.session, actor=None, states=("open", "draft"), after=after)


def _season(now: dt.datetime, n: int) -> Season:
    return Season(
        slug=f"s-{n}", name=f"S {n}", starts_at=now - (n + 1) * DAY, ends_at=now - n * DAY, state="closed", seats=1,
        eliminate=0,
    )  # fmt: skip


def _seasons(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    make.session.add_all(_season(now, n) for n in range(number))
    make.session.flush()
    return lambda after: lists.listed(make.session, after=after)


def _begun(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    _seasons(make, now, number)
    return lambda after: lists.begun(make.session, now, after=after)


def _alumni(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    for n in range(number):
        member = make.member(number=True)
        make.session.add(
            CoreSeat(
                member_id=member.id, number=member.number, joined_at=now - 90 * DAY, left_at=now - n // 3 * DAY,
                left_reason="lowest",
            )
        )  # fmt: skip
    make.session.flush()
    return lambda after: lists.alumni(make.session, names=True, after=after)


def _directory(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    for _one in range(number):
        make.member(number=True)
    return lambda after: directory.directory(make.session, after=after)


def _newest(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    _directory(make, now, number)
    return lambda after: directory.directory(make.session, newest=True, after=after)


def _people(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    _directory(make, now, number)
    return lambda after: people.people(make.session, after=after)


def _numbers(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    make.session.add_all(
        ReservedNumber(number=9_000 + n, reason="r", reserved_by="x", created_at=now) for n in range(number)
    )
    make.session.flush()
    return lambda after: people.reserved(make.session, after=after)


def _held(make: Make, now: dt.datetime, number: int) -> Callable[[str], Any]:
    plan = make.plan()
    for _one in range(number):
        make.pass_(plan, make.member())
    return lambda after: passes.held(make.session, after=after)


LISTS = [
    _directory,
    _newest,
    _people,
    _numbers,
    _held,
    _own,
    _all,
    _audit,
    _messages,
    _seasons,
    _begun,
    _alumni,
    _projects,
]


def _ident(row: Any) -> Any:
    if hasattr(row, "member_id"):
        return row.member_id
    if hasattr(row, "held"):
        return row.held.id
    for name in ("entry", "member"):
        row = getattr(row, name, row)
    return row.id if hasattr(row, "id") else row.number


def walked(session: Session, page_of: Callable[[str], Any]) -> tuple[list[Any], list[int]]:
    """Every row of a list by its marks, and what each page cost."""
    found, costs, after = [], [], ""
    while True:
        with count_statements(session.get_bind().engine) as seen:
            page = page_of(after)
        costs.append(seen.count)
        found += [_ident(row) for row in page.items]
        after = page.more
        if not after:
            return found, costs


@pytest.mark.parametrize("make_list", LISTS, ids=lambda one: one.__name__.strip("_"))
def test_marks_lead_through_every_row_once(session, make, now, make_list):
    found, costs = walked(session, make_list(make, now, MANY))
    assert len(found) == len(set(found)) == MANY
    assert len(costs) >= 3 and len(set(costs)) == 1


def test_what_comes_meanwhile_shifts_nothing(session, make, now):
    page_of = _own(make, now, MANY)
    first = page_of("")
    member = first.items[0].entry.member_id
    make.earn(session.get_one(type(make.member()), member), 5, at=now + DAY)
    second = page_of(first.more)
    assert {one.entry.id for one in first.items}.isdisjoint(one.entry.id for one in second.items)
    assert second.items[0].entry.occurred_at <= first.items[-1].entry.occurred_at
    assert page_of("nonsense").items[0].entry.amount == 5
