"""The Open University Learning Analytics Dataset (Kuzilek et al. 2017, CC BY 4.0) as a stream of club events. Pure."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qunclub.kernel import N_, Invalid

START_MONTH = {"B": 2, "J": 10}
FILES = {
    "courses.csv": ("code_module", "code_presentation", "module_presentation_length"),
    "assessments.csv": ("code_module", "code_presentation", "id_assessment", "assessment_type", "date"),
    "studentRegistration.csv": ("code_module", "code_presentation", "id_student", "date_registration"),
    "studentAssessment.csv": ("id_assessment", "id_student", "date_submitted", "is_banked", "score"),
}


@dataclass(frozen=True, slots=True)
class Presentation:
    """One run of a module: a course, its plan and its group line."""

    code: str
    start: dt.date
    length: int


@dataclass(frozen=True, slots=True)
class Work:
    """An assessment: an assignment due on *due*."""

    ident: int
    presentation: str
    kind: str
    due: dt.date


@dataclass(frozen=True, slots=True)
class Purchase:
    """A registration: an order paid on *day*."""

    day: dt.date
    student: int
    presentation: str


@dataclass(frozen=True, slots=True)
class Handin:
    """A submission. ``score`` is None where the record has none."""

    day: dt.date
    student: int
    work: int
    banked: bool
    score: int | None


Event = Purchase | Handin


@dataclass(frozen=True, slots=True)
class Records:
    """Everything of the chosen modules, in the order it happens."""

    presentations: tuple[Presentation, ...]
    works: tuple[Work, ...]
    events: tuple[Event, ...]
    registrations_without_date: int
    submissions_without_pass: int
    fingerprint: str


def presentation_start(code: str) -> dt.date:
    """``2013B`` starts on 1 February 2013, ``2013J`` on 1 October (the dataset's own convention).

    Raises:
        Invalid: for any other code.
    """
    month = START_MONTH.get(code[-1:])
    if month is None or not code[:-1].isdigit():
        raise Invalid(N_("Presentation %(code)s is not a year with B or J."), code=code)
    return dt.date(int(code[:-1]), month, 1)


def read(folder: Path, modules: tuple[str, ...] = ()) -> Records:
    """Read the files of *folder* and put their events in order.

    Purchases come by day, then student, module, presentation; a submission comes on its day, but not before the
    pass it needs, and after that day's purchases.

    Args:
        modules: only these modules; all when empty.

    Raises:
        Invalid: when a file is missing, or a cell cannot be read; the message names file and line.
    """
    wanted = set(modules)
    digest = hashlib.sha256(repr(sorted(wanted)).encode())
    rows = {name: list(_rows(folder / name, columns, digest)) for name, columns in FILES.items()}
    presentations = {}
    for line, row in rows["courses.csv"]:
        if not wanted or row[0] in wanted:
            code = f"{row[0]}-{row[1]}"
            length = _number(row[2], "courses.csv", line)
            presentations[code] = Presentation(code, presentation_start(row[1]), length)
    missing = wanted - {code.partition("-")[0] for code in presentations}
    if missing:
        raise Invalid(N_("There is no module %(module)s in courses.csv."), module=min(missing))
    works = {}
    for line, row in rows["assessments.csv"]:
        owner = presentations.get(f"{row[0]}-{row[1]}")
        if owner is not None:
            ident = _number(row[2], "assessments.csv", line)
            offset = _number(row[4], "assessments.csv", line) if row[4] else owner.length
            works[ident] = Work(ident, owner.code, row[3], owner.start + dt.timedelta(days=offset))
    purchases, undated = _purchases(rows["studentRegistration.csv"], presentations)
    bought = {(p.student, p.presentation): p.day for p in purchases}
    handins, unpassed = _handins(rows["studentAssessment.csv"], works, presentations, bought)
    events: list[Event] = [*purchases, *handins]
    events.sort(key=_when)
    return Records(
        presentations=tuple(presentations[code] for code in sorted(presentations)),
        works=tuple(sorted(works.values(), key=lambda w: (w.presentation, w.due, w.ident))),
        events=tuple(events),
        registrations_without_date=undated,
        submissions_without_pass=unpassed,
        fingerprint=digest.hexdigest(),
    )


def _purchases(
    rows: list[tuple[int, list[str]]], presentations: dict[str, Presentation]
) -> tuple[list[Purchase], int]:
    purchases: dict[tuple[int, str], Purchase] = {}
    undated = 0
    for line, row in rows:
        owner = presentations.get(f"{row[0]}-{row[1]}")
        if owner is None:
            continue
        if not row[3]:
            undated += 1
            continue
        student = _number(row[2], "studentRegistration.csv", line)
        day = owner.start + dt.timedelta(days=_number(row[3], "studentRegistration.csv", line))
        purchases[student, owner.code] = Purchase(day, student, owner.code)
    return list(purchases.values()), undated


def _handins(
    rows: list[tuple[int, list[str]]],
    works: dict[int, Work],
    presentations: dict[str, Presentation],
    bought: dict[tuple[int, str], dt.date],
) -> tuple[list[Handin], int]:
    handins = []
    unpassed = 0
    name = "studentAssessment.csv"
    for line, row in rows:
        work = works.get(_number(row[0], name, line))
        if work is None:
            continue
        student = _number(row[1], name, line)
        since = bought.get((student, work.presentation))
        if since is None:
            unpassed += 1
            continue
        day = presentations[work.presentation].start + dt.timedelta(days=_number(row[2], name, line))
        score = _number(row[4], name, line) if row[4] else None
        if score is not None and not 0 <= score <= 100:
            raise Invalid(N_("%(file)s, line %(line)s: a mark is 0 to 100."), file=name, line=line)
        handins.append(Handin(max(day, since), student, work.ident, row[3] == "1", score))
    return handins, unpassed


def _when(event: Event) -> tuple[dt.date, int, int, str, int]:
    if isinstance(event, Purchase):
        return (event.day, 0, event.student, event.presentation, 0)
    return (event.day, 1, event.student, "", event.work)


def _rows(path: Path, columns: tuple[str, ...], digest: hashlib._Hash) -> Iterator[tuple[int, list[str]]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Invalid(N_("%(file)s is missing in the folder."), file=path.name) from None
    digest.update(data)
    reader = csv.reader(data.decode("utf-8-sig").splitlines())
    header = next(reader, [])
    try:
        places = [header.index(column) for column in columns]
    except ValueError:
        raise Invalid(
            N_("%(file)s needs the columns %(columns)s."), file=path.name, columns=", ".join(columns)
        ) from None
    for row in reader:
        if len(row) < len(header):
            raise Invalid(N_("%(file)s, line %(line)s: too few cells."), file=path.name, line=reader.line_num)
        yield reader.line_num, [row[place].strip() for place in places]


def _number(text: str, file: str, line: int) -> int:
    """A whole number; the dataset writes some days as floats (``-159.0``)."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value != int(value):
        raise Invalid(
            N_("%(file)s, line %(line)s: %(text)s is not a whole number."), file=file, line=line, text=text
        )
    return int(value)
