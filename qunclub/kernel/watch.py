"""Rooms above that follow a change of a room below, in the very transaction that makes it.

A signal comes after the commit and may be lost with the process; what must follow for certain is told here. Who
watches only writes rows of its own: no outside call, no lock of a table that comes before the one being changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SeatChange:
    """A seat in a group was given, or it ended.

    Attributes:
        what: ``admitted``, or how it ended: ``left`` (also an expired pass), ``removed`` (also a refund).
        reason: why it ended, as the member is told; empty for an admission.
        now: when (UTC).
    """

    seat_id: int
    group_id: int
    member_id: int
    what: Literal["admitted", "left", "removed"]
    reason: str
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A member is called otherwise, or lives elsewhere."""

    member_id: int


@dataclass(frozen=True, slots=True)
class MuteChange:
    """A mute was set in a group, or lifted; that a mute begins later or runs out is told to nobody.

    Attributes:
        member_id: whom it means; None: a role, or all. A member of whom such a mute is lifted was granted an exception.
        on: whether it was set; False: it was lifted.
        now: when (UTC).
    """

    mute_id: int
    group_id: int
    member_id: int | None
    on: bool
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class NameRuleChange:
    """The members of a line are called by another rule."""

    line_id: int


class Watchers(Generic[T]):
    """Who is told of one kind of change."""

    def __init__(self) -> None:
        self._told: list[Callable[[Session, T], None]] = []

    def add(self, told: Callable[[Session, T], None]) -> None:
        """From now on tell *told* too; twice is once."""
        if told not in self._told:
            self._told.append(told)

    def tell(self, session: Session, change: T) -> None:
        """Tell everybody of *change*; what one of them raises ends the transaction."""
        for told in self._told:
            told(session, change)


seats: Watchers[SeatChange] = Watchers()
profiles: Watchers[ProfileChange] = Watchers()
mutes: Watchers[MuteChange] = Watchers()
name_rules: Watchers[NameRuleChange] = Watchers()
