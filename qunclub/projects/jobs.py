"""Every minute: pieces whose day is past go back to the pool, and whoever held one is told, once."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services

BATCH = 200


def sweep(state: ClubState) -> int:
    """Each piece in a transaction of its own; returns how many went back."""
    session, back, after = state.session(), 0, 0
    while True:
        with transaction(session) as work:
            found = services.overdue(work, now=state.clock(), after=after, limit=BATCH)
        for piece_id in found:
            with transaction(session, wake=state.wake) as work:
                back += services.return_overdue(work, piece_id=piece_id, now=state.clock())
        if len(found) < BATCH:
            return back
        after = found[-1]
