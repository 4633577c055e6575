"""One page of a long list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import Session

T = TypeVar("T")
PER_PAGE = 50
MAX_PAGE = 2_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
MOST_IN_MARK = 2**52


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items of one page and whether more follow. No total: counting a long table costs with its length."""

    items: list[T]
    page: int = 1
    per_page: int = PER_PAGE
    has_next: bool = False
    more: str = ""
    """The mark of the next page, of a list that is read by marks."""

    @property
    def has_prev(self) -> bool:
        """Whether a page stands before this one."""
        return self.page > 1


def paginate(
    session: Session, query: Select[*tuple[Any, ...]], *, page: int, per_page: int = PER_PAGE
) -> Page[Any]:
    """Rows of *query* for *page* (from 1); reads one row more than it shows to know whether another page follows."""
    page = max(1, min(page, MAX_PAGE))
    rows = session.execute(query.limit(per_page + 1).offset((page - 1) * per_page)).all()
    items: list[Any] = [row[0] if len(row) == 1 else row for row in rows[:per_page]]
    return Page(items=items, page=page, per_page=per_page, has_next=len(rows) > per_page)


def mark(place: dt.datetime | int, ident: int) -> str:
    """Where a page ends: the moment (UTC) or number by which the list is sorted, and the id of the last row."""
    number = place if isinstance(place, int) else (place - EPOCH) // MICROSECOND
    return f"{number}-{ident}"


def read_mark(text: str) -> tuple[int, int] | None:
    """The two numbers of a mark; None for whatever is not one.

    >>> read_mark("12-7"), read_mark("x-7"), read_mark("")
    ((12, 7), None, None)
    """
    first, _sep, second = text.partition("-")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()):
        return None
    if max(len(first), len(second)) > 17:
        return None
    found = int(first), int(second)
    return found if max(found) <= MOST_IN_MARK else None


def moment_of(number: int) -> dt.datetime:
    """The moment that a mark counts in microseconds since 1970."""
    return EPOCH + number * MICROSECOND


@dataclass(frozen=True, slots=True)
class Marked:
    """How a long list is read by marks: sorted by a moment or a number and the id, along an index of both.

    Attributes:
        at: the column of the moment (or number).
        ident: the column of the id.
        newest: whether the newest (or greatest) come first.
        of: both of a row.
        number: whether ``at`` is a number.
    """

    at: Any
    ident: Any
    newest: bool
    of: Callable[[Any], tuple[dt.datetime | int, int]]
    number: bool = False

    def order(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """What the list is sorted by."""
        return (self.at.desc(), self.ident.desc()) if self.newest else (self.at.asc(), self.ident.asc())

    def after(self, text: str) -> ColumnElement[bool] | None:
        """The rows behind a mark; None when *text* is none."""
        found = read_mark(text)
        if found is None:
            return None
        at = found[0] if self.number else moment_of(found[0])
        here, there = tuple_(self.at, self.ident), (at, found[1])
        return here < there if self.newest else here > there


def paginate_by_mark(
    session: Session,
    query: Select[*tuple[Any, ...]],
    marked: Marked,
    *,
    after: str,
    per_page: int = PER_PAGE,
) -> Page[Any]:
    """Rows of *query* behind the mark *after* (empty or no mark: from the start).

    The thousandth page costs what the first does, and rows that come or go meanwhile shift nothing.
    """
    behind = marked.after(after)
    if behind is not None:
        query = query.where(behind)
    rows = session.execute(query.order_by(*marked.order()).limit(per_page + 1)).all()
    more = mark(*marked.of(rows[per_page - 1])) if len(rows) > per_page else ""
    return Page(
        items=list(rows[:per_page]),
        page=1 if behind is None else 2,
        per_page=per_page,
        has_next=bool(more),
        more=more,
    )
