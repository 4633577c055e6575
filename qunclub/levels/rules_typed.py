"""What may be typed into the rules of the path, and how it is read."""

from __future__ import annotations

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


def parse_kinds(typed: str, field: str) -> dict[str, int]:
    """Read ``answer_best 20, piece_delivered 40``; commas of both scripts, one kind once.

    Raises:
        Invalid: on *field*.

    >>> parse_kinds("answer_best 20，piece_delivered 40", "x")
    {'answer_best': 20, 'piece_delivered': 40}
    """
    found: dict[str, int] = {}
    for part in typed.replace("，", ",").replace("、", ",").replace("\n", ",").split(","):
        words = part.replace("=", " ").split()
        if not words:
            continue
        if len(words) != 2 or not words[1].isdecimal() or len(words[1]) > 7 or words[0] in found:
            raise Invalid(
                N_("Write kinds with their points, such as: answer_best 20, piece_delivered 40."), field=field
            )
        found[words[0]] = int(words[1])
    return found


def written_kinds(kinds: Mapping[str, int]) -> str:
    """The opposite of :func:`parse_kinds`."""
    return ", ".join(f"{kind} {least}" for kind, least in kinds.items())


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
