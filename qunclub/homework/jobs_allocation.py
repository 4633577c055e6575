"""Every minute: works that are meant for somebody who cannot judge them (away, no instructor any more) go to others."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import queries_allocation, services_allocation


def sweep(state: ClubState) -> int:
    """A bounded number, so that other sweeps have their turn; returns how many went to others or to everybody."""
    now = state.clock()
    with transaction(state.session()) as work:
        ids = work.scalars(queries_allocation.unfit(now).limit(services_allocation.BATCH)).all()
        if not ids:
            return 0
        return services_allocation.hand_over(work, ids=ids, book=state.group_book, now=now)
