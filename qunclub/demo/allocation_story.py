"""The works of one course of the demo are allocated evenly, and one instructor is away."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy.orm import Session

from qunclub import homework
from qunclub.kernel import Actor
from qunclub.kernel.ports import GroupBook

from .story import Story

COURSE = "true-charts"
AWAY = "miaoke@example.com"
REASON = "回成都乡下收玉米，山里信号不好。"


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    staff: dict[str, Actor]
    courses: dict[str, int]

    @property
    def admin(self) -> Actor: ...

    def ago(self, days: float, hour: float = 0) -> dt.datetime: ...

    def midnight(self, days: float, *, end: bool = False) -> dt.datetime: ...


def add_allocation(story: Story, cast: Cast, book: GroupBook) -> None:
    """The plan stands before the newest works come in; the instructor goes when some are meant for them."""
    story.add(cast.ago(2, 0.25), lambda session, now: _plan(session, cast, now))
    story.add(cast.ago(1), lambda session, now: _away(session, cast, book, now))


def _plan(session: Session, cast: Cast, now: dt.datetime) -> None:
    homework.set_plan(
        session,
        course_id=cast.courses[COURSE],
        mode="evenly",
        people={},
        version=0,
        actor=cast.admin,
        now=now,
    )


def _away(session: Session, cast: Cast, book: GroupBook, now: dt.datetime) -> None:
    who = cast.staff[AWAY]
    assert who.member_id is not None  # the people were made first
    homework.set_away(
        session,
        member_id=who.member_id,
        starts_at=cast.midnight(-1),
        ends_at=cast.midnight(6),
        reason=REASON,
        actor=who,
        now=now,
        book=book,
    )
