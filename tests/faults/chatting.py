"""The worker in a process of its own, killed at a step: ``python -m tests.faults.chatting <step or -1>``.

The settings come from the environment. It carries out what is in the outbox once; when it lives, it prints its steps.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from app import create_app, db
from qunclub.jobs import dispatch
from tests.faults.killer import Killer
from tests.support import network

CALLS = ("approve", "decline", "remove", "announce", "tell", "mute", "unmute")


class Watched:
    """A connector whose calls are steps."""

    def __init__(self, connector: Any, killer: Killer) -> None:
        self._connector, self._killer = connector, killer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connector, name)
        if name not in CALLS:
            return found

        def call(*args: Any) -> Any:
            self._killer.step(f"before {name}")
            answer = found(*args)
            self._killer.step(f"after {name}")
            return answer

        return call


def main(step: int) -> None:
    """Work once, and die at *step*."""
    network.forbid()
    app = create_app({"TESTING": True})
    state = app.extensions["qunclub"]
    killer = Killer()
    state.connectors = {name: Watched(one, killer) for name, one in state.connectors.items()}
    with app.app_context():
        killer.watch(db.engine)
        killer.arm(lambda number, _name: number == step)
        dispatch(state)
    killer.rest()
    print(json.dumps(killer.seen))


if __name__ == "__main__":
    main(int(sys.argv[1]))
