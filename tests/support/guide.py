"""Reads the tables of docs/running-a-season.md, so that tests walk what the guide says and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qunclub.web.i18n import catalogue

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "running-a-season.md"
LABEL = re.compile(r"\*\*(.+?)\*\* ?([^*]*?)(?=(?:; | → | \(`|, |$|\. ))")
GAP = "…"


@dataclass(frozen=True, slots=True)
class Label:
    """What the club shows, in both languages; ``…`` stands for what differs each time where *open* is true."""

    en: str
    zh: str

    def said(self, language: str) -> str:
        """In ``zh`` or ``en``."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Step:
    """One row: who goes where, fills in what, presses what, sees what.

    ``where`` holds the links to follow, ``None`` for the link with the season's name; ``path`` is empty on the page one
    is on. ``asks`` says that the last button is pressed twice.
    """

    number: str
    who: str
    where: list[Label | None]
    path: str
    fields: list[Label]
    buttons: list[Label]
    asks: bool
    seen: list[Label]


def labels(cell: str) -> list[Label]:
    """The labels of a cell, in order."""
    return [Label(en, zh.strip()) for en, zh in LABEL.findall(cell)]


def steps() -> dict[str, Step]:
    """Every row of the guide's tables of steps, by its number."""
    found: dict[str, Step] = {}
    for line in GUIDE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.fullmatch(r"\d+\.\d+", cells[0]):
            continue
        number, who, where, fields, buttons, seen = cells
        links: list[Label | None] = []
        for part in where.partition(" (`")[0].split(" → "):
            links += [None] if part == "the season" else list(labels(part))
        path = re.search(r"\(`(.+)`\)", where)
        assert (where == "there") == (path is None), (
            f"step {number} says neither a path nor that one is there"
        )
        found[number] = Step(
            number, who, links, path.group(1) if path else "", labels(fields), labels(buttons),
            "asks once more" in buttons, labels(seen),
        )  # fmt: skip
    return found


def texts() -> dict[str, set[str]]:
    """Every text of the club in Chinese by its English, gaps for what differs each time."""
    known: dict[str, set[str]] = {}
    for key, chinese in catalogue("zh")._catalog.items():
        english = key[0] if isinstance(key, tuple) else key
        known.setdefault(gaps(english), set()).add(gaps(str(chinese)))
    return known


def gaps(message: str) -> str:
    """A message with ``…`` for each of its parameters."""
    return re.sub(r"%\(\w+\)s", GAP, message)
