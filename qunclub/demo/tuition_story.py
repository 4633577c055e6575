"""A pass of the demo that gives tuition back, and members on their way."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import rewards
from qunclub.homework.models import Assignment
from qunclub.kernel import Actor
from qunclub.passes.models import Plan, PlanCourse
from qunclub.rewards.services import PromiseDraft

from .story import Story


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""


def add_tuition(story: Story, cast: Cast, first_day: float) -> None:
    """Promised before the first member came; followed up at the end, as the sweeper would."""
    story.add(cast.ago(first_day), lambda session, now: _promise(session, cast, now))
    story.add(cast.now, lambda session, now: _follow(session, now))


def _promise(session: Session, cast: Cast, now: dt.datetime) -> None:
    plans = session.scalars(
        select(Plan).where(Plan.interval == "", Plan.price > 0, Plan.state == "on_sale").order_by(Plan.id)
    )
    for plan in plans:
        works = session.scalars(
            select(Assignment.id)
            .join(PlanCourse, PlanCourse.course_id == Assignment.course_id)
            .where(PlanCourse.plan_id == plan.id, Assignment.state == "published")
            .order_by(Assignment.id)
        ).all()
        if len(works) >= 2:
            draft = PromiseDraft(
                plan_id=plan.id,
                works=2,
                assignment_ids=tuple(works),
                kind="refund",
                days=365,
                percent=30,
            )
            rewards.promise(session, draft=draft, actor=cast.admin, now=now)
            return


def _follow(session: Session, now: dt.datetime) -> None:
    rewards.enrol(session, now=now)
