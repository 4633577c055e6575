"""A lesson that readers see for the first time: whoever wrote it earns for it, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Actor
from qunclub.members.models import Member

from .models import Course, Lesson


def deliver(
    session: Session, course: Course, lessons: Sequence[Lesson], *, now: dt.datetime, actor: Actor
) -> None:
    """Note which of these *lessons* are seen for the first time, and give their authors ``lesson_delivered``.

    A lesson is seen once it and its course are published. What was written before authors were kept earns nothing,
    nor does what became visible while the rule was off: the first time is the only one.
    """
    if course.state != "published":
        return
    fresh = [one for one in lessons if one.state == "published" and one.delivered_at is None]
    for lesson in fresh:
        lesson.delivered_at = now
    session.flush()
    authors = {one.author_id for one in fresh if one.author_id is not None}
    if not authors:
        return
    numbered = set(
        session.scalars(select(Member.id).where(Member.id.in_(authors), Member.number.is_not(None)))
    )
    points.award_many(
        session,
        [
            points.Award(one.author_id, "lesson_delivered", f"lesson:{one.id}:delivered", reason=one.title)
            for one in fresh
            if one.author_id is not None and one.author_id in numbered
        ],
        now=now,
        actor=actor,
    )


def deliver_all(session: Session, course: Course, *, now: dt.datetime, actor: Actor) -> None:
    """The same for a whole course that is published."""
    waiting = select(Lesson).where(
        Lesson.course_id == course.id, Lesson.state == "published", Lesson.delivered_at.is_(None)
    )
    deliver(session, course, session.scalars(waiting).all(), now=now, actor=actor)
