"""Which rankings there are to choose from: spans of time of the whole club, and the rankings of scopes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import UTCDateTime, reads

from .ledger import SPAN, Span
from .models import Window
from .rules import ALL_TIME

SEASONS = 40
"""How many windows that have begun are read; weeks and months of long ago are not kept."""
MOST = SEASONS + 30
ORDER = ("week", "month", "season", ALL_TIME)
"""The kinds of windows, as they stand on the page."""


@dataclass(frozen=True, slots=True)
class Named:
    """A window and its key."""

    key: str
    span: Span


@dataclass(frozen=True, slots=True)
class Spans:
    """The windows that have begun, by kind, newest first; *scopes* are the keys of the rankings of scopes there are."""

    by_kind: dict[str, list[Named]] = field(default_factory=dict)
    scopes: dict[str, Span] = field(default_factory=dict)

    def running(self, kind: str, now: dt.datetime) -> Named | None:
        """The one of *kind* that runs now, or else the one that began last."""
        found = self.by_kind.get(kind, [])
        return next((one for one in found if one.span.holds(now)), next(iter(found), None))

    def chosen(self, name: str, now: dt.datetime) -> Named | None:
        """The window that *name* means: a kind, or the key of one; None when it means none that has begun."""
        if name in ORDER:
            return self.running(name, now)
        return next((one for found in self.by_kind.values() for one in found if one.key == name), None)


@cache
def _begun() -> Select[*tuple[Any, ...]]:
    begun = (Window.key == ALL_TIME) | (Window.starts_at <= bindparam("now", type_=UTCDateTime))
    return (
        select(Window.key, *SPAN)
        .where(or_(Window.scope.in_(bindparam("scopes", expanding=True)), (Window.scope == "") & begun))
        .order_by(Window.starts_at.desc().nulls_first(), Window.id)
        .limit(bindparam("most"))
    )


def spans(session: Session, now: dt.datetime, scopes: Collection[str] = ()) -> Spans:
    """The windows of the club that have begun, and of *scopes* those in which anybody has earned: one statement."""
    rows = reads.rows(session, _begun(), now=now, scopes=sorted(scopes), most=MOST + len(scopes))
    found = Spans()
    for key, *columns in rows:
        span = Span(*columns)
        if span.scope:
            found.scopes[key] = span
        else:
            found.by_kind.setdefault(span.kind, []).append(Named(key, span))
    return found
