"""Every minute: what the groups owe their members."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_covenant


def sweep(state: ClubState) -> int:
    """Tell members of new covenants; returns how many seats were looked at."""
    return tell_of_covenants(state)


def tell_of_covenants(state: ClubState) -> int:
    """One batch a transaction, until everybody is told."""
    looked = 0
    while True:
        with transaction(state.session(), wake=state.wake) as session:
            found = services_covenant.tell_next(session, now=state.clock())
        if found is None:
            return looked
        looked += found
