"""What changed between two versions of a covenant: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the covenant: kept, new, or gone."""

    kind: Literal["same", "new", "gone"]
    text: str


def changes(before: str, after: str) -> list[Change]:
    """*after* line by line, with what *before* said where it differs; empty lines are left out.

    >>> [(one.kind, one.text) for one in changes("Be kind.\\nNo ads.", "Be kind.\\nNo advertising.")]
    [('same', 'Be kind.'), ('gone', 'No ads.'), ('new', 'No advertising.')]
    """
    old, new = _lines(before), _lines(after)
    found: list[Change] = []
    for tag, a, b, c, d in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Change("same", text) for text in new[c:d]]
            continue
        found += [Change("gone", text) for text in old[a:b]]
        found += [Change("new", text) for text in new[c:d]]
    return found


def _lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
