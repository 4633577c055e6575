"""What rooms above know of seats and groups, asked through lists that they add to when they are loaded.

Groups stand below passes and courses: that a payment is disputed, or that a seat opens a course, is told to them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

DISPUTED: list[Callable[[Session, Collection[int]], set[int]]] = []
"""(session, seat ids) → the seats kept by nothing but suspended passes: one statement each."""

OPENED_BY: list[Callable[[Session, int], list[str]]] = []
"""(session, group id) → titles of courses that a seat in the group opens: one statement each."""

MOVED: list[Callable[[Session, Collection[int]], None]] = []
"""(session, seat ids): what follows when these seats were moved to another group, in the same transaction."""

MERGED: list[Callable[[Session, int, int], None]] = []
"""(session, id of the closed group, id of the one it is part of now): what leads on, in the same transaction."""

PURPOSES: list[Callable[[Session, Collection[int]], dict[int, str]]] = []
"""(session, seat ids) → what the passes that keep them are for, the address of a course: one statement each."""


def moved(session: Session, seat_ids: Collection[int]) -> None:
    """Tell the rooms above that these seats are in another group now."""
    if seat_ids:
        for tell in MOVED:
            tell(session, seat_ids)


def merged(session: Session, from_id: int, into_id: int) -> None:
    """Tell the rooms above that a group is closed and part of another now."""
    for tell in MERGED:
        tell(session, from_id, into_id)


def purposes_of(session: Session, seat_ids: Collection[int]) -> dict[int, str]:
    """What the seats' passes are for, of those that are for something."""
    found: dict[int, str] = {}
    for ask in PURPOSES if seat_ids else ():
        found |= ask(session, seat_ids)
    return found


def disputed_among(session: Session, seat_ids: Collection[int]) -> set[int]:
    """The seats of these whose every pass is suspended because its payment is disputed."""
    if not seat_ids:
        return set()
    return set[int]().union(*(ask(session, seat_ids) for ask in DISPUTED))


def opened_by(session: Session, group_id: int) -> list[str]:
    """Titles of courses that a seat in this group opens, whatever else may open them."""
    return [title for ask in OPENED_BY for title in ask(session, group_id)]
