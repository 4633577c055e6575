"""What must hold of courses on a live database."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from . import doctor_conditions, doctor_media, doctor_questions
from .models import Lesson, Progress


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Progress that names the wrong course would count towards it, and towards its points: one statement."""
    strays = (
        session.scalar(
            select(func.count())
            .select_from(Progress)
            .join(Lesson, Lesson.id == Progress.lesson_id)
            .where((Lesson.course_id != Progress.course_id) | (Progress.completed_at < Progress.opened_at))
        )
        or 0
    )
    found = [
        *doctor_questions.check(session),
        *doctor_media.check(session),
        *doctor_conditions.check(session),
    ]
    if not strays:
        return found
    return [
        Finding(
            9,
            f"{strays} lines of progress name another course than their lesson's, or end before they begin.",
            {"lines": strays},
        ),
        *found,
    ]
