"""Mutes of the house that begin, go on to the next members, or end: nothing of it leaves the machine here.

Each piece is one transaction, so after a crash it is done again and ends the same; it needs no bot.
"""

from __future__ import annotations

from typing import Any

from qunclub.web.state import ClubState
from qunclub.web.uow import retrying

from . import services_hush


def carry_out(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Carry out one piece of it."""
    now = state.clock()

    def work(session: Any) -> int:
        if payload["do"] == "batch":
            return services_hush.batch(
                session,
                chat_id=payload["chat"],
                mute_id=payload["mute"],
                after=payload["after"],
                key=payload["key"],
                now=now,
            )
        services_hush.turn(session, mute_id=payload["mute"], what=payload["do"], now=now)
        return 1

    retrying(state.session(), work, wake=state.wake)
