"""Levels of a criterion: instead of any number, one of a few steps that are described in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

MAX_LEVELS = 10
MAX_TITLE = 80
MAX_DESCRIPTION = 400


@dataclass(frozen=True, slots=True)
class LevelSpec:
    """A step of a criterion, as an admin writes it and a reviewer chooses it."""

    points: int
    title: str
    description: str = ""


def check_levels(criterion: str, max_points: int, levels: Sequence[LevelSpec]) -> None:
    """Refuse levels nobody could choose among; no level at all means that any number is given.

    Args:
        criterion: its name, for the message.

    Raises:
        Invalid: on ``criteria``, naming the criterion.
    """
    if not levels:
        return
    if not 2 <= len(levels) <= MAX_LEVELS:
        raise Invalid(
            N_("“%(criterion)s”: give it between 2 and %(most)s levels, or none."),
            field="criteria",
            criterion=criterion,
            most=MAX_LEVELS,
        )
    for one in levels:
        if not one.title.strip():
            raise Invalid(
                N_("“%(criterion)s”: every level needs a name."), field="criteria", criterion=criterion
            )
        if len(one.title) > MAX_TITLE or len(one.description) > MAX_DESCRIPTION:
            raise Invalid(
                N_("“%(criterion)s”: the words of a level are too long."),
                field="criteria",
                criterion=criterion,
            )
        if not 0 <= one.points <= max_points:
            raise Invalid(
                N_("“%(criterion)s”: the points of a level lie between 0 and %(most)s."),
                field="criteria",
                criterion=criterion,
                most=max_points,
            )
    if len({one.points for one in levels}) < len(levels):
        raise Invalid(
            N_("“%(criterion)s”: two levels have the same points."), field="criteria", criterion=criterion
        )


def chosen(criterion: str, levels: Sequence[LevelSpec], points: int) -> LevelSpec | None:
    """The level that *points* name; None for a criterion without levels.

    >>> steps = (LevelSpec(10, "clear"), LevelSpec(5, "almost"))
    >>> chosen("Clear", steps, 5).title
    'almost'

    Raises:
        Invalid: on ``scores``, naming the criterion and its levels, when there is none of so many points.
    """
    if not levels:
        return None
    for one in levels:
        if one.points == points:
            return one
    raise Invalid(
        N_("“%(criterion)s” is judged by levels: choose one of %(points)s points."),
        field="scores",
        criterion=criterion,
        points=", ".join(str(one.points) for one in levels),
    )
