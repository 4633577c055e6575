"""The replay's rules once more, in plain Python over plain lists: what the club's tables must say afterwards.

Written from the rules' text and not from the club's code, so that the two can disagree.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of one file."""
    with (folder / name).open(newline="") as handle:
        return list(csv.DictReader(handle))


def expected(folder: Path, modules: tuple[str, ...], seats: int, eliminate: int) -> Json:
    """The JSON the replay must give."""
    courses = {
        (r["code_module"], r["code_presentation"]): int(r["module_presentation_length"])
        for r in rows(folder, "courses.csv")
        if not modules or r["code_module"] in modules
    }
    start = {key: dt.date(int(key[1][:4]), {"B": 2, "J": 10}[key[1][4]], 1) for key in courses}
    numbers, passes, undated = _numbers(folder, courses, start)
    due = {}
    owner = {}
    for r in rows(folder, "assessments.csv"):
        key = (r["code_module"], r["code_presentation"])
        if key in courses:
            owner[r["id_assessment"]] = key
            due[r["id_assessment"]] = start[key] + dt.timedelta(days=int(r["date"] or courses[key]))
    counts: dict[str, int] = defaultdict(int)
    earned: list[tuple[dt.date, int, int, int]] = []
    for r in rows(folder, "studentAssessment.csv"):
        work = r["id_assessment"]
        if work not in owner:
            continue
        since = passes.get((int(r["id_student"]), owner[work]))
        if since is None:
            counts["submissions_without_pass"] += 1
            continue
        counts["submissions"] += 1
        day = max(start[owner[work]] + dt.timedelta(days=int(r["date_submitted"])), since)
        if not r["score"]:
            counts["unreviewed"] += 1
        elif r["is_banked"] == "1":
            counts["banked"] += 1
        elif int(r["score"]) < 40:
            counts["returned"] += 1
        else:
            counts["accepted"] += 1
            featured = int(r["score"]) >= 90
            counts["featured"] += featured
            points = int(r["score"]) + (5 if day <= due[work] else 0) + (20 if featured else 0)
            earned.append((day, numbers[int(r["id_student"])], points, int(featured)))
    for name in (
        "submissions",
        "submissions_without_pass",
        "unreviewed",
        "banked",
        "returned",
        "accepted",
        "featured",
    ):
        counts.setdefault(name, 0)
    return {
        "counts": {
            **counts,
            "members": len(numbers),
            "passes": len(passes),
            "registrations_without_date": undated,
        },
        "ledger_sum": sum(points for _day, _number, points, _featured in earned),
        "groups": _groups(courses, passes),
        "seasons": _seasons(earned, set(numbers.values()), seats, eliminate),
        "top": _top(earned),
    }


def _numbers(folder: Path, courses: Any, start: Any) -> tuple[dict[int, int], dict[Any, dt.date], int]:
    bought: list[tuple[dt.date, int, Any]] = []
    undated = 0
    for r in rows(folder, "studentRegistration.csv"):
        key = (r["code_module"], r["code_presentation"])
        if key not in courses:
            continue
        if not r["date_registration"]:
            undated += 1
            continue
        day = start[key] + dt.timedelta(days=int(float(r["date_registration"])))
        bought.append((day, int(r["id_student"]), key))
    numbers: dict[int, int] = {}
    passes = {}
    for day, student, key in sorted(bought):
        numbers.setdefault(student, len(numbers) + 1)
        passes[student, key] = day
    return numbers, passes, undated


def _groups(courses: Any, passes: Any) -> list[Json]:
    shown = []
    for key in sorted(courses):
        seated = sum(1 for _student, owner in passes if owner == key)
        for index in range(1, seated // 2000 + 2):
            here = min(2000, max(0, seated - 2000 * (index - 1)))
            shown.append({"course": "-".join(key), "index": index, "capacity": 2000, "seated": here})
    return shown


def _seasons(
    earned: list[tuple[dt.date, int, int, int]], everybody: set[int], seats: int, eliminate: int
) -> list[Json]:
    if not earned:
        return []
    months = sorted({(day.year, day.month) for day, *_rest in earned})
    year, month = months[0]
    core: set[int] = set()
    rose: set[int] = set()
    shown = []
    while (year, month) <= months[-1]:
        points: dict[int, int] = defaultdict(int)
        honours: dict[int, int] = defaultdict(int)
        last: dict[int, dt.date] = {}
        for day, number, amount, featured in earned:
            if (day.year, day.month) == (year, month):
                points[number] += amount
                honours[number] += featured
                last[number] = max(last.get(number, day), day)

        def place(n: int, points: Any = points, honours: Any = honours, last: Any = last) -> tuple[Any, ...]:
            return (n not in points, -points.get(n, 0), -honours.get(n, 0), last.get(n, dt.date.max), n)

        leaving = []
        if len(core) >= seats:
            may_leave = sorted((n for n in core if n not in rose), key=place)
            leaving = may_leave[max(0, len(may_leave) - eliminate) :]
        stay = core - set(leaving)
        ranked = sorted((n for n in points if points[n] >= 1), key=place)
        rising = [n for n in ranked if n not in core][: seats - len(stay)]
        shown.append(
            {
                "season": f"{year}-{month:02d}",
                "core_before": len(core),
                "promoted": rising,
                "eliminated": leaving,
                "core_after": sorted(stay | set(rising)),
            }
        )
        core, rose = stay | set(rising), set(rising)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    assert core <= everybody
    return shown


def _top(earned: list[tuple[dt.date, int, int, int]]) -> list[Json]:
    total: dict[int, int] = defaultdict(int)
    for _day, number, amount, _featured in earned:
        total[number] += amount
    best = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:10]
    return [{"number": number, "points": points} for number, points in best]
