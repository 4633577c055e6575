"""The demo club's texts, read from the files beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "content"


@dataclass(frozen=True, slots=True)
class LessonText:
    """One lesson: its front matter and its Markdown."""

    facts: dict[str, Any]
    body: str


@dataclass(frozen=True, slots=True)
class CourseText:
    """One course and its lessons in order."""

    facts: dict[str, Any]
    lessons: list[LessonText]


def table(name: str) -> dict[str, Any]:
    """The TOML file *name* as it is."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def courses() -> list[CourseText]:
    """The courses by position."""
    found = []
    for folder in sorted((FOLDER / "courses").iterdir()):
        facts = tomllib.loads((folder / "course.toml").read_text())
        found.append(CourseText(facts, [_lesson(path) for path in sorted(folder.glob("*.md"))]))
    return sorted(found, key=lambda course: int(course.facts["position"]))


def _lesson(path: Path) -> LessonText:
    _empty, front, body = path.read_text().split("+++\n", 2)
    return LessonText(tomllib.loads(front), body.strip())


def submissions() -> list[tuple[str, dict[str, Any]]]:
    """(assignment slug, submission) of every piece of homework."""
    found = []
    for path in sorted((FOLDER / "homework").glob("*.toml")):
        data = tomllib.loads(path.read_text())
        found += [(str(data["assignment"]), dict(one)) for one in data["submission"]]
    return found
