"""Every minute: verdicts whose day has come are released, and a release that was cut short is gone on with."""

from __future__ import annotations

from qunclub.kernel import Actor
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_release

SWEEPER = Actor.system("release")


def sweep(state: ClubState) -> int:
    """Each batch in a transaction of its own; returns how many works came out."""
    session, out = state.session(), 0
    with transaction(session) as work:
        for assignment_id in services_release.due(work, now=state.clock()):
            services_release.release(work, assignment_id=assignment_id, actor=SWEEPER, now=state.clock())
    with transaction(session) as work:
        open_ones = services_release.unfinished(work)
    for assignment_id in open_ones:
        while True:
            with transaction(session, wake=state.wake) as work:
                done = services_release.bring_out_some(work, assignment_id=assignment_id, now=state.clock())
            if not done:
                break
            out += done
    return out
