"""What makes a course and a lesson right, and what a member does next in one."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from qunclub.kernel import N_, Access, Invalid

STATES = ("draft", "published")
MOST_DAYS = 3650
MOST_MINUTES = 600
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class Opening:
    """What decides when a lesson opens.

    Attributes:
        opens_at: not before this moment.
        opens_after_days: not before so many days after the reader's own start.
    """

    lesson_id: int
    preview: bool = False
    opens_at: dt.datetime | None = None
    opens_after_days: int | None = None


@dataclass(frozen=True, slots=True)
class LessonMark:
    """A lesson as an outline shows it.

    Attributes:
        readable: whether its text may be shown; what was done stays marked as done when a pass ends, unread.
        state: ``done``, ``open``, ``preview``; or closed: ``locked`` (no access), ``later`` (see *opens_at*),
            ``in_turn`` (the lesson *first* has to be done before).
    """

    lesson_id: int
    state: str
    readable: bool
    opens_at: dt.datetime | None = None
    first: int | None = None


def check_slug(slug: str) -> str:
    """*slug*, when it can stand in an address.

    Raises:
        Invalid: when it has anything but small letters, digits and single hyphens.
    """
    if len(slug) > 80 or not SLUG.fullmatch(slug):
        raise Invalid(N_("Use small letters, digits and hyphens only, such as first-page."), field="slug")
    return slug


def check_drip(opens_after_days: int | None) -> int | None:
    """The days after the reader's start, when they make sense; 0 means at once.

    Raises:
        Invalid: on the field ``opens_after_days``.
    """
    if opens_after_days is not None and not 0 <= opens_after_days <= MOST_DAYS:
        raise Invalid(
            N_("Write 0 to %(limit)s days, or leave it empty."), field="opens_after_days", limit=MOST_DAYS
        )
    return opens_after_days or None


def check_text(value: str, *, field: str) -> str:
    """*value* with its lines ended as text files end them, when it is not longer than a lesson may be.

    Raises:
        Invalid: when it is longer.
    """
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if len(value) > MAX_TEXT:
        raise Invalid(N_("This text is longer than %(limit)s characters."), field=field, limit=MAX_TEXT)
    return value


def marks(
    lessons: Sequence[Opening],
    *,
    done: Collection[int],
    access: Access,
    now: dt.datetime,
    ordered: bool = False,
) -> dict[int, LessonMark]:
    """How the outline marks each of *lessons*, in their order, for somebody with *access* to the course.

    What is done stays open, previews are open to everybody, and staff reads everything. A date goes before the
    turn: a lesson that opens next week says so, whatever else is to be done first.

    >>> now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    >>> two = [Opening(1, preview=True), Opening(2)]
    >>> [mark.state for mark in marks(two, done=(), access=Access(False, "no_pass"), now=now).values()]
    ['preview', 'locked']
    >>> [mark.state for mark in marks(two, done={1}, access=Access(True, "pass"), now=now).values()]
    ['done', 'open']
    """
    found: dict[int, LessonMark] = {}
    pending: int | None = None
    for one in lessons:
        found[one.lesson_id] = _mark(one, done, access, now, pending if ordered else None)
        if pending is None and one.lesson_id not in done:
            pending = one.lesson_id
    return found


def _mark(
    one: Opening, done: Collection[int], access: Access, now: dt.datetime, first: int | None
) -> LessonMark:
    if one.lesson_id in done:
        return LessonMark(one.lesson_id, "done", access.allowed or one.preview)
    if not access.allowed:
        return LessonMark(one.lesson_id, "preview" if one.preview else "locked", one.preview)
    if one.preview or access.reason == "staff":
        return LessonMark(one.lesson_id, "open", True)
    opens = opening_moment(one, access.since)
    if opens is not None and opens > now:
        return LessonMark(one.lesson_id, "later", False, opens_at=opens)
    if first is not None:
        return LessonMark(one.lesson_id, "in_turn", False, first=first)
    return LessonMark(one.lesson_id, "open", True)


def opening_moment(one: Opening, since: dt.datetime | None) -> dt.datetime | None:
    """When a lesson opens to somebody who began at *since*; None when nothing holds it back."""
    moments = [one.opens_at] if one.opens_at is not None else []
    if one.opens_after_days and since is not None:
        moments.append(since + dt.timedelta(days=one.opens_after_days))
    return max(moments, default=None)


def next_lesson(lessons: Sequence[int], *, done: Collection[int]) -> int | None:
    """The first lesson not done, in order; None when all are.

    >>> next_lesson([7, 8, 9], done={7, 9})
    8
    """
    return next((one for one in lessons if one not in done), None)


class Begun(Protocol):
    """What is known of a reader in a lesson."""

    @property
    def id(self) -> int: ...
    @property
    def seen_at(self) -> dt.datetime | None: ...
    @property
    def completed_at(self) -> dt.datetime | None: ...


def where_i_was(lessons: Sequence[Begun]) -> int | None:
    """The lesson that the reader left last and has not finished; None when there is none."""
    begun = [(one.seen_at, one.id) for one in lessons if one.seen_at is not None and one.completed_at is None]
    return max(begun)[1] if begun else None


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
