"""A group with a ring's rules, one with a pyramid's, and people in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import board
from qunclub.board.models import BoardPost
from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.factories import Make


@dataclass
class Ring:
    """A group and who is in it, with the verbs of one session."""

    make: Make
    line: GroupLine
    group: Group
    host: Actor
    stranger: Actor
    people: list[Actor]

    def write(self, session: Session, by: Actor, text: str = "Hello.", **more: Any) -> BoardPost:
        """A post of *by*."""
        return board.write(
            session,
            slug=self.group.slug,
            actor=by,
            body_md=text,
            now=more.pop("now", self.make.now),
            zone=dt.UTC,
            **more,
        )

    def number(self, session: Session, of: Actor) -> int:
        """The member number of somebody."""
        number = session.scalar(select(Member.number).where(Member.id == of.member_id))
        assert number is not None
        return number


def made(make: Make, *, posting: str = "all", covenant: str = "", people: int = 3) -> Ring:
    """A group with *people* seats taken."""
    line = make.group_line(name="Ring", posting=posting, covenant_md=covenant, capacities=[50])
    members = [make.member(name=f"Person {n}", number=True) for n in range(people)]
    seats = [make.seat(line, one) for one in members]
    host = make.member(name="Host", number=True, roles=("host",))

    def group_of(session: Session) -> Group:
        return session.get_one(Group, seats[0].group_id)

    if make._session is not None:
        group = group_of(make.session)
    else:
        assert make._db is not None
        with make._db.uow() as session:
            group = group_of(session)
    return Ring(
        make,
        line,
        group,
        make.actor(host),
        make.actor(make.member(number=True)),
        [make.actor(one) for one in members],
    )


@pytest.fixture
def ring(make: Make) -> Ring:
    """Everybody posts."""
    return made(make)


@pytest.fixture
def pyramid(make: Make) -> Ring:
    """Staff post, members answer where it is opened; there is a covenant."""
    return made(make, posting="staff", covenant="Be kind.")


@pytest.fixture
def rings(make: Make) -> Callable[..., Ring]:
    """Others, as asked for."""
    return lambda **more: made(make, **more)
