"""One checkout's fulfilments, a round whenever it is told to: run in each of two checkouts that take turns.

    cd CHECKOUT && python -P /path/to/beside.py sqlite 8 40

It stands on nothing but what :mod:`benchmarks.purchases` of that checkout offers. Each line it reads makes one round;
it answers with how many orders a second were placed, paid and fulfilled. At the end of its input it asks the doctor.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))


def main(kind: str, writers: int, orders: int) -> None:
    """Serve rounds until there is nothing more to read."""
    from benchmarks import purchases
    from benchmarks.__main__ import workplace
    from benchmarks.scale import FULL
    from qunclub.kernel import clock
    from tests.support import postgres
    from tests.support.databases import fresh

    now, scale = clock.utcnow(), replace(FULL, writers=writers, orders=orders)
    with workplace() as folder, fresh("postgres" if kind == "postgres" else "sqlite", folder) as database:
        if kind == "postgres":
            postgres.as_delivered()
        with database.uow() as session:
            plan = purchases._shelf(session, now)
        print("ready", flush=True)
        for turn, _line in enumerate(sys.stdin, start=1):
            print(purchases._round(database, plan, turn, scale, now), flush=True)
        purchases._prove(database, now)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
