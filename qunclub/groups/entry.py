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


def disputed_among(session: Session, seat_ids: Collection[int]) -> set[int]:
    """The seats of these whose every pass is suspended because its payment is disputed."""
    if not seat_ids:
        return set()
    return set[int]().union(*(ask(session, seat_ids) for ask in DISPUTED))


def opened_by(session: Session, group_id: int) -> list[str]:
    """Titles of courses that a seat in this group opens, whatever else may open them."""
    return [title for ask in OPENED_BY for title in ask(session, group_id)]
