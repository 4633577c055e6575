"""An evening at the door in the demo: some came in, one came twice, one was let in again with a reason."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor
from qunclub.passes import services_door
from qunclub.passes.models import EntryTicket
from qunclub.passes.rules_door import Doors
from qunclub.passes.services_door import Way

from .story import Story

HOST = "xiangxiaoman@example.com"
# Whoever looks around with this account finds their ticket good still.
LEFT_OUT = "linkehe@example.com"
CAME = 5
REASON = "中途出去接电话，认得本人。"


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    people: dict[str, Actor]
    staff: dict[str, Actor]


def add_door(story: Story, cast: Cast) -> None:
    """At the end of the story: tickets are there by then."""
    story.add(cast.now, lambda session, now: _evening(session, cast, now))


def _evening(session: Session, cast: Cast, now: dt.datetime) -> None:
    codes = session.scalars(
        select(EntryTicket.code)
        .where(EntryTicket.state == "valid", EntryTicket.member_id != cast.people[LEFT_OUT].member_id)
        .order_by(EntryTicket.id)
        .limit(CAME)
    ).all()
    for code in codes:
        _check(session, cast, code, "camera", now)
    if codes:
        _check(session, cast, codes[0], "typed", now)
        _check(session, cast, codes[0], "typed", now, REASON)


def _check(
    session: Session, cast: Cast, code: str, way: str, now: dt.datetime, force: str | None = None
) -> None:
    services_door.check(
        session,
        text=code,
        # A bare code, as its holder reads it out, carries no signature.
        secret="",
        doors=Doors(),
        way=Way(way, device="iPhone"),
        actor=cast.staff[HOST],
        now=now,
        force=force,
    )
