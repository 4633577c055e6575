"""Points for tests: a window, one contribution, a whole ranking."""

from __future__ import annotations

import datetime as dt

from qunclub import points
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry, Window
from tests.factories import Make

_TEST = Actor.system("test")


def window(
    make: Make, *, key: str = "", starts_at: dt.datetime | None = None, ends_at: dt.datetime | None = None
) -> Window:
    """A window points are counted in; without ends it is that of all time."""
    if starts_at is None and ends_at is None:
        key = key or points.ALL_TIME
    return points.open_window(
        make.session, key=key or f"season:{make.next()}", starts_at=starts_at, ends_at=ends_at
    )


def earn(
    make: Make,
    member: Member,
    amount: int = 10,
    *,
    kind: str = "granted",
    at: dt.datetime | None = None,
    source: str = "",
    reason: str = "",
    scope: str | None = None,
) -> LedgerEntry:
    """One line of the ledger."""
    line = points.award(
        make.session,
        member_id=member.id,
        kind=kind,
        source=source or f"test:{make.next()}",
        occurred_at=at or make.now,
        now=make.now,
        actor=_TEST,
        amount=amount,
        reason=reason,
        scope=scope,
    )
    assert line is not None
    return line


def ranking(
    make: Make, scores: list[int], *, first_number: int = 1, at: dt.datetime | None = None
) -> list[Member]:
    """A member for each score, numbered in this order; a score of 0 earns nothing."""
    rows = [
        Member(
            user_key=f"ranked:{first_number + index}",
            name=f"Ranked {first_number + index}",
            email=f"ranked{first_number + index}@example.com",
            number=first_number + index,
            numbered_at=make.now,
            roles=[],
            joined_at=make.now,
        )
        for index in range(len(scores))
    ]
    make.session.add_all(rows)
    make.session.flush()
    awards = [
        points.Award(row.id, "granted", f"ranked:{row.number}:{make.next()}", amount=score, occurred_at=at)
        for row, score in zip(rows, scores, strict=True)
        if score
    ]
    points.award_many(make.session, awards, now=make.now, actor=_TEST)
    return rows
