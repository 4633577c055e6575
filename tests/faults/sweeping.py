"""Does what the sweep of seasons does, in a child that may be killed at any step; see ``closing``."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from qunclub.kernel.engine import create_club_engine
from qunclub.seasons import services_calendar, services_notices
from qunclub.web import uow
from tests.faults import closing
from tests.faults.killer import Killer


def carry_out(settings: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """One step of the sweep in one transaction, killed at a statement when *asked* names one."""
    killer = Killer()
    engine = create_club_engine(settings["url"])
    killer.watch(engine)
    given = {"season_id": settings["season_id"], "now": dt.datetime.fromisoformat(asked["now"])}
    at = asked.get("at")
    killer.arm(lambda number, _name: number == at)
    with Session(engine) as session, uow.transaction(session):
        if asked["do"] == "notices":
            day = dt.date.fromisoformat(asked["day"])
            done: Any = services_notices.step(session, day=day, **given)[0]
        else:
            done = getattr(services_calendar, asked["do"])(session, **given)
    killer.rest()
    return {"done": int(done), "steps": killer.seen}


if __name__ == "__main__":
    closing.main(carry_out)
