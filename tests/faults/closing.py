"""Freezes a season, publishes or takes back its result in a child that may be killed at any step.

Run as a program it waits for commands, one JSON a line: ``{"do": "publish", "at": 3}``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from qunclub import models, seasons
from qunclub.kernel import Actor
from qunclub.kernel.engine import create_club_engine
from qunclub.seasons import services_undo, snapshot
from qunclub.web import uow
from tests.faults.killer import Killer

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def carry_out(settings: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """One verb in one transaction, killed at a step when *asked* names one."""
    killer = Killer()
    engine = create_club_engine(settings["url"])
    killer.watch(engine)
    given: dict[str, Any] = {
        "season_id": settings["season_id"],
        "actor": ADMIN,
        "now": dt.datetime.fromisoformat(settings["now"]),
    }
    at = asked.get("at")
    killer.arm(lambda number, _name: number == at)
    with Session(engine) as session, uow.transaction(session):
        if asked["do"] == "publish":
            first = seasons.publish(session, **given).first
        elif asked["do"] == "freeze":
            seasons.freeze(session, **given)
            first = True
        else:
            services_undo.undo(session, reason="A mistake", **given)
            first = True
    killer.rest()
    return {"first": first, "steps": killer.seen}


def main(carry_out: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = carry_out) -> None:
    """Wait for commands; each is carried out by a child."""
    assert models.metadata.tables
    # So that a freeze of a handful of people writes sheets too, and takes the core off them.
    vars(snapshot)["HEAD"] = 2
    settings = json.loads(sys.stdin.readline())
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                answer = carry_out(settings, json.loads(line))
            except BaseException:
                answer = {"error": traceback.format_exc()}
            os.write(write, json.dumps(answer).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        print(
            json.dumps({"killed": os.WIFSIGNALED(status), **(json.loads(told) if told else {})}), flush=True
        )


if __name__ == "__main__":
    main()
