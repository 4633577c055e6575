"""Pages of a club with few and of one with many of something: whether any of them grows slower with the club."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from flask import Flask
from flask.testing import FlaskClient

from app import create_app, db
from benchmarks.scale import Scale
from tests.factories import Make
from tests.support.databases import Db, fresh
from tests.support.pages import sign_in
from tests.support.statements import count_statements

GROWTH_AIM = 1.2


@dataclass(frozen=True, slots=True)
class GrowthPage:
    """One page; the gaps of its path are filled with what stands somewhere in the middle of the club."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What there is few or many of, and the pages that show it.

    Attributes:
        name: the heading in the results.
        things: what is counted, in the plural.
        roles: of the person who looks at the pages.
        pages: those measured.
        sizes: how many the two clubs have.
        fill: writes so many into an empty database, for the given member to look at.
        words: what fills the gaps of the paths in a club of so many.
        note: what the two clubs are like, in a sentence or two.
    """

    name: str
    things: str
    roles: tuple[str, ...]
    pages: tuple[GrowthPage, ...]
    sizes: Callable[[Scale], tuple[int, int]]
    fill: Callable[[Db, int, int, dt.datetime], None]
    words: Callable[[int, dt.datetime], dict[str, object]]
    note: str


@dataclass
class Times:
    """Seconds that one page took, turn by turn, and the statements it sent."""

    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    statements: tuple[int, int] = (0, 0)

    @property
    def growth(self) -> float:
        """How many times as long it takes with many."""
        return min(self.many) / min(self.few)


@dataclass
class Grown:
    """The pages on one database."""

    subject: Subject
    database: str
    few: int
    many: int
    built: float
    rounds: int
    pages: dict[str, Times]


def measure(
    subject: Subject, folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]
) -> list[Grown]:
    """The pages on each database; the few and the many take turns, so that a busy moment weighs on both."""
    logging.getLogger("qunclub").setLevel(logging.ERROR)
    return [_on(kind, subject, folder, scale, now, say) for kind in scale.databases]


def _on(
    kind: str, subject: Subject, folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]
) -> Grown:
    few, many = subject.sizes(scale)
    with ExitStack() as stack:
        started = perf_counter()
        clubs = []
        for size in (few, many):
            database = stack.enter_context(fresh("postgres" if kind == "postgres" else "sqlite", folder))
            account, member = Make(database, now).person(name="Ada", roles=subject.roles)
            subject.fill(database, size, member.id, now)
            where = folder / f"{subject.things}-{kind}-{size}"
            app = stack.enter_context(opened(database, where))
            paths = {page.label: page.path.format_map(subject.words(size, now)) for page in subject.pages}
            clubs.append((app, sign_in(app.test_client(), account), paths))
        built = perf_counter() - started
        say(f"{subject.name} on {kind}: built in {built:.0f} s")
        found = {page.label: Times() for page in subject.pages}
        for page in subject.pages:
            first, second = (_count(app, client, paths[page.label]) for app, client, paths in clubs)
            found[page.label].statements = (first, second)
        for _turn in range(scale.desk_rounds):
            for page in subject.pages:
                times = found[page.label]
                for (_app, client, paths), taken in zip(clubs, (times.few, times.many), strict=True):
                    taken.append(_ask(client, paths[page.label]))
        say(f"{subject.name} on {kind}: {len(subject.pages)} pages, {scale.desk_rounds} rounds")
        return Grown(subject, kind, few, many, built, scale.desk_rounds, found)


@contextmanager
def opened(database: Db, instance: Path) -> Iterator[Flask]:
    """The club over *database*, in this process."""
    app = create_app(
        {
            "TESTING": True,
            "QUNCLUB_DATABASE_URL": database.url,
            "QUNCLUB_INSTANCE": str(instance),
            "QUNCLUB_RATE_LIMITS": "no",
            "QUNCLUB_LOG_LEVEL": "ERROR",
        }
    )
    try:
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _ask(client: FlaskClient, path: str) -> float:
    started = perf_counter()
    answer = client.get(path)
    taken = perf_counter() - started
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return taken


def _count(app: Flask, client: FlaskClient, path: str) -> int:
    """The statements of a page, once what is read at the first time only is there."""
    _ask(client, path)
    with app.app_context():
        engine = db.engine
    with count_statements(engine) as seen:
        _ask(client, path)
    return seen.count


def report(grown: list[Grown]) -> list[str]:
    """The table of the results page."""
    first = grown[0]
    lines = [
        f"Each page with {first.few:,} and with {first.many:,} {first.subject.things}, in milliseconds: the quickest "
        f"of {first.rounds} turns each, in which other work on the machine weighs least. {first.subject.note} Aim: at "
        f"most {GROWTH_AIM} times as long, with as many statements.",
        "",
        "| page | statements |" + "".join(f" {one.database} few | many | ratio |" for one in grown),
        "|---|---:|" + "---:|---:|---:|" * len(grown),
    ]
    for label in first.pages:
        cells = ""
        for one in grown:
            times = one.pages[label]
            missed = "" if times.growth <= GROWTH_AIM else " (above the aim)"
            few, many = min(times.few) * 1000, min(times.many) * 1000
            cells += f" {few:.1f} | {many:.1f} | **{times.growth:.2f}**{missed} |"
        lines.append(f"| {label} | {_statements([one.pages[label] for one in grown])} |{cells}")
    return lines


def _statements(found: list[Times]) -> str:
    counts = {count for times in found for count in times.statements}
    if any(few != many for few, many in (times.statements for times in found)):
        return (
            ", ".join(f"{few} → {many}" for few, many in (times.statements for times in found)) + " (grows)"
        )
    return " or ".join(str(count) for count in sorted(counts))
