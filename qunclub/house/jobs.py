"""Every minute: what the house owes whoever asked and can be answered no more."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_exceptions


def sweep(state: ClubState) -> int:
    """End wishes for exceptions whose mute or seat has ended; how many."""
    done = 0
    while True:
        with transaction(state.session(), wake=state.wake) as session:
            found = services_exceptions.lapse(session, now=state.clock())
        done += found
        if found < services_exceptions.BATCH:
            return done
