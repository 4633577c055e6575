"""The showcase: consent is asked of the database every time, so a withdrawal counts at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.kernel import NotFound, Page, paginate
from qunclub.kernel.text import plain
from qunclub.members.models import Member

from .models import Assignment, Attempt, ShowcaseEntry, Submission, SubmissionFile
from .queries import FileView
from .uploads import PICTURES


@dataclass(frozen=True, slots=True)
class ShowcaseCard:
    """Featured work in the showcase."""

    entry_id: int
    title: str
    author: str
    course: str
    excerpt: str
    picture_id: int | None


def _shown() -> Any:
    return (
        select(
            ShowcaseEntry.id,
            ShowcaseEntry.attempt_id,
            ShowcaseEntry.member_id,
            ShowcaseEntry.submission_id,
            ShowcaseEntry.consented_at,
            Assignment.title,
            Course.title.label("course"),
            Course.slug.label("course_slug"),
            Member.nickname,
            Member.name,
            Attempt.body_html,
        )
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .join(Attempt, Attempt.id == ShowcaseEntry.attempt_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == ShowcaseEntry.member_id)
        .where(ShowcaseEntry.consented_at.is_not(None), Submission.featured.is_(True))
    )


def showcase(session: Session, *, page: int, course_id: int | None = None) -> Page[ShowcaseCard]:
    """Featured work whose authors consent, newest first: two statements."""
    query = _shown().order_by(ShowcaseEntry.consented_at.desc(), ShowcaseEntry.id.desc())
    if course_id is not None:
        query = query.where(Course.id == course_id)
    found = paginate(session, query, page=page, per_page=24)
    pictures = first_pictures(session, [row.attempt_id for row in found.items])
    cards = [
        ShowcaseCard(
            entry_id=row.id,
            title=row.title,
            author=row.nickname or row.name,
            course=row.course,
            excerpt=plain(row.body_html, 120),
            picture_id=pictures.get(row.attempt_id),
        )
        for row in found.items
    ]
    return Page(items=cards, page=found.page, per_page=found.per_page, has_next=found.has_next)


def showcase_entry(session: Session, entry_id: int) -> Any:
    """One shown work.

    Raises:
        NotFound: also when its author does not consent (any more).
    """
    row = session.execute(_shown().where(ShowcaseEntry.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound()
    return row


def pictures_of(session: Session, attempt_id: int) -> list[FileView]:
    """The pictures of an attempt: all that strangers see of its files."""
    rows = session.execute(
        select(SubmissionFile.id, SubmissionFile.name, SubmissionFile.content_type, SubmissionFile.size)
        .where(SubmissionFile.attempt_id == attempt_id, SubmissionFile.content_type.in_(PICTURES))
        .order_by(SubmissionFile.id)
    )
    return [FileView(*row) for row in rows]


def first_pictures(session: Session, attempt_ids: Iterable[int]) -> dict[int, int]:
    """The first picture of each attempt."""
    found: dict[int, int] = {}
    rows = session.execute(
        select(SubmissionFile.attempt_id, SubmissionFile.id)
        .where(SubmissionFile.attempt_id.in_(list(attempt_ids)), SubmissionFile.content_type.in_(PICTURES))
        .order_by(SubmissionFile.id)
    )
    for attempt_id, file_id in rows:
        found.setdefault(attempt_id, file_id)
    return found
