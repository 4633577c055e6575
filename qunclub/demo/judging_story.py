"""One assignment of the demo is reviewed blind, and its newest work waits for a second judgement."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import homework
from qunclub.homework.models import Assignment, Criterion, Submission
from qunclub.kernel import Actor

from .story import Story

SLUG = "two-versions"
FIRST = "luhuaiyuan@example.com"
SCORES = (8, 8, 9, 7)
COMMENT = (
    "演示版只留四个字，敢这样留白是因为心里有底。讲义的五个问题很好用；"
    "三页里可以先砍掉器物年代的考证，老师现场用不上。"
)


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    staff: dict[str, Actor]
    assignments: dict[str, int]

    @property
    def admin(self) -> Actor: ...

    def ago(self, days: float, hour: float = 0) -> dt.datetime: ...


def add_judging(story: Story, cast: Cast) -> None:
    """It is set before the newest work is handed in; the first of its two judgements is there at the end."""
    story.add(cast.ago(2, 0.25), lambda session, now: _set(session, cast, now))
    story.add(cast.ago(0), lambda session, now: _judge(session, cast, now))


def _set(session: Session, cast: Cast, now: dt.datetime) -> None:
    row = session.get_one(Assignment, cast.assignments[SLUG])
    homework.set_judging(
        session,
        assignment_id=row.id,
        version=row.version,
        wanted=homework.Judging(blind="author", second_percent=100, divergence=10),
        actor=cast.admin,
        now=now,
    )


def _judge(session: Session, cast: Cast, now: dt.datetime) -> None:
    drawn = select(Submission).where(
        Submission.assignment_id == cast.assignments[SLUG], Submission.sampled, Submission.state == "waiting"
    )
    row = session.scalars(drawn.order_by(Submission.id)).first()
    if row is None:
        return
    criteria = session.scalars(
        select(Criterion.id)
        .join(Assignment, Assignment.rubric_id == Criterion.rubric_id)
        .where(Assignment.id == row.assignment_id)
        .order_by(Criterion.position)
    ).all()
    homework.review(
        session,
        submission_id=row.id,
        version=row.version,
        verdict="accept",
        scores=dict(zip(criteria, SCORES, strict=True)),
        comment_md=COMMENT,
        actor=cast.staff[FIRST],
        now=now,
    )
