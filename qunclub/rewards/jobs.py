"""Every minute: open cases for new orders, settle what is due. Callable without HTTP."""

from __future__ import annotations

import logging

from qunclub.kernel import Actor, ClubError
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services

log = logging.getLogger("qunclub.rewards")
SWEEPER = Actor.system("sweeper")


def sweep(state: ClubState) -> int:
    """Each case in a transaction of its own: one that cannot be settled waits for an admin and stops no other."""
    session = state.session()
    with transaction(session) as work:
        mended = services.enrol(work, now=state.clock())
    after = 0
    while True:
        with transaction(session) as work:
            found = list(services.due_cases(work, after=after, now=state.clock()))
        for case_id in found:
            mended += _one(state, case_id)
        if len(found) < services.BATCH:
            return mended
        after = found[-1]


def _one(state: ClubState, case_id: int) -> int:
    session = state.session()
    try:
        with transaction(session, wake=state.wake) as work:
            return services.consider(work, case_id=case_id, actor=SWEEPER, now=state.clock()) != "in_progress"
    except ClubError as error:
        session.rollback()
        log.warning("tuition waits for an admin", extra={"facts": {"case": case_id, "why": str(error)}})
        with transaction(session) as work:
            services.failed(work, case_id=case_id, reason=str(error), now=state.clock())
        return 1
