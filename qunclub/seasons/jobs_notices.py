"""Every minute: the weekly letters of a season that are due and not written, batch by batch."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_notices


def sweep(state: ClubState) -> int:
    """How many letters were written."""
    session, now = state.session(), state.clock()
    due = services_notices.due(session, now=now, zone=state.settings.zone)
    session.rollback()
    written = 0
    for season_id, day in due:
        more = True
        while more:
            with transaction(session, wake=state.wake) as work:
                done, more = services_notices.step(work, season_id=season_id, day=day, now=now)
            written += done
    return written
