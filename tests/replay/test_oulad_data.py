"""Reading the records: the order of events, and files that cannot be read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from qunclub.kernel import Invalid
from qunclub.replay import oulad_data
from qunclub.replay.oulad_data import Handin, Purchase

from . import small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small records."""
    return small.write(tmp_path / "records")


def test_presentations_start_in_february_and_october() -> None:
    assert oulad_data.presentation_start("2013B") == dt.date(2013, 2, 1)
    assert oulad_data.presentation_start("2013J") == dt.date(2013, 10, 1)


@pytest.mark.parametrize("code", ["2013X", "B", "", "20B3B"])
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(Invalid):
        oulad_data.presentation_start(code)


def test_nothing_is_handed_in_before_its_pass(folder: Path) -> None:
    records = oulad_data.read(folder)
    bought: set[tuple[int, str]] = set()
    works = {work.ident: work.presentation for work in records.works}
    for event in records.events:
        if isinstance(event, Purchase):
            bought.add((event.student, event.presentation))
        else:
            assert (event.student, works[event.work]) in bought


def test_purchases_of_a_day_come_by_student_then_presentation(folder: Path) -> None:
    purchases = [e for e in oulad_data.read(folder).events if isinstance(e, Purchase)]
    assert purchases == sorted(purchases, key=lambda p: (p.day, p.student, p.presentation))


def test_events_come_in_time_order(folder: Path) -> None:
    days = [event.day for event in oulad_data.read(folder).events]
    assert days == sorted(days)


def test_an_exam_without_a_day_is_due_at_the_end(folder: Path) -> None:
    records = oulad_data.read(folder, ("BBB",))
    exam = next(work for work in records.works if work.kind == "Exam")
    assert exam.due == dt.date(2013, 10, 1) + dt.timedelta(days=90)


def test_what_cannot_be_played_is_counted(folder: Path) -> None:
    records = oulad_data.read(folder)
    assert records.registrations_without_date > 0
    assert records.submissions_without_pass > 0
    lines = len((folder / "studentAssessment.csv").read_text().splitlines()) - 1
    handins = sum(isinstance(event, Handin) for event in records.events)
    assert handins + records.submissions_without_pass == lines


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("studentAssessment.csv", None, None, "studentAssessment.csv is missing"),
        ("courses.csv", "code_module", "module", "courses.csv needs the columns"),
        ("courses.csv", ",120", ",long", "courses.csv, line 2"),
        ("studentAssessment.csv", ",0,", ",0,1", "studentAssessment.csv, line"),
    ],
)
def test_broken_files_are_named(folder: Path, file: str, old: str | None, new: str | None, said: str) -> None:
    path = folder / file
    if old is None or new is None:
        path.unlink()
    else:
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(Invalid) as caught:
        oulad_data.read(folder)
    assert said in str(caught.value)


def test_an_unknown_module_is_refused(folder: Path) -> None:
    with pytest.raises(Invalid, match="ZZZ"):
        oulad_data.read(folder, ("ZZZ",))
