"""What stands on the boards of the demo's groups: announcements, receipts, questions and answers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import board, notices
from qunclub.board import services_welcome
from qunclub.groups import rules_welcome
from qunclub.groups.models import GroupLine, Seat
from qunclub.groups.services_welcome import TASK, set_welcome
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.notices.models import Notice

from . import content
from .story import Story

WELCOMED_SINCE = 40
"""Days ago."""
_NAMED = re.compile(r"@\{([^}]+)\}")


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    zone: ZoneInfo
    people: dict[str, Actor]
    staff: dict[str, Actor]
    lines: dict[str, int]

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""


def add_boards(story: Story, cast: Cast) -> None:
    """Let every post be written at its moment."""
    story.add(cast.ago(WELCOMED_SINCE), _turn_on(cast))
    for place, told in enumerate(content.table("board")["post"]):
        # Those of one day follow each other in the order of the file.
        story.add(cast.ago(told["days"], place / 10), _writing(cast, told))


def _turn_on(cast: Cast) -> Callable[[Session, dt.datetime], None]:
    def turn_on(session: Session, now: dt.datetime) -> None:
        for line_id in cast.lines.values():
            if session.get_one(GroupLine, line_id).kind != "core":
                set_welcome(
                    session, line_id=line_id, version=0, mode=rules_welcome.COLLECTED, words_zh="", words_en="",
                    actor=Actor.system("demo"), now=now,
                )  # fmt: skip

    return turn_on


def welcome_newcomers(session: Session, zone: dt.tzinfo) -> None:
    """Carry out the welcomes that the story has left to be done, each on the day on which the member came."""
    due = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == TASK)).all()
    came = []
    for one in due:
        seat = session.scalars(
            select(Seat).where(
                Seat.group_id == one.payload["group"],
                Seat.member_id == one.payload["member"],
                Seat.state == "admitted",
            )
        ).one_or_none()
        if seat is not None and seat.admitted_at is not None:
            came.append((seat.admitted_at, one.payload["group"], one.payload["member"]))
    for at, group_id, member_id in sorted(came):
        services_welcome.welcome(session, group_id=group_id, member_id=member_id, now=at, zone=zone)


def read_old_notices(session: Session, now: dt.datetime) -> None:
    """Whoever comes to the demo has read what is older than some days."""
    old = (
        select(Notice.member_id, func.max(Notice.id))
        .where(Notice.created_at < now - dt.timedelta(days=4), Notice.read_at.is_(None))
        .group_by(Notice.member_id)
    )
    for member_id, newest in session.execute(old).all():
        notices.mark_read(session, member_id=member_id, upto=newest, now=now)


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
