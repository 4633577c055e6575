"""Small records in the dataset's form, made by a seed: enough students for seats to be fought over."""

from __future__ import annotations

import csv
import random
from pathlib import Path

COURSES = (("AAA", "2013B", 120), ("AAA", "2013J", 100), ("BBB", "2013J", 90))


def write(folder: Path, *, seed: int = 7, students: int = 40) -> Path:
    """Write the four files into *folder*: double buyers, missing days and marks, carried-over work, late work."""
    rng = random.Random(seed)
    works = []
    for number, (module, run, length) in enumerate(COURSES):
        for place, kind in enumerate(("TMA", "TMA", "CMA", "Exam")):
            day = "" if kind == "Exam" else str(15 + 25 * place)
            works.append((module, run, str(1000 + 10 * number + place), kind, day, "25", length))
    registrations = []
    handins = []
    for student in range(101, 101 + students):
        for module, run, length in COURSES:
            if rng.random() < 0.45:
                continue
            day = "" if rng.random() < 0.06 else f"{rng.randint(-40, 30)}.0"
            registrations.append((module, run, str(student), day))
            for work in works:
                if work[:2] == (module, run) and rng.random() < 0.85:
                    score = (
                        ""
                        if rng.random() < 0.05
                        else str(rng.choice((20, 39, 40, 55, 70, 70, 85, 89, 90, 100)))
                    )
                    banked = "1" if rng.random() < 0.08 else "0"
                    when = str(rng.randint(-5, length + 40))
                    handins.append((work[2], str(student), when, banked, score))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "courses.csv", "code_module,code_presentation,module_presentation_length", COURSES)
    _write(
        folder / "assessments.csv",
        "code_module,code_presentation,id_assessment,assessment_type,date,weight",
        [work[:6] for work in works],
    )
    header = "code_module,code_presentation,id_student,date_registration"
    _write(folder / "studentRegistration.csv", header, registrations)
    _write(
        folder / "studentAssessment.csv", "id_assessment,id_student,date_submitted,is_banked,score", handins
    )
    return folder


def _write(path: Path, header: str, rows: object) -> None:
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header.split(","))
        writer.writerows(rows)  # type: ignore[arg-type]  # rows of strings and numbers
