"""Reads of courses: each returns what one page needs, in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, literal, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import NotFound, Page, paginate

from .models import Course, Lesson, Progress


@dataclass(frozen=True, slots=True)
class CourseCard:
    """A course in the catalogue."""

    id: int
    slug: str
    title: str
    summary: str
    state: str
    lessons: int
    minutes: int
    done: int
    version: int = 0


@dataclass(frozen=True, slots=True)
class OutlineLesson:
    """A lesson in an outline, with how far one reader is."""

    id: int
    slug: str
    title: str
    summary: str
    minutes: int
    is_preview: bool
    position: int
    opened_at: dt.datetime | None
    completed_at: dt.datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class CourseView:
    """A course with its outline."""

    id: int
    slug: str
    title: str
    summary: str
    description_html: str
    state: str
    lessons: tuple[OutlineLesson, ...]

    @property
    def done(self) -> frozenset[int]:
        """The lessons that are finished."""
        return frozenset(one.id for one in self.lessons if one.completed_at is not None)


def catalogue(session: Session, *, member_id: int | None, staff: bool) -> list[CourseCard]:
    """Every course there is to see, with the reader's progress: one statement."""
    query = _cards(member_id).order_by(Course.position, Course.id)
    if not staff:
        query = query.where(Course.state == "published")
    return [CourseCard(*row) for row in session.execute(query)]


def admin_list(session: Session, *, q: str, state: str, page: int) -> Page[CourseCard]:
    """Courses for the admin's list."""
    query = _cards(None).order_by(Course.position, Course.id)
    if q:
        query = query.where(Course.title.contains(q, autoescape=True) | (Course.slug == q))
    if state:
        query = query.where(Course.state == state)
    found = paginate(session, query, page=page)
    cards = [CourseCard(*row) for row in found.items]
    return Page(items=cards, page=found.page, per_page=found.per_page, has_next=found.has_next)


def course_view(session: Session, *, slug: str, member_id: int | None, staff: bool) -> CourseView:
    """A course and its outline: two statements.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    row = session.execute(
        select(
            Course.id, Course.slug, Course.title, Course.summary, Course.description_html, Course.state
        ).where(Course.slug == slug)
    ).one_or_none()
    if row is None or (row.state != "published" and not staff):
        raise NotFound()
    return CourseView(*row, lessons=_outline(session, row.id, member_id))


def lesson_body(session: Session, lesson_id: int) -> str:
    """The rendered text of one lesson."""
    return session.scalars(select(Lesson.body_html).where(Lesson.id == lesson_id)).one()


def lesson_worth(session: Session) -> int:
    """What finishing a lesson earns at present."""
    rule = next(rule for rule in points.all_rules(session) if rule.kind == "lesson_completed")
    return rule.amount if rule.active else 0


def lessons_of(session: Session, course_id: int) -> tuple[OutlineLesson, ...]:
    """A course's lessons for the admin's page."""
    return _outline(session, course_id, None)


def choices(session: Session) -> list[Row[Any]]:
    """(id, title) of every course: for filters and forms."""
    return list(session.execute(select(Course.id, Course.title).order_by(Course.position, Course.id)))


def _outline(session: Session, course_id: int, member_id: int | None) -> tuple[OutlineLesson, ...]:
    mine: ColumnElement[bool] = and_(Progress.lesson_id == Lesson.id, Progress.member_id == (member_id or 0))
    rows = session.execute(
        select(
            Lesson.id,
            Lesson.slug,
            Lesson.title,
            Lesson.summary,
            Lesson.minutes,
            Lesson.is_preview,
            Lesson.position,
            Progress.opened_at,
            Progress.completed_at,
            Lesson.version,
        )
        .outerjoin(Progress, mine)
        .where(Lesson.course_id == course_id)
        .order_by(Lesson.position, Lesson.id)
    )
    return tuple(OutlineLesson(*tuple(row)) for row in rows)


def _cards(member_id: int | None) -> Any:
    lessons = select(func.count()).where(Lesson.course_id == Course.id).scalar_subquery()
    minutes = (
        select(func.coalesce(func.sum(Lesson.minutes), 0))
        .where(Lesson.course_id == Course.id)
        .scalar_subquery()
    )
    done = (
        select(func.count())
        .where(
            Progress.member_id == member_id,
            Progress.course_id == Course.id,
            Progress.completed_at.is_not(None),
        )
        .scalar_subquery()
        if member_id is not None
        else literal(0)
    )
    return select(
        Course.id,
        Course.slug,
        Course.title,
        Course.summary,
        Course.state,
        lessons.label("lessons"),
        minutes.label("minutes"),
        done.label("done"),
        Course.version,
    )
