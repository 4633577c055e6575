"""The path of the demo's members: rules an admin wrote, a look every other week, somebody set by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from sqlalchemy.orm import Session

from qunclub import levels
from qunclub.kernel import Actor
from qunclub.levels.rules import DEFAULT, Conditions, Rung
from qunclub.members.models import Member

from .story import Story

RULES_DAYS = 120
LOOKS = range(RULES_DAYS - 1, 0, -14)
HAND_DAYS = 20
HAND = "tangyuxin@example.com"

LADDER = replace(
    DEFAULT,
    rungs={
        "participant": Rung(duties="读完群公约，用群昵称。"),
        "contributor": Rung(
            Conditions(points=120, works=1, days=14, has_pass=True, clean=True),
            frozenset({"more_files"}),
            "看到新人提问，先答一句再走。\n每个赛季至少交一份作业。",
        ),
        "opinion_leader": Rung(
            Conditions(points=320, recent_points=60, works=1, days=45, has_pass=True, clean=True),
            frozenset({"more_files", "more_appeals", "lead_projects"}),
            "每月主持或参与一次话题讨论。\n愿意在项目里带两三个人。",
        ),
        "core": Rung(
            Conditions(), DEFAULT.rungs["core"].rights, "对外说的话，要经得起别人引用。\n分到的任务按期交付。"
        ),
    },
    grace_days=21,
    stay_days=30,
    clean_days=30,
)


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    people: dict[str, Actor]

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""


def add_levels(story: Story, cast: Cast) -> None:
    """Let the rules be written, and everybody be looked at since."""
    story.add(cast.ago(RULES_DAYS), _writing(cast))
    for days in (*LOOKS, 0):
        story.add(cast.ago(days, 10), look)
    story.add(cast.ago(HAND_DAYS, 11), _by_hand(cast))


def _writing(cast: Cast) -> Callable[[Session, dt.datetime], None]:
    def write(session: Session, now: dt.datetime) -> None:
        levels.ensure_ladder(session, now)
        draft = levels.save_draft(session, ladder=LADDER, version=0, now=now, actor=cast.admin)
        levels.put_in_force(
            session,
            version=draft.version,
            reason="社群还小，门槛先低一点，写清每一级的责任。",
            now=now,
            actor=cast.admin,
        )

    return write


def _by_hand(cast: Cast) -> Callable[[Session, dt.datetime], None]:
    def set_(session: Session, now: dt.datetime) -> None:
        actor = cast.people.get(HAND) or next(iter(cast.people.values()))
        member = session.get_one(Member, actor.member_id)
        if member.number is None or levels.levels_of(session, [member.number]).get(member.number) == "core":
            return
        levels.set_by_hand(
            session,
            number=member.number,
            level="contributor",
            until=now + dt.timedelta(days=60),
            reason="连着三场线下见面会都在帮忙签到。",
            now=now,
            actor=cast.admin,
        )

    return set_


def look(session: Session, now: dt.datetime) -> None:
    """What the job worker does, at one moment of the story."""
    levels.follow(session, now=now)
    levels.enrol(session, now=now)
    while levels.look(session, now=now):
        pass
