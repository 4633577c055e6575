"""Every minute: reviews by core members earn, where the club has switched that on, and lose it with the verdict."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_core_reviews


def sweep(state: ClubState) -> int:
    """Give and take back in one transaction; returns how many lines were written."""
    with transaction(state.session()) as work:
        now = state.clock()
        back = services_core_reviews.take_back(work, now=now)
        return back + services_core_reviews.give(work, seasons=state.season_book, now=now)
