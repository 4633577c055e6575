"""What the board does after the commit of others: welcome who came into the group."""

from __future__ import annotations

from typing import Any

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_welcome


def welcome(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Welcome one newcomer; a second time changes nothing."""
    with transaction(state.session(), wake=state.wake) as session:
        services_welcome.welcome(
            session,
            group_id=payload["group"],
            member_id=payload["member"],
            now=state.clock(),
            zone=state.settings.zone,
        )


def stir(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Have pages of a board that stand open look again; once more than needed does no harm."""
    with transaction(state.session(), wake=state.wake) as session:
        services_welcome.touch(session, payload["group"])
