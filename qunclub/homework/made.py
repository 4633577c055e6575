"""What members show in the showcase, for pages of other rooms (``kernel.ports.MadeBook``)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.kernel.ports import Made

from .models import Assignment, ShowcaseEntry, Submission
from .queries_showcase import is_shown


def made(session: Session, *, member_ids: Collection[int], reader: str) -> dict[int, list[Made]]:
    """Works whose authors agreed that everybody sees them: one statement."""
    rows = session.execute(
        select(
            ShowcaseEntry.member_id,
            ShowcaseEntry.id,
            Assignment.title,
            Course.title,
            ShowcaseEntry.consented_at,
        )
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .where(ShowcaseEntry.member_id.in_(list(member_ids)), is_shown())
    )
    found: dict[int, list[Made]] = {}
    for member_id, ident, title, course, at in rows:
        if at is not None:  # shown works are consented to
            work = Made("work", title, course, "qunclub.showcase.show", {"entry_id": ident}, at)
            found.setdefault(member_id, []).append(work)
    return found
