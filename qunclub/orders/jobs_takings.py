"""Each minute the takings learn what has come and gone back since."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_takings

MOST_BATCHES = 40


def sweep(state: ClubState) -> int:
    """Book what is not booked yet, in transactions short enough to let buyers in between."""
    booked = 0
    for _batch in range(MOST_BATCHES):
        count = _book(state)
        booked += count
        if count < services_takings.BATCH:
            break
    return booked


def rebuild(state: ClubState) -> int:
    """Make the takings anew from every payment and refund; gives how many there were."""
    with transaction(state.session()) as session:
        services_takings.forget(session)
    booked = 0
    while True:
        count = _book(state)
        booked += count
        if count == 0:
            return booked


def _book(state: ClubState) -> int:
    with transaction(state.session()) as session:
        return services_takings.book(session, zone=state.settings.zone, now=state.clock())
