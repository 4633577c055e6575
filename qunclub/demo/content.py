"""The demo club's texts, read from the files beside this module."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from qunclub.courses.folder import CourseText, read

FOLDER = Path(__file__).resolve().parent / "content"


def table(name: str) -> dict[str, Any]:
    """The TOML file *name* as it is."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def courses() -> list[CourseText]:
    """The courses, in the order of their folders."""
    return [read(folder) for folder in sorted((FOLDER / "courses").iterdir()) if folder.is_dir()]


def submissions() -> list[tuple[str, dict[str, Any]]]:
    """(assignment slug, submission) of every piece of homework."""
    found = []
    for path in sorted((FOLDER / "homework").glob("*.toml")):
        data = tomllib.loads(path.read_text())
        found += [(str(data["assignment"]), dict(one)) for one in data["submission"]]
    return found
