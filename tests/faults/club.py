"""The standalone site with a killer in it, for a real server: armed by a file, so that it dies where it is told.

``kill-at`` in the instance folder holds ``<endpoint> <step> <n>``: the process dies at the n-th step of that name in
requests to that endpoint (``-`` for work outside requests), and the file is gone. ``later`` holds minutes by which
the club's clock is ahead.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from flask import Flask, has_request_context, request

from app import create_app as create_site
from app import db
from qunclub.kernel.clock import utcnow
from tests.faults.killer import Killer


def create_app(overrides: Any = None) -> Flask:
    """The site as :mod:`app` makes it, watched."""
    app = create_site(overrides)
    state = app.extensions["qunclub"]
    folder: Path = state.settings.instance_path
    order, later = folder / "kill-at", folder / "later"
    seen: dict[tuple[str, str], int] = {}

    def dies(_number: int, step: str) -> bool:
        endpoint = (request.endpoint or "") if has_request_context() else "-"
        if not order.exists():
            return False
        where, _, rest = order.read_text().partition(" ")
        wanted, _, number = rest.rpartition(" ")
        count = int(number)
        if endpoint != where or step != wanted:
            return False
        seen[where, wanted] = seen.get((where, wanted), 0) + 1
        if seen[where, wanted] < count:
            return False
        order.unlink()
        return True

    def now() -> dt.datetime:
        ahead = int(later.read_text()) if later.exists() else 0
        return utcnow() + dt.timedelta(minutes=ahead)

    killer = Killer()
    killer.arm(dies)
    state.clock = now
    state.gateway = killer.beside(state.gateway)
    with app.app_context():
        killer.watch(db.engine)
    return app


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces

    # One process: the one that dies is the one that serves.
    Granian(
        "tests.faults.club:create_app",
        factory=True,
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=2,
    ).serve()
