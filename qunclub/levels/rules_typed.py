"""What may be typed into the rules of the path, and how it is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from qunclub.kernel import N_, Invalid

from .rules import NUMBERS, Ladder

MOST = 1_000_000
MOST_DAYS = 3650
MOST_WORDS = 1_000
MOST_REASON = 500


def check(ladder: Ladder, kinds: Mapping[str, Any]) -> None:
    """Refuse what no ladder may ask.

    Args:
        kinds: the kinds of points there are.

    Raises:
        Invalid: naming the field of the form, ``<level>_<condition>``.
    """
    for name, least in (("recent_days", 1), ("grace_days", 1), ("stay_days", 0), ("clean_days", 0)):
        _between(getattr(ladder, name), least, MOST_DAYS, name)
    for level, rung in ladder.rungs.items():
        for name in NUMBERS:
            _between(getattr(rung.conditions, name), 0, MOST, f"{level}_{name}")
        for name in ("kinds", "recent_kinds"):
            for kind, least in getattr(rung.conditions, name).items():
                if kind not in kinds:
                    raise Invalid(
                        N_("%(kind)s is no kind of points."), field=f"{level}_{name}", kind=kind[:40]
                    )
                _between(least, 1, MOST, f"{level}_{name}")
        if len(rung.duties) > MOST_WORDS:
            raise Invalid(
                N_("This text is longer than %(limit)s characters."),
                field=f"{level}_duties",
                limit=MOST_WORDS,
            )


def _between(value: int, least: int, most: int, name: str) -> None:
    if not least <= value <= most:
        raise Invalid(
            N_("Write a number between %(least)s and %(most)s."), field=name, least=least, most=most
        )


def parse_kinds(
    typed: str, field: str, names: Mapping[str, str] | None = None, *, example: str = "answer_best 20"
) -> dict[str, int]:
    """Read ``answer_best 20, piece_delivered 40``; commas of both scripts, one kind once.

    Args:
        names: what else a kind may be called, in small letters, and its code.
        example: for whoever typed something else.

    Raises:
        Invalid: on *field*.

    >>> parse_kinds("answer_best 20，Lesson completed 40", "x", {"lesson completed": "lesson_completed"})
    {'answer_best': 20, 'lesson_completed': 40}
    """
    found: dict[str, int] = {}
    for part in _COMMAS.split(typed):
        *words, many = part.replace("=", " ").split() or [""]
        if not words and not many:
            continue
        called = " ".join(words)
        kind = (names or {}).get(called.casefold(), called)
        if not kind or " " in kind or not many.isdecimal() or len(many) > 7 or kind in found:
            raise Invalid(
                N_("Write each kind with its points, with commas between them, such as: %(example)s."),
                field=field,
                example=example,
            )
        found[kind] = int(many)
    return found


_COMMAS = re.compile("[,，、\n]")


def typeable(labels: Mapping[str, str]) -> dict[str, str]:
    """Of the *labels* of kinds by code those that can be told apart when they are typed.

    >>> typeable({"a": "Talk", "b": "Walk, or run", "c": "Swim", "d": "swim"})
    {'a': 'Talk'}
    """
    many = Counter(label.casefold() for label in labels.values())
    return {
        kind: label
        for kind, label in labels.items()
        if many[label.casefold()] == 1 and "=" not in label and not _COMMAS.search(label)
    }


def written_kinds(kinds: Mapping[str, int], labels: Mapping[str, str] | None = None) -> str:
    """The opposite of :func:`parse_kinds`, with *labels* by code in place of the codes."""
    return ", ".join(f"{(labels or {}).get(kind, kind)} {least}" for kind, least in kinds.items())


def check_reason(reason: str) -> str:
    """A reason as it is kept.

    Raises:
        Invalid: without one, or when it is too long.
    """
    words = " ".join(reason.split())
    if not words:
        raise Invalid(N_("Write the reason; the member reads it on their path."), field="reason")
    if len(words) > MOST_REASON:
        raise Invalid(N_("Write the reason in up to %(most)s characters."), field="reason", most=MOST_REASON)
    return words
