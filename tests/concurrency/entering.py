"""Half of those who enter at once, in a process of its own: ``python -m tests.concurrency.entering``.

It reads what to do from its first line, says that it is ready, waits for ``go``, and tells every outcome.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from contextlib import nullcontext
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, models
from qunclub.kernel import Actor, locks
from qunclub.members.models import Member
from qunclub.orders.models import Order
from qunclub.passes import tickets
from tests.concurrency.races import pay
from tests.support.concurrency import concurrently
from tests.support.databases import Db, engine_for


def do(session: Session, asked: dict[str, Any], thing: Any, now: dt.datetime) -> str:
    """One of them: somebody who pays, who takes a seat, or a host who checks a ticket."""
    if asked["do"] == "pay":
        order = session.scalars(select(Order).where(Order.code == thing)).one()
        return str(pay(session, order, now).kind)
    if asked["do"] == "seat":
        member = session.get_one(Member, thing)
        return str(groups.take_seat(session, line_id=asked["line"], member_id=member.id, now=now).state)
    host = Actor(f"test:host-{thing}", f"Host {thing}", roles=frozenset({"host"}))
    result = tickets.check_in(session, text=asked["ticket"], secret=asked["secret"], actor=host, now=now)
    return "admitted" if result.admitted_now else result.door


def main() -> None:
    """Do it, all at once, when told to."""
    assert models.metadata.tables
    asked = json.loads(sys.stdin.readline())
    engine = engine_for(asked["url"])
    db, now = Db(asked["kind"], asked["url"], engine), dt.datetime.fromisoformat(asked["now"])
    things: list[Any] = asked["things"]
    with db.session() as session:
        session.execute(select(1))
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    with nullcontext() if asked["locked"] else locks.disabled():
        outcomes = concurrently(
            db,
            len(things),
            lambda session, index: do(session, asked, things[index], now),
            retry=asked["locked"],
        )
    engine.dispose()
    print(json.dumps([one if isinstance(one, str) else repr(one) for one in outcomes]), flush=True)


if __name__ == "__main__":
    main()
