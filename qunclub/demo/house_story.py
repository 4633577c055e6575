"""The rules of the house in the demo: open hours as the policies tell them, a warning, and a report that waits."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import house
from qunclub.groups.models import Seat
from qunclub.house.rules_windows import parse
from qunclub.kernel import Actor

from .story import Story

HOURS = {"foundation": ("1-7 20:30-21:30", 0), "diehard": ("1-7 8:00-22:30", 30)}
HOST, REPORTER = "xiangxiaoman@example.com", "linkehe@example.com"


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    people: dict[str, Actor]
    staff: dict[str, Actor]
    lines: dict[str, int]

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """So many days ago."""


def add_house(story: Story, cast: Cast) -> None:
    """Hours from the beginning; what was reported, in the last days."""
    story.add(cast.ago(420), lambda session, now: _hours(session, cast, now))
    story.add(cast.ago(6), lambda session, now: _warned(session, cast, now))
    story.add(cast.ago(1), lambda session, now: _waits(session, cast, now))


def _hours(session: Session, cast: Cast, now: dt.datetime) -> None:
    for slug, (hours, slow) in HOURS.items():
        house.set_schedule(
            session,
            line_id=cast.lines[slug],
            group_id=None,
            windows=parse(hours),
            slow_seconds=slow,
            version=0,
            actor=cast.staff[HOST],
            now=now,
        )


def _seats_beside(session: Session, cast: Cast) -> tuple[int, list[int]]:
    """The reporter, and the seats of others in their study group, in order."""
    reporter = cast.people[REPORTER].member_id
    assert reporter is not None  # the people were made first
    mine = select(Seat.group_id).where(
        Seat.member_id == reporter, Seat.state == "admitted", Seat.line_id == cast.lines["diehard"]
    )
    others = select(Seat.id).where(
        Seat.group_id.in_(mine), Seat.state == "admitted", Seat.member_id != reporter
    )
    return reporter, list(session.scalars(others.order_by(Seat.id).limit(8)))


def _warned(session: Session, cast: Cast, now: dt.datetime) -> None:
    reporter, seats = _seats_beside(session, cast)
    if len(seats) < 2:
        return
    report = house.report(
        session,
        kind="conduct",
        subject_id=seats[-1],
        category="spam",
        reason="周三拆页时连发三条网店链接，和那一页稿子没有关系。",
        reporter_id=reporter,
        now=now,
    )
    house.decide(
        session,
        report_id=report.id,
        act="warning",
        days=0,
        reason="公约第 8 条：不刷屏、不发广告。这次先提醒，链接已请你撤回。",
        departure="",
        actor=cast.staff[HOST],
        now=now + dt.timedelta(minutes=20),
    )


def _waits(session: Session, cast: Cast, now: dt.datetime) -> None:
    reporter, seats = _seats_beside(session, cast)
    if len(seats) < 2:
        return
    house.report(
        session,
        kind="conduct",
        subject_id=seats[-2],
        category="abuse",
        reason="昨晚拆稿时追着人说“连这个都不会还来学”，劝了也不停。",
        reporter_id=reporter,
        now=now,
    )
