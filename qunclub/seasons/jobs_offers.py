"""Every minute: seats of the core that became free are offered to the next; offers nobody answered end."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import queries_offers, services_offers


def sweep(state: ClubState) -> int:
    """How many offers began or ended."""
    session = state.session()
    due = queries_offers.due(session, state.clock())
    session.rollback()
    if not due:
        return 0
    with transaction(session, wake=state.wake) as work:
        return services_offers.offer_due(work, now=state.clock())
