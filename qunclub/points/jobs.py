"""Every minute: the ranking's weeks and months are opened, and groups' rankings follow the seats."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel.ports import GroupBook
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from .rules import GROUP
from .services_boards import settle
from .services_periods import keep_periods

BATCH = 100
"""How many members are taken into groups' rankings, or out, in one transaction: writers of points wait for it."""


def sweep(state: ClubState) -> int:
    """Open what is due by the club's own calendar; returns how many windows were opened or let go."""
    with transaction(state.session()) as work:
        return keep_periods(work, now=state.clock(), zone=state.settings.zone)


def seated(book: GroupBook, session: Session, scope: str, people: Collection[int]) -> Collection[int]:
    """Who of *people* sits in the group that *scope* names: one statement."""
    members = book.members_of(int(scope.removeprefix(GROUP))).subquery()
    mine = next(iter(members.c))
    return set(session.scalars(select(mine).where(mine.in_(people))))


def sweep_groups(state: ClubState) -> int:
    """Take members into the rankings of their groups, or out of them; returns how many were looked at."""
    done = 0
    while True:
        with transaction(state.session()) as work:
            found = settle(work, seated=partial(seated, state.group_book), limit=BATCH)
        done += found
        if found < BATCH:
            return done
