"""Opening the club's weeks and months and letting old ones go; the sweep calls it, the ledger needs none of it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from . import ledger, rules_periods, services
from .models import ScoreCount, Standing, Window


def keep_periods(session: Session, *, now: dt.datetime, zone: dt.tzinfo) -> int:
    """Open the weeks and months that are due and let the oldest go; returns how many that were.

    A window that is opened late is built from the ledger, so it counts what was earned since its beginning. Where
    nothing is due this is one statement, and nobody who writes points is held up.

    Args:
        zone: the club's; its midnights part the days.
    """
    known = _known(session)
    if not rules_periods.due(now, zone, known) and not rules_periods.over(now, known):
        return 0
    # Another worker may be at it: behind the gate there is one, and what it did is seen.
    ledger.close_gate(session)
    known = _known(session)
    opened = rules_periods.due(now, zone, known)
    for one in opened:
        services.open_window(
            session, key=one.key, starts_at=one.starts_at, ends_at=one.ends_at, kind=one.kind
        )
    gone = rules_periods.over(now, known)
    if gone:
        ids = select(Window.id).where(Window.key.in_(gone))
        for table in (ScoreCount, Standing):
            session.execute(
                delete(table).where(table.window_id.in_(ids)).execution_options(synchronize_session=False)
            )
        session.execute(
            delete(Window).where(Window.key.in_(gone)).execution_options(synchronize_session=False)
        )
    return len(opened) + len(gone)


def _known(session: Session) -> dict[str, rules_periods.Ends]:
    rows = session.execute(
        select(Window.key, Window.starts_at, Window.ends_at).where(
            Window.kind.in_(rules_periods.KINDS), Window.scope == ""
        )
    )
    return {key: (starts, ends) for key, starts, ends in rows if starts and ends}
