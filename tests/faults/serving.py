"""The web server of :mod:`tests.faults.club`, which can be killed; light, as each start reads this module twice."""

from __future__ import annotations

import os

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
