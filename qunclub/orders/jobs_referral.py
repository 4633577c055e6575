"""Every minute: who was brought along and stayed long enough earns their inviter points."""

from __future__ import annotations

import logging

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_referral

log = logging.getLogger("qunclub.orders")


def sweep(state: ClubState) -> int:
    """Each in a transaction of its own; returns how many were decided."""
    session, done = state.session(), 0
    found = services_referral.due(session, now=state.clock())
    session.rollback()
    for ident in found:
        try:
            with transaction(session, wake=state.wake) as work:
                done += services_referral.decide(work, referral_id=ident, now=state.clock())
        except Exception:
            session.rollback()
            log.exception("referral not decided", extra={"facts": {"referral": ident}})
    return done
