"""The door: how long a check by the API takes in a club with many tickets, beside a bare page of one row."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from sqlalchemy import func, select

from benchmarks import baseline, door_data
from benchmarks.scale import Scale
from benchmarks.servers import serving
from qunclub.api import tokens
from qunclub.kernel import Actor
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import TicketCheck
from tests.support import postgres
from tests.support.databases import Db, fresh

AIM = 4.0
CHECK = "/api/v1/tickets/check"
SCOPE = "tickets.check"
WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Door:
    """The 50th and 99th percentile of each turn, in milliseconds, on one database."""

    database: str
    tickets: int
    checks: int
    bare: tuple[tuple[float, float], ...]
    check: tuple[tuple[float, float], ...]

    @property
    def ratio(self) -> float:
        """How many times as long the 99th percentile of a check is, in the turns that were disturbed least."""
        return min(p99 for _p50, p99 in self.check) / min(p99 for _p50, p99 in self.bare)


def measure(folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> list[Door]:
    """The door on each database."""
    return [_on(kind, folder, scale, now, say) for kind in scale.databases]


def _on(kind: str, folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> Door:
    with ExitStack() as stack:
        started = perf_counter()
        database = stack.enter_context(fresh("postgres" if kind == "postgres" else "sqlite", folder))
        if kind == "postgres" and scale.durable:
            postgres.as_delivered()
        door_data.fill(database, tickets=scale.tickets, now=now)
        token = _token(database, now)
        say(f"the door on {kind}: {scale.tickets:,} tickets in {perf_counter() - started:.0f} s")
        where = folder / f"door-{kind}"
        where.mkdir()
        club = stack.enter_context(
            serving(
                "app",
                {
                    "QUNCLUB_DATABASE_URL": database.url,
                    "QUNCLUB_INSTANCE": str(where),
                    "QUNCLUB_RATE_LIMITS": "no",
                    "QUNCLUB_LOG_LEVEL": "ERROR",
                },
                path="/healthz",
                log=where / "club.log",
            )
        )
        bare = stack.enter_context(
            serving(
                "benchmarks.baseline", {baseline.DATABASE: database.url}, path="/", log=where / "bare.log"
            )
        )
        found = _turns(club, bare, token, scale)
        _prove(database, scale)
        return Door(kind, scale.tickets, scale.checks, *found)


def _turns(
    club: int, bare: int, token: str, scale: Scale
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    # Spread over the whole club; every third is used already.
    step = max(scale.tickets // ((scale.checks + WARM_UP) * (scale.check_rounds + 1)) // 3 * 3, 3)
    numbers = iter(range(1, scale.tickets, step))
    bare_times, check_times = [], []
    for turn in range(scale.check_rounds + 1):
        count = scale.checks if turn else min(WARM_UP, scale.checks)
        some = [next(numbers) for _check in range(count)]
        # Anew each turn: a server closes a line on which nobody has asked for a while.
        pages = _line(bare)
        first = [_page(pages, n) for n in some]
        checks = _line(club)
        second = [_check(checks, token, n) for n in some]
        pages.close()
        checks.close()
        if turn:
            bare_times.append(_percentiles(first))
            check_times.append(_percentiles(second))
    return tuple(bare_times), tuple(check_times)


def _line(port: int) -> http.client.HTTPConnection:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    line.connect()
    line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _page(line: http.client.HTTPConnection, n: int) -> float:
    started = perf_counter()
    line.request("GET", f"/one/{door_data.FIRST + n}")
    answer = line.getresponse()
    body = answer.read()
    taken = perf_counter() - started
    if answer.status != 200 or f"Member {n}".encode() not in body:
        raise RuntimeError(f"the bare page answered {answer.status}")
    return taken


def _check(line: http.client.HTTPConnection, token: str, n: int) -> float:
    body = json.dumps({"code": door_data.code_of(n), "key": f"measured-{n}"})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    started = perf_counter()
    line.request("POST", CHECK, body, headers)
    answer = line.getresponse()
    told = json.loads(answer.read())
    taken = perf_counter() - started
    if answer.status != 200 or not told["admitted"]:
        raise RuntimeError(f"the check of ticket {n} answered {answer.status}: {told}")
    return taken


def _percentiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.99)] * 1000


def _token(database: Db, now: dt.datetime) -> str:
    with database.uow() as session:
        return tokens.make(
            session,
            name="Door",
            scopes=[SCOPE],
            known=[SCOPE],
            group_id=None,
            per_minute=tokens.MOST_PER_MINUTE,
            days=None,
            actor=Actor.system("measuring"),
            now=now,
        )[1]


def _prove(database: Db, scale: Scale) -> None:
    """Every check was written down, and every one of them used its ticket up."""
    made = scale.checks * scale.check_rounds + min(WARM_UP, scale.checks)
    query = (
        select(func.count())
        .select_from(TicketCheck)
        .join(EntryTicket, EntryTicket.id == TicketCheck.ticket_id)
        .where(TicketCheck.bot == "Door", TicketCheck.outcome == "admitted", EntryTicket.state == "used")
    )
    with database.session() as session:
        found = session.scalar(query)
    if found != made:
        raise RuntimeError(f"{made} checks admitted, {found} are written down")


def report(doors: list[Door]) -> list[str]:
    """The table of the results page."""
    first = doors[0]
    lines = [
        f"A program checks tickets by the API in a club with {first.tickets:,} of them, {first.checks} in each of "
        f"{len(first.check)} turns, every one admitted; beside it, in turns, a bare Flask page of one row by its id on "
        "the same database and server. Milliseconds, in the turns that other work on the machine disturbed least. "
        f"Aim: the 99th percentile at most {AIM:g} times that of the bare page.",
        "",
        "| database | bare page p50 | p99 | check p50 | p99 | ratio of p99 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in doors:
        b50, b99 = (min(turn[at] for turn in one.bare) for at in (0, 1))
        c50, c99 = (min(turn[at] for turn in one.check) for at in (0, 1))
        missed = "" if one.ratio < AIM else " (above the aim)"
        lines.append(
            f"| {one.database} | {b50:.2f} | {b99:.2f} | {c50:.2f} | {c99:.2f} | **{one.ratio:.2f}**{missed} |"
        )
    return lines
