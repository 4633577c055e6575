"""The seasons of the demo: a founding one that seats the first core group, one closed, one half way through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import courses, groups, points, seasons
from qunclub.courses import services_progress
from qunclub.courses.models import Course, Lesson
from qunclub.groups.models import Group
from qunclub.kernel import Access, Actor
from qunclub.passes.models import Pass, PlanCourse
from qunclub.seasons import services_calendar
from qunclub.seasons.models import Season

from . import content
from .story import Story


class Moments(Protocol):
    """The moments of the story, counted from the demo's today."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """So many days ago."""

    def midnight(self, days: float) -> dt.datetime:
        """Midnight in the club's zone, so many days from today."""


FOUNDING_DAYS = (225, 135)
FOUNDING_POINTS = 300
# What the formula learned since the seasons that are closed: leave, time to appeal, and what is asked beside points.
TODAY: dict[str, Any] = {"leaves": 1, "appeal_days": 7, "need_pass": True, "clean_days": 30}


def add_seasons(
    story: Story, people: dict[str, Actor], admin: Actor, core_group: int, moments: Moments
) -> None:
    """Add every season with its contributions to *story*."""
    told = content.table("seasons")["season"]
    founders = told[0]["core_before"]
    founding = {
        "slug": "founding", "name": "第二赛季 · 起稿", "start_days": -FOUNDING_DAYS[0], "end_days": -FOUNDING_DAYS[1],
        "status": "closed", "seats": told[0]["seats"], "eliminate": 0, "protection": 0,
        "contributions": [
            {"member": email, "days_ago": 140 + place, "points": FOUNDING_POINTS - 9 * place,
             "reason": "参与社群共建：整理资料、答疑、带新人"}
            for place, email in enumerate(founders)
        ],
    }  # fmt: skip
    for facts in [founding, *told]:
        season = _Season(facts, people, admin, core_group, moments)
        story.add(moments.midnight(facts["start_days"]), season.open)
        for given in facts["contributions"]:
            story.add(moments.ago(given["days_ago"], 1), season.contribution(given))
        if facts["status"] == "closed":
            story.add(moments.midnight(facts["end_days"]), season.close)
    story.add(moments.ago(4), season.announce_next)


class _Season:
    """One season of the story."""

    def __init__(
        self,
        facts: dict[str, Any],
        people: dict[str, Actor],
        admin: Actor,
        core_group: int,
        moments: Moments,
    ) -> None:
        self.facts = facts
        self.people = people
        self.admin = admin
        self.core_group = core_group
        self.moments = moments
        self.season_id = 0

    def open(self, session: Session, now: dt.datetime) -> None:
        """Plan and open it."""
        facts = self.facts
        season = seasons.create_season(
            session,
            slug=facts["slug"],
            name=facts["name"],
            starts_at=self.moments.midnight(facts["start_days"]),
            ends_at=self.moments.midnight(facts["end_days"]),
            seats=facts["seats"],
            eliminate=facts["eliminate"],
            protection=facts["protection"],
            min_points=1,
            offer_days=7,
            **(TODAY if facts["status"] != "closed" else {}),
            group_id=self.core_group,
            actor=self.admin,
            now=now,
        )
        seasons.open_season(session, season_id=season.id, actor=self.admin, now=now)
        self.season_id = season.id

    def announce_next(self, session: Session, now: dt.datetime) -> None:
        """The season that follows is announced already, with the same formula, and opens by itself."""
        this = session.get_one(Season, self.season_id)
        following = seasons.create_season(
            session,
            slug="rhythm",
            name="第五赛季 · 节奏",
            starts_at=this.ends_at,
            ends_at=this.ends_at + (this.ends_at - this.starts_at),
            seats=this.seats,
            eliminate=this.eliminate,
            protection=this.protection,
            min_points=this.min_points,
            offer_days=7,
            **TODAY,
            group_id=this.group_id,
            actor=self.admin,
            now=now,
        )
        services_calendar.announce(session, season_id=following.id, actor=self.admin, now=now)

    def contribution(self, given: dict[str, Any]) -> Callable[[Session, dt.datetime], None]:
        """Points granted by hand, with their reason."""

        def grant(session: Session, now: dt.datetime) -> None:
            member_id = self.people[given["member"]].member_id
            assert member_id is not None  # the people were made first
            points.award(
                session,
                member_id=member_id,
                kind="granted",
                source=f"demo:{self.facts['slug']}:{given['member']}:{given['days_ago']}",
                amount=given["points"],
                reason=given["reason"],
                occurred_at=now,
                now=now,
                actor=self.admin,
            )

        return grant

    def close(self, session: Session, now: dt.datetime) -> None:
        """Freeze, publish, close; who is in the core group accepts its covenant."""
        for step in (seasons.freeze, seasons.publish, seasons.close):
            step(session, season_id=self.season_id, actor=self.admin, now=now)
        line_id = session.get_one(Group, self.core_group).line_id
        covenant = groups.current_covenant(session, line_id)
        assert covenant is not None  # the core line of the texts has one
        for one in seasons.core_members(session):
            groups.accept_covenant(
                session, member_id=one.member_id, line_id=line_id, version=covenant.version, now=now
            )


class Reading:
    """A member reads lessons of the courses their pass opens."""

    def __init__(self, actor: Actor, days: int, place: int) -> None:
        self.actor = actor
        self.count = min(2 + days // 30 + place % 4, 14)

    def read(self, session: Session, now: dt.datetime) -> None:
        """Finish the first few."""
        assert self.actor.member_id is not None  # the people were made first
        lessons = session.scalars(
            select(Lesson)
            .join(PlanCourse, PlanCourse.course_id == Lesson.course_id)
            .join(Pass, Pass.plan_id == PlanCourse.plan_id)
            .where(Pass.member_id == self.actor.member_id)
            .order_by(Lesson.course_id, Lesson.position)
            .limit(self.count)
        ).all()
        for step, lesson in enumerate(lessons):
            courses.complete_lesson(
                session,
                member_id=self.actor.member_id,
                lesson_id=lesson.id,
                access=Access(allowed=True, reason="pass"),
                now=now + dt.timedelta(minutes=20 * step),
                actor=self.actor,
            )


class HalfWay:
    """A member has begun a course: some lessons done, the next one left in the middle."""

    def __init__(self, actor: Actor, course_id: int, done: int) -> None:
        self.actor = actor
        self.course_id = course_id
        self.done = done

    def read(self, session: Session, now: dt.datetime) -> None:
        """Finish *done* lessons, and leave the one after them before its middle."""
        assert self.actor.member_id is not None  # the people were made first
        slug = session.get_one(Course, self.course_id).slug
        lessons = session.execute(
            select(Lesson.id, Lesson.slug)
            .where(Lesson.course_id == self.course_id)
            .order_by(Lesson.position)
            .limit(self.done + 1)
        ).all()
        access = Access(allowed=True, reason="pass")
        for step, lesson in enumerate(lessons[:-1]):
            courses.complete_lesson(
                session,
                member_id=self.actor.member_id,
                lesson_id=lesson.id,
                access=access,
                now=now + dt.timedelta(minutes=20 * step),
                actor=self.actor,
            )
        services_progress.keep_place(
            session,
            slug=slug,
            lesson_slug=lessons[-1].slug,
            member_id=self.actor.member_id,
            text=420,
            media=None,
            access=access,
            now=now + dt.timedelta(minutes=20 * self.done + 8),
        )
