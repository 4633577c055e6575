"""Pure rules of windows: which span of time a line counts in, once and only once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Protocol

from .rules import covers


class Closed(Protocol):
    """A window whose result is decided: nothing counts in it any more."""

    @property
    def starts_at(self) -> dt.datetime | None: ...
    @property
    def ends_at(self) -> dt.datetime | None: ...


def counts_at(earned: dt.datetime, now: dt.datetime, closed: Iterable[Closed]) -> dt.datetime:
    """The moment that decides in which windows a line counts.

    It is the one at which it was *earned*. When that lies in a window that is closed, it is *now*: the line counts in
    what runs at present. A request may carry a *now* of just before the end of what was closed meanwhile; then it is
    that end, where the next window begins.

    Args:
        closed: every window that is closed; their ends are not None.
    """
    spans = sorted(
        (w.starts_at, w.ends_at) for w in closed if w.starts_at is not None and w.ends_at is not None
    )
    if not any(covers(start, end, earned) for start, end in spans):
        return earned
    moment = now
    for start, end in spans:
        if covers(start, end, moment):
            moment = end
    return moment
