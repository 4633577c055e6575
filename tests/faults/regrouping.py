"""Merges or splits groups in a child that may be killed at any step; see ``closing``."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups import services_split
from qunclub.kernel.engine import create_club_engine
from qunclub.web import uow
from tests.faults import closing
from tests.faults.killer import Killer


def carry_out(settings: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """One verb in one transaction, killed at a statement when *asked* names one."""
    killer = Killer()
    engine = create_club_engine(settings["url"])
    killer.watch(engine)
    now, at = dt.datetime.fromisoformat(settings["now"]), asked.get("at")
    killer.arm(lambda number, _name: number == at)
    with Session(engine) as session, uow.transaction(session):
        if asked["do"] == "merge":
            done = groups.merge(
                session, from_id=asked["from"], into_id=asked["into"], capacity=asked["capacity"],
                reason="Too quiet apart", actor=closing.ADMIN, now=now,
            )  # fmt: skip
        else:
            done = services_split.carry_out(session, split_id=asked["split"], now=now)
    killer.rest()
    return {"done": int(done), "steps": killer.seen}


if __name__ == "__main__":
    closing.main(carry_out)
