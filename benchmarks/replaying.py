"""The replay's speed, on small generated records: its operations are what it plays one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks.scale import Scale
from qunclub.replay import oulad
from qunclub.replay.oulad_data import read
from qunclub.web.uow import retrying
from tests.replay import small
from tests.support.databases import fresh


def measure(folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> tuple[int, float]:
    """How many operations were played, and how many a second, on SQLite."""
    records = small.write(folder / "records", students=scale.students)
    events = len(read(records, ()).events)
    with fresh("sqlite", folder) as database, database.session() as session:
        began = perf_counter()
        oulad.run(
            session,
            oulad.Options(records, (), seats=20, eliminate=3),
            transaction=lambda command: retrying(session, command),
            progress=lambda line: say(f"replay: {line}"),
            monotonic=perf_counter,
            now=lambda: now,
        )
        return events, events / (perf_counter() - began)
