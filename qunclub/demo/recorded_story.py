"""What no room of the demo club sees by itself: the rules switched on for it, and what was written down since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Actor

from .story import Story

RULES_DAYS = 70
AMOUNTS = {"event_hosted": 8, "topic_led": 4}
SEEN = (
    ("zhongling@example.com", "event_hosted", 5, "周日看展：博物馆里的一面墙"),
    ("linkehe@example.com", "topic_led", 3, "话题：一本书怎么拆成六次作业"),
)
"""Who, what, how many days ago, in which words."""


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    people: dict[str, Actor]
    zone: ZoneInfo

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""


def add_recorded(story: Story, cast: Cast) -> None:
    """Let the kinds be switched on, and a few contributions be written down the day after."""
    story.add(cast.ago(RULES_DAYS), _switch_on(cast))
    for who, kind, days, what in SEEN:
        actor = cast.people.get(who)
        if actor is not None and actor.member_id is not None:
            story.add(cast.ago(days - 1), _recording(cast, actor.member_id, kind, cast.ago(days), what))


def _switch_on(cast: Cast) -> Callable[[Session, dt.datetime], None]:
    def switch_on(session: Session, now: dt.datetime) -> None:
        for kind, amount in AMOUNTS.items():
            points.set_rule(
                session,
                kind=kind,
                amount=amount,
                active=True,
                reason="线下活动和话题也是贡献，由管理员登记。",
                actor=cast.admin,
                now=now,
            )

    return switch_on


def _recording(
    cast: Cast, member_id: int, kind: str, at: dt.datetime, what: str
) -> Callable[[Session, dt.datetime], None]:
    def write_down(session: Session, now: dt.datetime) -> None:
        points.record(
            session,
            member_id=member_id,
            kind=kind,
            day=at.astimezone(cast.zone).date(),
            what=what,
            actor=cast.admin,
            now=now,
            zone=cast.zone,
        )

    return write_down
