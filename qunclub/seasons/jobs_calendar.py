"""Every minute: announced seasons open at their start, and the admins of one that has ended are asked to freeze it."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_calendar


def sweep(state: ClubState) -> int:
    """Each season in a transaction of its own; returns how many opened or were asked for."""
    session, now = state.session(), state.clock()
    opening, telling = services_calendar.to_open(session, now), services_calendar.to_tell(session, now)
    session.rollback()
    done = 0
    for season_id in opening:
        with transaction(session, wake=state.wake) as work:
            done += services_calendar.open_due(work, season_id=season_id, now=now)
    for season_id in telling:
        with transaction(session, wake=state.wake) as work:
            done += services_calendar.tell_end(work, season_id=season_id, now=now)
    return done
