"""What makes a course and a lesson right, and what a member does next in one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

STATES = ("draft", "published")
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class LessonMark:
    """A lesson as an outline shows it: ``done``, ``open``, ``preview`` or ``locked``."""

    lesson_id: int
    state: str


def check_slug(slug: str) -> str:
    """*slug*, when it can stand in an address.

    Raises:
        Invalid: when it has anything but small letters, digits and single hyphens.
    """
    if len(slug) > 80 or not SLUG.fullmatch(slug):
        raise Invalid(N_("Use small letters, digits and hyphens only, such as first-page."), field="slug")
    return slug


def check_text(value: str, *, field: str) -> str:
    """*value*, when it is not longer than a lesson may be."""
    if len(value) > MAX_TEXT:
        raise Invalid(N_("This text is longer than %(limit)s characters."), field=field, limit=MAX_TEXT)
    return value


def marks(
    lessons: Sequence[tuple[int, bool]], *, done: Collection[int], allowed: bool
) -> dict[int, LessonMark]:
    """How the outline marks each of *lessons* (id, is_preview) for somebody.

    >>> [m.state for m in marks([(1, True), (2, False)], done=(), allowed=False).values()]
    ['preview', 'locked']
    >>> [m.state for m in marks([(1, True), (2, False)], done={1}, allowed=True).values()]
    ['done', 'open']
    """
    found = {}
    for lesson_id, preview in lessons:
        if lesson_id in done:
            state = "done"
        elif allowed:
            state = "open"
        else:
            state = "preview" if preview else "locked"
        found[lesson_id] = LessonMark(lesson_id, state)
    return found


def next_lesson(lessons: Sequence[int], *, done: Collection[int]) -> int | None:
    """The first lesson not done, in order; None when all are.

    >>> next_lesson([7, 8, 9], done={7, 9})
    8
    """
    return next((one for one in lessons if one not in done), None)


def move(order: Sequence[int], item: int, step: int) -> list[int]:
    """*order* with *item* moved by *step* places, as far as it goes.

    >>> move([1, 2, 3], 3, -1)
    [1, 3, 2]
    >>> move([1, 2, 3], 1, -1)
    [1, 2, 3]
    """
    moved = list(order)
    place = moved.index(item)
    target = max(0, min(len(moved) - 1, place + step))
    moved.insert(target, moved.pop(place))
    return moved
