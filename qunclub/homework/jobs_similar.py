"""Every minute: signatures for works that have none yet (older ones, and what a process brought in)."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_similar

ROUNDS = 5


def sweep(state: ClubState, *, rounds: int | None = ROUNDS) -> int:
    """A bounded number, so that other sweeps have their turn; ``rounds=None`` makes all."""
    made = 0
    while rounds is None or rounds > 0:
        with transaction(state.session()) as work:
            found = services_similar.sign_waiting(work)
        made += found
        rounds = None if rounds is None else rounds - 1
        if found < services_similar.BATCH:
            break
    return made
