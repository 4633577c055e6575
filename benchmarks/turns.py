"""Fulfilments of this checkout and of another one, such as the last release, taking turns in one run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.scale import Scale
from tests.support import run

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Turns:
    """Orders fulfilled a second on one database, round by round, there and here."""

    database: str
    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many here for one there, the median of the rounds."""
        return median(b / a for a, b in zip(self.before, self.after, strict=True))


def measure(other: Path, scale: Scale, say: Callable[[str], None]) -> list[Turns]:
    """Both checkouts on each database; each round of the one is followed by one of the other."""
    found = []
    for kind in scale.databases:
        with ExitStack() as stack:
            both = [stack.enter_context(_running(place, kind, scale)) for place in (other, HERE.parent)]
            rates: list[list[float]] = [[], []]
            for turn in range(1, scale.write_rounds * 2 + 1):
                for place, one in enumerate(both):
                    rates[place].append(_round(one))
                say(f"fulfilments beside {other.name} on {kind}: round {turn}")
        found.append(Turns(kind, tuple(rates[0]), tuple(rates[1])))
    return found


@contextmanager
def _running(checkout: Path, kind: str, scale: Scale) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", str(HERE / "beside.py"), kind, str(scale.writers), str(scale.orders)]
    # Each has a folder, and so a PostgreSQL, of its own.
    ours = (run.VARIABLE, "XDG_RUNTIME_DIR")
    plain = {key: value for key, value in os.environ.items() if key not in ours}
    with subprocess.Popen(
        command, cwd=checkout, env=plain, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        _read(running)
        yield running
        assert running.stdin is not None
        running.stdin.close()
        if running.wait() != 0:
            raise RuntimeError(f"the fulfilments of {checkout} ended with an error")


def _round(running: subprocess.Popen[str]) -> float:
    assert running.stdin is not None
    running.stdin.write("go\n")
    running.stdin.flush()
    return float(_read(running))


def _read(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    line = running.stdout.readline()
    if not line:
        raise RuntimeError("it ended too early")
    return line.strip()


def report(turns: list[Turns]) -> list[str]:
    """The table of the results page."""
    return [
        "The same work by the version before, the two taking turns round by round (median):",
        "",
        "| database | before, a second | now, a second | ratio |",
        "|---|---:|---:|---:|",
        *(
            f"| {one.database} | {median(one.before):,.0f} | {median(one.after):,.0f} | **{one.ratio:.2f}** |"
            for one in turns
        ),
    ]
