"""Every minute: the weeks and months of the ranking that are due are opened, the oldest are let go."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from .services_periods import keep_periods


def sweep(state: ClubState) -> int:
    """Open what is due by the club's own calendar; returns how many windows were opened or let go."""
    with transaction(state.session()) as work:
        return keep_periods(work, now=state.clock(), zone=state.settings.zone)
