"""Lessons that members wrote, for pages of other rooms (``kernel.ports.MadeBook``)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel.ports import Made
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member

from .models import Course, Lesson


def made(session: Session, *, member_ids: Collection[int], reader: str) -> dict[int, list[Made]]:
    """Published lessons of published courses, by whoever wrote their first version: one statement."""
    rows = session.execute(
        select(Member.id, Lesson.title, Lesson.slug, Course.title, Course.slug, AuditEntry.at)
        .join(AuditEntry, AuditEntry.actor_key == Member.user_key)
        .join(Lesson, Lesson.id == AuditEntry.details["lesson"].as_integer())
        .join(Course, Course.id == Lesson.course_id)
        .where(
            Member.id.in_(list(member_ids)),
            AuditEntry.action == "lesson.create",
            Lesson.state == "published",
            Course.state == "published",
        )
    )
    found: dict[int, list[Made]] = {}
    for member_id, title, slug, course, course_slug, at in rows:
        where = {"slug": course_slug, "lesson_slug": slug}
        found.setdefault(member_id, []).append(
            Made("lesson", title, course, "qunclub.courses.lesson", where, at)
        )
    return found
