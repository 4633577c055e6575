"""``python -m benchmarks``: measure everything, print it, and write ``benchmarks/results.md``.

``--beside FOLDER`` lets the fulfilments of another checkout, such as the last release, take turns with ours.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import (
    appends,
    board,
    closing,
    clubs,
    desk,
    door,
    growth,
    members,
    pages,
    purchases,
    replaying,
    reviews,
    turns,
)
from benchmarks.load import load
from benchmarks.report import Report
from benchmarks.scale import FULL, TINY, Scale
from qunclub.config import Settings
from qunclub.kernel import clock
from tests.support import postgres, run

RESULTS = Path(__file__).with_name("results.md")
GROWING = {
    "orders": desk.ORDERS,
    "submissions": reviews.SUBMISSIONS,
    "members": members.MEMBERS,
    "posts": board.POSTS,
}
ALONE: dict[str, Any] = {"closing": closing, "appends": appends, "door": door}


def say(line: str) -> None:
    """Progress, for whoever waits."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def workplace() -> Iterator[Path]:
    """A temporary folder, gone afterwards with the PostgreSQL in it; inside a test run, a corner of its own."""
    if run.VARIABLE in os.environ:
        yield Path(tempfile.mkdtemp(prefix="benchmarks-", dir=run.folder()))
        return
    folder = run.start()
    try:
        yield folder
    finally:
        postgres.stop(folder)
        run.remove(folder)


def measure(scale: Scale, beside: Path | None = None) -> Report:
    """One run of everything."""
    now = clock.utcnow()
    with workplace() as folder:
        say(f"making a club of {scale.few:,} members and one of {scale.many:,}")
        clubs.found(folder / pages.FEW, members=scale.few)
        clubs.copy(folder / pages.FEW, folder / pages.MANY, members=scale.many)
        wanted = pages.pages(folder / pages.FEW)
        with load() as asking, pages.servers(folder) as ports:
            result = pages.measure(asking, ports, wanted, scale, say)
        for name in (pages.FEW, pages.MANY):
            pages.count(folder / name, name, result.pages)
        fulfilments = purchases.measure(folder, scale, now, say)
        operations, rate = replaying.measure(folder, scale, now, say)
        doors = door.measure(folder, scale, now, say)
        grown = [growth.measure(one, folder, scale, now, say) for one in GROWING.values()]
        closings = closing.measure(folder, scale, now, say)
        lines = appends.measure(folder, scale, now, say)
    before = turns.measure(beside, scale, say) if beside else []
    return Report(
        now,
        scale,
        Settings().threads,
        result,
        fulfilments,
        operations,
        rate,
        grown,
        before,
        closings,
        lines,
        doors,
    )


def grown(name: str, scale: Scale) -> str:
    """Only the pages that show many of one thing."""
    with workplace() as folder:
        return "\n".join(growth.report(growth.measure(GROWING[name], folder, scale, clock.utcnow(), say)))


def alone(name: str, scale: Scale) -> str:
    """Only one of :data:`ALONE`."""
    one = ALONE[name]
    with workplace() as folder:
        lines: list[str] = one.report(one.measure(folder, scale, clock.utcnow(), say))
        return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="the smallest sizes: does it run at all")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where to write (default: %(default)s)")
    parser.add_argument("--beside", type=Path, help="another checkout whose fulfilments take turns with ours")
    parser.add_argument(
        "--grown", choices=GROWING, help="only the pages that show many of these; writes no file"
    )
    parser.add_argument("--only", choices=ALONE, help="only this; writes no file")
    parser.add_argument("--sizes", type=int, nargs="+", help="members of the clubs that close a season")
    options = parser.parse_args(arguments)
    scale = TINY if options.tiny else FULL
    if options.grown:
        print(grown(options.grown, scale))
        return
    if options.only:
        if options.sizes:
            scale = replace(scale, closing=tuple(options.sizes))
        print(alone(options.only, scale))
        return
    text = measure(scale, options.beside).markdown()
    options.output.write_text(text)
    print(text)
    say(f"written to {options.output}")


if __name__ == "__main__":
    main()
