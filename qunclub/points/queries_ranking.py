"""Reads of rankings: along the index, by key and not by offset, and never counting members.

The statements are made once and kept, since making them costs more than running them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Row,
    Select,
    bindparam,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from qunclub import members
from qunclub.kernel import N_, Invalid, UTCDateTime, reads
from qunclub.members.models import Member

from . import rules
from .ledger import SPAN, Span
from .models import ScoreCount, Standing, Window
from .rules import ALL_TIME

PER_PAGE = 50
SLACK = 10
"""How many rows more are read than a page shows, so that it is full also where some are hidden."""
MAX_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Score:
    """A member's points in a window, without their name."""

    member_id: int
    number: int
    points: int
    honours: int
    last_day: dt.date | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of the ranking begins or ends: a row's own key, so that a deep page costs like the first."""

    points: int
    honours: int
    last_day: dt.date
    number: int

    def __str__(self) -> str:
        return f"{self.points}.{self.honours}.{self.last_day:%Y%m%d}.{self.number}"

    @staticmethod
    def parse(text: str) -> Cursor:
        """A cursor from an address.

        Raises:
            Invalid: when it is not one.
        """
        try:
            points, honours, day, number = (int(part) for part in text.split("."))
            date = dt.date(day // 10_000, day // 100 % 100, day % 100)
        except (ValueError, OverflowError):
            raise Invalid(N_("This page of the ranking does not exist.")) from None
        if not all(0 <= value <= MAX_INT for value in (points, honours, number)):
            raise Invalid(N_("This page of the ranking does not exist."))
        return Cursor(points, honours, date, number)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line of a ranking; *place* is shared by equal points.

    *hidden* from others: suspended, gone, or by their own wish. Their place still counts.
    """

    place: int
    member_id: int
    number: int
    name: str
    points: int
    honours: int
    last_day: dt.date
    hidden: bool = False

    @property
    def cursor(self) -> Cursor:
        """This row's own key."""
        return Cursor(self.points, self.honours, self.last_day, self.number)


@dataclass(frozen=True, slots=True)
class Board:
    """A stretch of a ranking; the page after begins behind *further*, the one before ends at *better*."""

    rows: list[BoardRow] = field(default_factory=list)
    has_prev: bool = False
    has_next: bool = False
    further: Cursor | None = None
    better: Cursor | None = None


def window_by_key(session: Session, key: str) -> Window | None:
    """The window of *key*, or None."""
    return session.scalars(select(Window).where(Window.key == key)).one_or_none()


@cache
def _windows() -> Select[*tuple[Any, ...]]:
    return (
        select(*SPAN)
        .where(
            (Window.key == ALL_TIME)
            | ((Window.kind == "season") & (Window.starts_at <= bindparam("now", type_=UTCDateTime)))
        )
        .order_by(Window.starts_at.desc().nulls_first())
        .limit(40)
    )


def windows_at(session: Session, now: dt.datetime) -> tuple[Span | None, Span | None]:
    """The window of all time, and the season's that runs now, or else the one that began last."""
    found = [Span(*row) for row in reads.rows(session, _windows(), now=now)]
    everything = next((w for w in found if w.starts_at is None), None)
    seasons = [w for w in found if w.starts_at is not None]
    running = [w for w in seasons if rules.covers(w.starts_at, w.ends_at, now)]
    return everything, next(iter(running or seasons), None)


@cache
def _above(name: str) -> ColumnElement[int]:
    """SQL: how many members of :window have points beyond the edges :<name>0 to :<name>2."""
    edges = [bindparam(f"{name}{index}", type_=Integer) for index in range(3)]
    total: ColumnElement[int] = literal(0)
    for span, low, high in zip(rules.SPANS, edges, [*edges[1:], None], strict=True):
        here = select(func.coalesce(func.sum(ScoreCount.members), 0)).where(
            ScoreCount.window_id == bindparam("window"), ScoreCount.span == span, ScoreCount.points >= low
        )
        if high is not None:
            here = here.where(ScoreCount.points < high)
        total = total + here.scalar_subquery()
    return total


def _edges(name: str, points: int) -> dict[str, int]:
    return {f"{name}{index}": edge for index, edge in enumerate(rules.edges_above(points))}


@cache
def _rank() -> Select[*tuple[Any, ...]]:
    return select(_above("a"))


@cache
def _two_ranks() -> Select[*tuple[Any, ...]]:
    return select(_above("a"), _above("b"))


@cache
def _standing() -> Select[*tuple[Any, ...]]:
    s = Standing
    return select(s.member_id, s.number, s.points, s.honours, s.last_day).where(
        s.window_id == bindparam("window"), s.member_id == bindparam("member")
    )


@cache
def _total() -> Select[*tuple[Any, ...]]:
    return select(func.coalesce(func.sum(ScoreCount.members), 0)).where(
        ScoreCount.window_id == bindparam("window"), ScoreCount.span == rules.SPANS[-1]
    )


def _ordered(columns: Any, up: bool) -> tuple[Any, ...]:
    if up:
        return columns.points, columns.honours, columns.last_day.desc(), columns.number.desc()
    return columns.points.desc(), columns.honours.desc(), columns.last_day, columns.number


def _hidden() -> ColumnElement[bool]:
    """SQL: whether others do not see the member on a ranking."""
    gone = Member.suspended_at.is_not(None) | Member.user_key.like(f"{members.ERASED}%")
    return (gone | Member.hidden_on_boards.is_(True)).label("hidden")


@cache
def _stretch(started: bool, up: bool, named: bool) -> Select[*tuple[Any, ...]]:
    """The next :limit rows after a key (before it when *up*), each branch one range of the ranking's index."""
    s = Standing
    limit = bindparam("limit", type_=Integer)
    all_of = select(s.member_id, s.number, s.points, s.honours, s.last_day).where(
        s.window_id == bindparam("window")
    )
    # Whoever has nothing, or less, is not ranked.
    base = all_of.where(s.points > 0)
    if not started:
        found = base.order_by(*_ordered(s, up)).limit(limit).subquery()
    else:
        p, h = bindparam("points", type_=Integer), bindparam("honours", type_=Integer)
        d, n = bindparam("last_day", type_=Date), bindparam("number", type_=Integer)
        same = [s.points == p, s.honours == h, s.last_day == d]
        beyond = (
            [s.points > p, s.honours > h, s.last_day < d, s.number < n]
            if up
            else [s.points < p, s.honours < h, s.last_day > d, s.number > n]
        )
        # More than some points is more than none; told twice, SQLite would read up from the last of the ranking.
        bases = [all_of if up else base, base, base, base]
        branches = [
            select(
                bases[depth]
                .where(*same[:depth], beyond[depth])
                .order_by(*_ordered(s, up))
                .limit(limit)
                .subquery()
            )
            for depth in range(4)
        ]
        joined = union_all(*branches).subquery()
        found = select(joined).order_by(*_ordered(joined.c, up)).limit(limit).subquery()
    if not named:
        return select(found).order_by(*_ordered(found.c, up))
    return (
        select(found, Member.nickname, Member.name, _hidden())
        .join(Member, Member.id == found.c.member_id)
        .order_by(*_ordered(found.c, up))
    )


def _read(
    session: Session,
    window_id: int,
    limit: int,
    start: Cursor | None,
    *,
    up: bool = False,
    named: bool = True,
) -> list[Row[*tuple[Any, ...]]]:
    values: dict[str, Any] = {"window": window_id, "limit": limit}
    if start is not None:
        values |= {
            "points": start.points,
            "honours": start.honours,
            "last_day": start.last_day,
            "number": start.number,
        }
    rows = reads.rows(session, _stretch(start is not None, up, named), **values)
    return rows[::-1] if up else rows


def standing(session: Session, window_id: int, member_id: int) -> Score | None:
    """A member's points in a window; None when they have none there."""
    row = reads.one(session, _standing(), window=window_id, member=member_id)
    return None if row is None else Score(*row)


def rank_of(session: Session, window_id: int, points: int) -> int:
    """The place that *points* have: one more than the members who have more."""
    return 1 + int(reads.scalar(session, _rank(), window=window_id, **_edges("a", points)))


def total(session: Session, window_id: int) -> int:
    """How many members have points in the window: a sum of a few kept counts."""
    return int(reads.scalar(session, _total(), window=window_id))


@dataclass(frozen=True, slots=True)
class Standpoint:
    """What a score means in its window.

    Attributes:
        place: one more than the members who have more.
        ranked: how many have points at all.
        above: the nearest higher score; None for whoever leads.
    """

    place: int
    ranked: int
    above: int | None


def standpoint(session: Session, window_id: int, points: int) -> Standpoint:
    """Place, number of ranked and the score to reach next, in one statement."""
    found = reads.one(session, _standpoint(), window=window_id, points=points, **_edges("a", points))
    assert found is not None  # a select without FROM always has its row
    above, ranked, nearest = found
    return Standpoint(1 + above, ranked, nearest)


@cache
def _standpoint() -> Select[*tuple[Any, ...]]:
    nearest = (
        select(Standing.points)
        .where(
            Standing.window_id == bindparam("window"), Standing.points > bindparam("points", type_=Integer)
        )
        .order_by(Standing.points)
        .limit(1)
        .scalar_subquery()
    )
    return select(_above("a"), _total().scalar_subquery(), nearest)


def board(
    session: Session,
    window_id: int,
    limit: int = PER_PAGE,
    after: Cursor | None = None,
    before: Cursor | None = None,
    viewer: int | None = None,
) -> Board:
    """A page of the ranking, after one row or before another, without those who are hidden from *viewer*."""
    read = limit + SLACK + 1
    if before is not None:
        found = _read(session, window_id, read, before, up=True)
        shown = _seen(_placed(session, window_id, found), viewer)
        if len(shown) > limit or len(found) == read:
            rows = shown[-limit:]
            return Board(rows, True, True, *_ends(rows, found))
        after = None
    found = _read(session, window_id, read, after)
    shown = _seen(_placed(session, window_id, found), viewer)
    rows, more = shown[:limit], len(shown) > limit or len(found) == read
    return Board(rows, after is not None, more, *_ends(rows, found))


def around(session: Session, window_id: int, mine: Score, *, above: int = 9, limit: int = PER_PAGE) -> Board:
    """The page of the ranking on which somebody stands, a few rows before them; they see themselves in any case."""
    assert mine.last_day is not None  # whoever has a standing has a day
    here = Cursor(mine.points, mine.honours, mine.last_day, mine.number)
    over = _read(session, window_id, above + SLACK + 1, here, up=True)
    just_before = Cursor(mine.points, mine.honours, mine.last_day, mine.number - 1)
    below = _read(session, window_id, limit + SLACK + 1, just_before)
    rows = _seen(_placed(session, window_id, [*over, *below]), mine.member_id)
    me = next(index for index, row in enumerate(rows) if row.member_id == mine.member_id)
    first = max(0, me - above)
    further = len(rows) > first + limit or len(below) > limit + SLACK
    rows = rows[first : first + limit]
    return Board(rows, first > 0 or len(over) > above + SLACK, further, *_ends(rows, []))


def _ends(rows: Sequence[BoardRow], found: Sequence[Any]) -> tuple[Cursor | None, Cursor | None]:
    """Where the pages beside this one go on: its own ends, or those of what was read when all of it is hidden."""
    if rows:
        return rows[-1].cursor, rows[0].cursor
    if found:
        low, high = found[-1], found[0]
        return (
            Cursor(low.points, low.honours, low.last_day, low.number),
            Cursor(high.points, high.honours, high.last_day, high.number),
        )
    return None, None


def _seen(rows: Sequence[BoardRow], viewer: int | None) -> list[BoardRow]:
    return [row for row in rows if not row.hidden or row.member_id == viewer]


def _placed(session: Session, window_id: int, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[BoardRow]:
    if not rows:
        return []
    points = [row.points for row in rows]
    lower = next((p for p in points if p != points[0]), points[0])
    values = {"window": window_id} | _edges("a", points[0]) | _edges("b", lower)
    found = reads.one(session, _two_ranks(), **values)
    assert found is not None  # a select without FROM always has its row
    first, second = found
    return [
        BoardRow(
            place,
            r.member_id,
            r.number,
            r.nickname or r.name,
            r.points,
            r.honours,
            r.last_day,
            bool(r.hidden),
        )
        for place, r in zip(rules.places(points, 1 + first, 1 + second), rows, strict=True)
    ]


def top(session: Session, window_id: int, limit: int) -> list[Score]:
    """The best *limit* of a window, best first."""
    return [Score(*row) for row in _read(session, window_id, limit, None, named=False)]
