"""What stands on the boards of the demo's groups: announcements, receipts, questions and answers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import board
from qunclub.kernel import Actor
from qunclub.members.models import Member

from . import content
from .story import Story

_NAMED = re.compile(r"@\{([^}]+)\}")


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    zone: ZoneInfo
    people: dict[str, Actor]
    staff: dict[str, Actor]

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""


def add_boards(story: Story, cast: Cast) -> None:
    """Let every post be written at its moment."""
    for place, told in enumerate(content.table("board")["post"]):
        # Those of one day follow each other in the order of the file.
        story.add(cast.ago(told["days"], place / 10), _writing(cast, told))


def _writing(cast: Cast, told: Mapping[str, Any]) -> Callable[[Session, dt.datetime], None]:
    everybody = {**cast.people, **cast.staff}

    def write(session: Session, now: dt.datetime) -> None:
        def number(found: re.Match[str]) -> str:
            member_id = everybody[found[1]].member_id
            return f"@{session.scalar(select(Member.number).where(Member.id == member_id))}"

        by = everybody[told["by"]]
        post = board.write(
            session,
            slug=told["group"],
            actor=by,
            body_md=_NAMED.sub(number, told["body"]),
            title=told.get("announcement", ""),
            announcement="announcement" in told,
            open_answers=told.get("open", True),
            answer_to=told.get("n"),
            zone=cast.zone,
            now=now,
        )
        if told.get("pin"):
            board.pin(session, slug=told["group"], n=post.n, on=True, actor=by, now=now)
        for place, email in enumerate(told.get("received", ())):
            at = now + dt.timedelta(minutes=7 * place + 3)
            board.receive(session, slug=told["group"], n=post.n, actor=cast.people[email], now=at)

    return write
