"""Every minute: what the groups owe their members."""

from __future__ import annotations

from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import services_covenant, services_offers, services_split

BATCH = 50


def sweep(state: ClubState) -> int:
    """Offers whose time is up go to the next, groups are split, members hear of covenants; how many were looked at."""
    return end_offers(state) + split_due(state) + tell_of_covenants(state)


def end_offers(state: ClubState) -> int:
    """One batch a transaction, until none is due."""
    looked = 0
    while True:
        with transaction(state.session(), wake=state.wake) as session:
            found = services_offers.expire_offers(session, now=state.clock(), limit=BATCH)
        looked += found
        if found < BATCH:
            return looked


def split_due(state: ClubState) -> int:
    """Announced splits whose moment has come, each in a transaction of its own; how many there were."""
    done = 0
    while True:
        with transaction(state.session(), wake=state.wake) as session:
            now = state.clock()
            found = services_split.due(session, now)
            if found is None:
                return done
            services_split.carry_out(session, split_id=found, now=now)
        done += 1


def tell_of_covenants(state: ClubState) -> int:
    """One batch a transaction, until everybody is told."""
    looked = 0
    while True:
        with transaction(state.session(), wake=state.wake) as session:
            found = services_covenant.tell_next(session, now=state.clock())
        if found is None:
            return looked
        looked += found
