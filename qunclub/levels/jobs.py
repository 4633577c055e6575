"""Every minute: who happened to do something, or was not looked at for a day, is looked at on the path."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services, services_sweep

BATCHES = 25
"""Of each kind a minute at most: whoever is not reached is reached in the next."""


def sweep(state: ClubState) -> int:
    """Each batch in a transaction of its own; returns how many members were looked at."""
    session = state.session()
    with transaction(session) as work:
        services_sweep.follow(work, now=state.clock())
    _batches(state, session, lambda work: services_sweep.enrol(work, now=state.clock()))
    version, _ladder = services.ladder_in_force(session)
    due = services_sweep.waiting(session, now=state.clock(), version=version)
    session.rollback()
    done = _batches(state, session, lambda work: services_sweep.look(work, now=state.clock())) if due else 0
    _batches(state, session, lambda work: services_sweep.preview(work, now=state.clock()))
    return done


def _batches(state: ClubState, session: Session, batch: Callable[[Session], int]) -> int:
    done = 0
    for _round in range(BATCHES):
        with transaction(session, wake=state.wake) as work:
            found = batch(work)
        done += found
        if found < services_sweep.BATCH:
            break
    return done
