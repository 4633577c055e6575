"""How everybody stood at a date: from the ledger alone, and equal to what was kept on it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlalchemy.orm import Session

from qunclub.kernel import NotFound

from . import rules, sums
from .ledger import Span
from .models import Window
from .queries_ranking import Score


def standings_at(session: Session, window_id: int, known_at: dt.datetime) -> list[Score]:
    """A window's standings as they were kept at *known_at*, best first: of what was written by then, nothing else.

    A line that was taken back later still stands; one that was earned earlier but written later is not there yet.
    """
    window = session.get(Window, window_id)
    if window is None:
        raise NotFound()
    span = Span.of(window)
    if window.planned_ends_at is not None and span.ends_at is not None and known_at < span.ends_at:
        span = replace(span, ends_at=window.planned_ends_at)
    rows = session.execute(sums.sums(session, window=span, known_at=known_at)).all()
    return sorted((Score(*row) for row in rows), key=rules.order)
