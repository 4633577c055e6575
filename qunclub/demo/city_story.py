"""Small tables by city in the demo: full, with a waiting list, priorities, and a seat that is kept for somebody."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from qunclub import groups, orders
from qunclub.passes.jobs import follow_seats

from .story import Happening, Story

if TYPE_CHECKING:
    from .build import Cast

LINE, TICKET, CALLER = "city-table", "city-table", "city-caller"
# Days ago, who, with which pass: the table of their city, else the one for everybody, else where there is room.
CAME = (
    (27, "shenyizhou", TICKET),
    (26.5, "gujingchuan", TICKET),
    (25, "zhaowenxi", TICKET),
    (24, "liurumei", TICKET),
    (22, "ouyangqingchuan", TICKET),
    (20, "fangyuan", TICKET),
    # From here on they wait.
    (9, "linkehe", TICKET),
    (8, "jiangruoshui", TICKET),
    (5, "hesiqi", CALLER),
    (0.1, "daiqinghe", CALLER),
)


def add_city(story: Story, cast: Cast) -> None:
    """Two seats became free: one went to whoever calls a table together, the other is kept for the first in turn."""
    for days, who, plan in CAME:
        story.add(cast.ago(days), _buys(cast, who, plan))
    story.add(cast.ago(4), _leaves(cast, "liurumei"))
    story.add(cast.ago(3.8), _accepts(cast, "hesiqi"))
    story.add(cast.ago(0.3), _leaves(cast, "fangyuan"))
    story.add(cast.now, _tickets_follow)


def _buys(cast: Cast, who: str, plan: str) -> Happening:
    def buy(session: Session, now: dt.datetime) -> None:
        from .build import accept_covenants

        member_id = _member(cast, who)
        orders.buy_offline(
            session,
            member_id=member_id,
            plan_id=cast.plans[plan],
            ref=f"demo:{plan}:{who}",
            now=now,
            actor=cast.admin,
        )
        accept_covenants(session, cast, member_id, now)

    return buy


def _leaves(cast: Cast, who: str) -> Happening:
    def leave(session: Session, now: dt.datetime) -> None:
        seat_id, member_id = _seat(session, cast, who)
        groups.leave(session, seat_id=seat_id, member_id=member_id, now=now)

    return leave


def _accepts(cast: Cast, who: str) -> Happening:
    def accept(session: Session, now: dt.datetime) -> None:
        seat_id, member_id = _seat(session, cast, who)
        groups.accept_offer(session, seat_id=seat_id, member_id=member_id, now=now)

    return accept


def _tickets_follow(session: Session, now: dt.datetime) -> None:
    follow_seats(session, now)


def _seat(session: Session, cast: Cast, who: str) -> tuple[int, int]:
    member_id = _member(cast, who)
    seat = groups.live_seat(session, line_id=cast.lines[LINE], member_id=member_id)
    assert seat is not None  # they bought a pass of this line
    return seat.id, member_id


def _member(cast: Cast, who: str) -> int:
    ident = cast.people[f"{who}@example.com"].member_id
    assert ident is not None  # the people were made first
    return ident
