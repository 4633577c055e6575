"""Every minute: core seats of who may not keep them end."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_seats


def sweep(state: ClubState) -> int:
    """How many ended."""
    session = state.session()
    if not services_seats.to_end(session):
        session.rollback()
        return 0
    session.rollback()
    with transaction(session, wake=state.wake) as work:
        return services_seats.settle(work, now=state.clock())
