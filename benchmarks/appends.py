"""Lines appended to the ledger, each in a transaction of its own, beside bare INSERTs into the same table.

A line of the club's finds its rule and its windows, is written once for its source, and moves its member's standing
and the counts of scores in both windows (all time and the season); the bare one is written.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import insert

from benchmarks import seasons_data
from benchmarks.scale import Scale
from qunclub import points
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry
from tests.support import postgres
from tests.support.databases import Db, fresh

MEMBERS = 1_000


@dataclass
class Appends:
    """Lines a second with so many threads, round by round: the club's, and bare ones."""

    database: str
    threads: int
    club: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The club's lines for one bare one, each at its quickest."""
        return max(self.club) / max(self.bare)


def measure(folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> list[Appends]:
    """One thread and several on each database; the club's lines and the bare ones take turns."""
    found = []
    for kind in scale.databases:
        with fresh("postgres" if kind == "postgres" else "sqlite", folder) as database:
            if kind == "postgres" and scale.durable:
                postgres.as_delivered()
            ends = now + dt.timedelta(days=10)
            seasons_data.fill(database, MEMBERS, now=now, ends_at=ends, each=1)
            for threads in (1, scale.writers):
                one = Appends(kind, threads)
                for turn in range(scale.write_rounds):
                    # First what the doctor sees, so that he sees it without the bare lines of this round.
                    for rates, write in ((one.club, _award), (one.bare, _insert)):
                        rates.append(_rate(database, f"{threads}:{turn}", threads, scale.appends, write, now))
                found.append(one)
                say(f"appends on {kind}: {threads} threads, {max(one.club):,.0f} a second")
            _prove(database, now)
    return found


Write = Callable[[Db, int, str, dt.datetime], None]


def _rate(database: Db, turn: str, threads: int, lines: int, write: Write, now: dt.datetime) -> float:
    start = threading.Barrier(threads + 1)

    def some(share: range) -> None:
        start.wait()
        for place in share:
            member = seasons_data.FIRST + place * 7919 % MEMBERS
            write(database, member, f"{turn}:{place}", now)

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(some, range(place, lines, threads)) for place in range(threads)]
        start.wait()
        began = perf_counter()
        for one in running:
            one.result()
        return lines / (perf_counter() - began)


def _award(database: Db, member_id: int, source: str, now: dt.datetime) -> None:
    database.transact(
        lambda session: points.award(
            session, member_id=member_id, kind="granted", source=f"club:{source}", amount=3, occurred_at=now,
            now=now, actor=seasons_data.ACTOR,
        )
    )  # fmt: skip


def _insert(database: Db, member_id: int, source: str, now: dt.datetime) -> None:
    values: dict[str, Any] = {
        "member_id": member_id, "kind": "granted", "source": f"bare:{source}", "amount": 0, "honours": 0, "reason": "",
        "actor": seasons_data.ACTOR.key, "occurred_at": now, "counts_at": now, "created_at": now, "rule_version": 1,
        "lost": 3, "lost_why": "day",
    }  # fmt: skip
    with database.engine.begin() as connection:
        connection.execute(insert(LedgerEntry), values)


def _prove(database: Db, now: dt.datetime) -> None:
    # A bare line gives no points, so every standing has to be the sum of all lines still.
    with database.session() as session:
        findings = doctor.check(session, now)
    if findings:
        raise RuntimeError(f"a promise broke while it was measured: {findings[0].message}")


def report(found: list[Appends]) -> list[str]:
    """The table of the results page."""
    return [
        f"Lines appended to the ledger of a club of {MEMBERS:,} members, each in its own transaction with the "
        "standings and counts of two windows, beside a bare INSERT into the same table, by turns, each at its "
        "quickest. Afterwards the doctor found every standing to be the sum of its lines.",
        "",
        "| database | threads | lines a second | bare INSERTs a second | ratio |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {one.database} | {one.threads} | {max(one.club):,.0f} | {max(one.bare):,.0f} | **{one.ratio:.2f}** |"
            for one in found
        ),
    ]
