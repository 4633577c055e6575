"""What changed between two texts, line by line: pure, for pages to show."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

AROUND = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: in both texts, only in the old one, only in the new one, or a gap of so many."""

    kind: Literal["same", "gone", "new", "gap"]
    text: str = ""
    skipped: int = 0


def lines(old: str, new: str, *, around: int = AROUND) -> tuple[Line, ...]:
    """*old* and *new* as one list of lines; long stretches that did not change are left out but *around* lines.

    >>> [(line.kind, line.text) for line in lines("a\\nb", "a\\nc")]
    [('same', 'a'), ('gone', 'b'), ('new', 'c')]
    """
    before, after = old.splitlines(), new.splitlines()
    found: list[Line] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found += _stretch(before[a:b], around, first=not found, last=b == len(before) and d == len(after))
            continue
        found += [Line("gone", text) for text in before[a:b]]
        found += [Line("new", text) for text in after[c:d]]
    return tuple(found)


def _stretch(same: list[str], around: int, *, first: bool, last: bool) -> list[Line]:
    head = 0 if first else around
    tail = 0 if last else around
    if len(same) <= max(head + tail + 1, around):
        return [Line("same", text) for text in same]
    middle = Line("gap", skipped=len(same) - head - tail)
    ending = same[len(same) - tail :] if tail else []
    return [Line("same", text) for text in same[:head]] + [middle] + [Line("same", text) for text in ending]
