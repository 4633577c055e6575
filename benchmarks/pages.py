"""The pages: which, as whom, how many statements each sends, and how fast it is beside the baseline."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

from sqlalchemy import select

from app import db
from benchmarks import baseline, clubs
from benchmarks.load import Load
from benchmarks.scale import Scale
from benchmarks.servers import serving
from benchmarks.visitor import Visitor
from qunclub.adapters.accounts.models import Account
from qunclub.courses.models import Course, Lesson
from qunclub.homework.models import Submission
from qunclub.members.models import Member
from qunclub.passes.models import Pass, PlanCourse
from tests.support.servers import serving as in_this_process
from tests.support.statements import count_statements

FEW, MANY = "few", "many"


@dataclass(frozen=True, slots=True)
class Page:
    """One page as one kind of reader sees it, in the club with few or with many members."""

    label: str
    path: str
    signed_in: bool
    club: str = FEW


@dataclass
class Measured:
    """What was found for a page: answers a second and, round by round, the ratio to the baseline beside it."""

    page: Page
    statements: int
    size: int
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second, the median of the rounds."""
        return median(self.rates)

    @property
    def ratio(self) -> float:
        """Answers for one of the baseline's, the median of the rounds."""
        return median(self.ratios)


@dataclass
class Result:
    """Every page beside the baseline."""

    baseline: list[float]
    pages: list[Measured]

    @property
    def growth(self) -> float:
        """How much slower the ranking is with many members than with few."""
        few, many = (self._ranking(one).rates for one in (FEW, MANY))
        return median(a / b for a, b in zip(few, many, strict=True))

    def _ranking(self, club: str) -> Measured:
        return next(one for one in self.pages if one.page.path == "/ranking" and one.page.club == club)


def pages(instance: Path) -> list[Page]:
    """The pages that are measured, in the demo club of *instance*."""
    with clubs.opened(instance):
        session = db.session
        email, _ = clubs.ACCOUNT
        account = session.scalars(select(Account).where(Account.email == email)).one()
        member = session.scalars(select(Member).where(Member.user_key == f"account:{account.id}")).one()
        preview = session.execute(
            select(Course.slug, Lesson.slug)
            .join(Lesson, Lesson.course_id == Course.id)
            .where(Lesson.is_preview)
            .order_by(Lesson.id)
            .limit(1)
        ).one()
        lesson = session.execute(
            select(Course.slug, Lesson.slug)
            .join(Lesson, Lesson.course_id == Course.id)
            .join(PlanCourse, PlanCourse.course_id == Course.id)
            .join(Pass, Pass.plan_id == PlanCourse.plan_id)
            .where(Pass.member_id == member.id, ~Lesson.is_preview)
            .order_by(Lesson.id)
            .limit(1)
        ).one()
        work = session.scalars(
            select(Submission.assignment_id).where(Submission.member_id == member.id).order_by(Submission.id)
        ).first()
    return [
        Page("catalogue", "/passes", False),
        Page("catalogue", "/passes", True),
        Page("lesson", f"/courses/{preview[0]}/{preview[1]}", False),
        Page("lesson", f"/courses/{lesson[0]}/{lesson[1]}", True),
        Page("homework, one assignment", f"/homework/{work}", False),
        Page("homework, one assignment", f"/homework/{work}", True),
        Page("homework, my list", "/homework", True),
        Page("ranking", "/ranking", True),
        Page("ranking", "/ranking", True, MANY),
    ]


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, int]]:
    """The baseline and both clubs, each a server with the same settings; gives their ports by name."""
    with ExitStack() as stack:
        found = {}
        for name in (FEW, MANY):
            found[name] = stack.enter_context(
                serving("app", clubs.settings(folder / name), path="/readyz", log=folder / f"{name}.log")
            )
        bare = {
            **clubs.settings(folder / "bare"),
            baseline.DATABASE: f"sqlite:///{folder / FEW / 'club.db'}",
        }
        found["baseline"] = stack.enter_context(
            serving("benchmarks.baseline", bare, path="/", log=folder / "baseline.log")
        )
        yield found


def measure(
    load: Load, ports: dict[str, int], wanted: list[Page], scale: Scale, say: Callable[[str], None]
) -> Result:
    """Take turns, baseline and page and baseline again, so that a busy moment of the machine weighs on both."""
    readers = {(club, signed_in): _reader(ports[club], signed_in) for club, signed_in in _readers(wanted)}
    bare = ports["baseline"], Visitor(ports["baseline"]).request("/")
    asked = []
    for page in wanted:
        reader = readers[page.club, page.signed_in]
        request = reader.request(page.path)
        size = len(reader.ask(page.path)[1].encode())
        asked.append((Measured(page, 0, size), (ports[page.club], request)))
    for target in (bare, *(target for _, target in asked)):
        load.rate(*target, scale.warm_up)
    baselines = [load.rate(*bare, scale.seconds)]
    for turn in range(1, scale.rounds + 1):
        for measured, target in asked:
            rate = load.rate(*target, scale.seconds)
            baselines.append(load.rate(*bare, scale.seconds))
            measured.rates.append(rate)
            measured.ratios.append(rate / mean(baselines[-2:]))
        say(f"pages: round {turn} of {scale.rounds}")
    return Result(baselines, [measured for measured, _ in asked])


def _readers(wanted: list[Page]) -> set[tuple[str, bool]]:
    return {(page.club, page.signed_in) for page in wanted}


def _reader(port: int, signed_in: bool) -> Visitor:
    reader = Visitor(port)
    if signed_in:
        reader.sign_in(*clubs.ACCOUNT)
    return reader


def count(instance: Path, club: str, found: list[Measured]) -> None:
    """How many statements each page of the *club* in *instance* sends: a server in this process, which can listen."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with clubs.opened(instance) as app, in_this_process(app) as address:
        port = int(address.rpartition(":")[2])
        readers = {signed_in: _reader(port, signed_in) for signed_in in (False, True)}
        for one in found:
            if one.page.club == club:
                reader = readers[one.page.signed_in]
                # The first visit opens a lesson, which is written down; every later one only reads.
                reader.ask(one.page.path)
                with count_statements(db.engine) as sent:
                    reader.ask(one.page.path)
                one.statements = sent.count
