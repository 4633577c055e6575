"""Closing a season as an admin does it, beside one bare sum over the same lines of the ledger.

Freeze, dry run and result are asked for on their pages, each with the page that follows; the sum is what any closing
must at least know. Afterwards everything is put back for the next round, which is not measured.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text, update

from benchmarks import seasons_data
from benchmarks.growth import opened
from benchmarks.scale import Scale
from qunclub.points.models import Window
from qunclub.seasons import services_undo
from qunclub.seasons.models import Season
from tests.factories import Make
from tests.support import postgres
from tests.support.databases import Db, fresh
from tests.support.pages import post, sign_in

AIM = 1.0
STEPS = {"freeze": "freeze", "dry run": "dry-run", "result": "publish"}
"""What an admin presses, and its address."""
USUAL = "usual"
FORMULAS: Mapping[str, dict[str, Any]] = {
    USUAL: {},
    "every condition": {
        "need_pass": True,
        "min_works": 1,
        "min_days": 1,
        "reentry": 1,
        "leaves": 1,
        "clean_days": 1,
    },
    "weighted kinds": {"weights": {"granted": 50}},
}
BARE = (
    "SELECT count(*), sum(points) FROM (SELECT member_id, SUM(amount) AS points FROM qunclub_ledger_entry "
    "GROUP BY member_id) summed"
)


@dataclass
class Closing:
    """One formula in one club: the seconds of the bare sum and of each step, round by round."""

    database: str
    members: int
    lines: int
    formula: str
    bare: list[float] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})

    @property
    def whole(self) -> float:
        """The seconds of the quickest closing."""
        return min(map(sum, zip(*self.steps.values(), strict=True)))

    @property
    def ratio(self) -> float:
        """Closings in the time of one bare sum, each at its quickest."""
        return min(self.bare) / self.whole


def measure(folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> list[Closing]:
    """Every formula in every club on each database, the sum and the closing by turns."""
    logging.getLogger("qunclub").setLevel(logging.ERROR)
    return [
        one
        for kind in scale.databases
        for members in scale.closing
        for one in _club(kind, members, folder, scale, now, say)
    ]


def _club(
    kind: str, members: int, folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]
) -> list[Closing]:
    with ExitStack() as stack:
        database = stack.enter_context(fresh("postgres" if kind == "postgres" else "sqlite", folder))
        if kind == "postgres" and scale.durable:
            postgres.as_delivered()
        account, _member = Make(database, now).person(name="Ada", roles=("admin",))
        began = perf_counter()
        ends = now - dt.timedelta(hours=1)
        season_id = seasons_data.fill(database, members, now=now, ends_at=ends)
        say(f"closing on {kind}: {members:,} members written in {perf_counter() - began:.0f} s")
        app = stack.enter_context(opened(database, folder / f"closing-{kind}-{members}"))
        client = sign_in(app.test_client(), account)
        lines = members * seasons_data.LINES_EACH
        return [
            _rounds(database, client, season_id, Closing(kind, members, lines, formula), scale, say)
            for formula in FORMULAS
        ]


def _rounds(
    database: Db, client: FlaskClient, season_id: int, one: Closing, scale: Scale, say: Callable[[str], None]
) -> Closing:
    # Only what has an aim is asked for more than once.
    for _round in range(scale.closing_rounds if one.formula == USUAL else 1):
        _put_back(database, season_id, FORMULAS[one.formula])
        one.bare.append(_sum(database))
        for step, address in STEPS.items():
            one.steps[step].append(_press(client, f"/admin/seasons/{season_id}/{address}"))
    _put_back(database, season_id, {})
    ratio = f"{one.whole:.2f} s, ratio {one.ratio:.2f}"
    say(f"closing on {one.database}: {one.members:,} members, {one.formula}: {ratio}")
    return one


def _sum(database: Db) -> float:
    with database.session() as session:
        began = perf_counter()
        session.execute(text(BARE)).one()
        return perf_counter() - began


def _press(client: FlaskClient, path: str) -> float:
    began = perf_counter()
    answer = post(client, path, follow_redirects=True)
    taken = perf_counter() - began
    if answer.status_code != 200 or len(answer.history) != 1:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return taken


def _put_back(database: Db, season_id: int, terms: Mapping[str, Any]) -> None:
    """Open the season again as it was, and give it the formula of the next round."""
    with database.uow() as session:
        if session.get_one(Season, season_id).state == "published":
            services_undo.undo(
                session, season_id=season_id, reason="Again.", actor=seasons_data.ACTOR,
                now=session.get_one(Season, season_id).ends_at,
            )  # fmt: skip
    empty = "TRUNCATE" if database.kind == "postgres" else "DELETE FROM"
    with database.uow() as session:
        for table in ("snapshot", "snapshot_sheet", "dry_run"):
            session.execute(text(f"{empty} qunclub_season_{table}"))
        session.execute(
            update(Season).values(
                state="open", snapshot_hash="", frozen_at=None, terms=dict(terms), version=1
            )
        )
        session.execute(update(Window).values(closed_at=None))


def report(found: list[Closing]) -> list[str]:
    """The table of the results page."""
    head = (
        "Freeze, dry run and result of a season as an admin asks for them, each with the page that follows, beside one "
        "bare `SELECT member_id, SUM(amount) … GROUP BY member_id` over all lines of the season, the two by turns, "
        f"each at its quickest, in seconds. {seasons_data.SEATS} seats, every {seasons_data.ARREARS}th member is "
        "suspended. Ratio 1 means that the closing takes no longer than the sum; aim with the usual formula: "
        f"{AIM} or better. A formula with weights reads the ledger itself, and looks for the reversal of every line."
    )
    lines = [
        head,
        "",
        "| formula | database | members | lines | sum | " + " | ".join(STEPS) + " | closing | ratio |",
        "|---|---|---:|---:|---:|" + "---:|" * len(STEPS) + "---:|---:|",
    ]
    for one in sorted(found, key=lambda one: list(FORMULAS).index(one.formula)):
        quick = min(range(len(one.bare)), key=lambda turn: sum(one.steps[step][turn] for step in STEPS))
        steps = " | ".join(f"{one.steps[step][quick]:.2f}" for step in STEPS)
        missed = " (below the aim)" if one.formula == USUAL and one.ratio < AIM else ""
        lines.append(
            f"| {one.formula} | {one.database} | {one.members:,} | {one.lines:,} | {min(one.bare):.2f} | {steps} | "
            f"{one.whole:.2f} | **{one.ratio:.2f}**{missed} |"
        )
    return lines
