"""What was measured, in words: on the screen and in ``benchmarks/results.md``."""

from __future__ import annotations

import datetime as dt
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

import granian

from benchmarks import appends, closing, door, growth, turns
from benchmarks.appends import Appends
from benchmarks.closing import Closing
from benchmarks.door import Door
from benchmarks.growth import GROWTH_AIM, Grown
from benchmarks.load import CONNECTIONS, PROCESSES
from benchmarks.pages import FEW, Result
from benchmarks.purchases import Fulfilments
from benchmarks.scale import Scale
from benchmarks.turns import Turns

PAGE_AIM = 0.5
PACKAGES = ("Flask", "SQLAlchemy", "Jinja2", "psycopg")


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    measured_at: dt.datetime
    scale: Scale
    threads: int
    pages: Result
    fulfilments: list[Fulfilments]
    operations: int
    operations_rate: float
    grown: list[list[Grown]] = field(default_factory=list)
    before: list[Turns] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    appends: list[Appends] = field(default_factory=list)
    doors: list[Door] = field(default_factory=list)

    def markdown(self) -> str:
        """The whole report."""
        return "\n".join(
            [
                "# How fast the club is",
                "",
                f"`make bench` wrote this on {self.measured_at:%Y-%m-%d %H:%M} UTC.",
                "",
                *self._machine(),
                "",
                "## Pages",
                "",
                *self._pages(),
                "",
                "## Work",
                "",
                *self._work(),
                "",
                *self._grown(),
            ]
        )

    def _machine(self) -> list[str]:
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return [
            "| | |",
            "|---|---|",
            f"| machine | {processor()}, {cores()} cores, {memory()} |",
            f"| system | {platform.system()} {platform.release()} |",
            f"| Python | {platform.python_implementation()} {platform.python_version()}, {packages} |",
            f"| databases | {', '.join(one.version for one in self.fulfilments)} |",
            f"| server | granian {granian.__version__}, 1 process, {self.threads} threads; the load comes from "
            f"{PROCESSES} processes with {CONNECTIONS} kept-alive connections each |",
        ]

    def _pages(self) -> list[str]:
        bare = median(self.pages.baseline)
        lines = [
            f"The baseline is a bare Flask page: one SELECT of 20 rows, rendered in Jinja, nothing else: {bare:,.0f} "
            "a second. Ratio 1 means as many answers a second as the baseline beside which the page took its turn "
            f"(median of {self.scale.rounds} rounds of {self.scale.seconds} s); aim: {PAGE_AIM} or better.",
            "",
            "| page | reader | members | statements | size | a second | ratio |",
            "|---|---|---:|---:|---:|---:|---:|",
        ]
        for one in self.pages.pages:
            size = self.scale.few if one.page.club == FEW else self.scale.many
            lines.append(
                f"| {one.page.label} | {'member' if one.page.signed_in else 'visitor'} | {size:,} | {one.statements} | "
                f"{one.size / 1000:.0f} kB | {one.rate:,.0f} | **{one.ratio:.2f}**{below(one.ratio >= PAGE_AIM)} |"
            )
        growth = self.pages.growth
        lines += [
            "",
            f"The ranking of {self.scale.many:,} members takes **{growth:.2f}** times as long as that of "
            f"{self.scale.few:,}; aim: {GROWTH_AIM} or less{below(growth <= GROWTH_AIM)}.",
        ]
        return lines

    def _grown(self) -> list[str]:
        lines = [*turns.report(self.before), ""] if self.before else []
        if self.doors:
            lines += ["## The door", "", *door.report(self.doors), ""]
        for found in self.grown:
            lines += [f"## {found[0].subject.name}", "", *growth.report(found), ""]
        if self.closings:
            lines += ["## Closing a season", "", *closing.report(self.closings), ""]
        if self.appends:
            lines += ["## Lines of the ledger", "", *appends.report(self.appends), ""]
        return lines

    def _work(self) -> list[str]:
        bare = median(self.pages.baseline)
        lines = [
            "A fulfilment is an order placed and, in a second transaction, its payment recorded: pass, number, seat, "
            f"ticket, points, receipt; {self.scale.writers} writers at once buy the same plan. Afterwards the doctor "
            "found every promise kept. PostgreSQL ran with its own settings for durability, SQLite with the club's "
            "(WAL, synchronous NORMAL). The replay plays generated records on SQLite.",
            "",
            "| work | a second | for one answer of the baseline |",
            "|---|---:|---:|",
        ]
        lines += [
            f"| fulfilments, {self.scale.writers} writers, {one.version} | {one.rate:,.0f} | {one.rate / bare:.3f} |"
            for one in self.fulfilments
        ]
        rate = self.operations_rate
        lines.append(f"| replay, {self.operations:,} operations | {rate:,.0f} | {rate / bare:.3f} |")
        return lines


def below(reached: bool) -> str:
    """A mark where an aim was missed."""
    return "" if reached else " (below the aim)"


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (x.partition(":")[2].strip() for x in lines if x.startswith("model name")), platform.machine()
    )


def cores() -> int:
    """How many processors this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> str:
    """The size of the memory."""
    try:
        first = Path("/proc/meminfo").read_text().splitlines()[0]
    except OSError:
        return "memory unknown"
    return f"{int(first.split()[1]) / 1_048_576:.0f} GB"
