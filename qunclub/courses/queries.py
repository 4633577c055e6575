"""Reads of courses: each returns what one page needs, in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, func, literal, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import NotFound, Page, paginate, reads

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


CourseRow = tuple[int, str, str, str, str, str]


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


@cache
def _course() -> Select[*tuple[Any, ...]]:
    return select(
        Course.id, Course.slug, Course.title, Course.summary, Course.description_html, Course.state
    ).where(Course.slug == bindparam("slug"))


def course_view(session: Session, *, slug: str, member_id: int | None, staff: bool) -> CourseView:
    """A course and its outline: two statements.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    row = reads.one(session, _course(), slug=slug)
    if row is None or (row.state != "published" and not staff):
        raise NotFound()
    return CourseView(*cast("CourseRow", tuple(row)), _outline(session, row.id, member_id))


@cache
def _page() -> Select[*tuple[Any, ...]]:
    course: list[Any] = [
        Course.id, Course.slug, Course.title, Course.summary, Course.description_html, Course.state,
    ]  # fmt: skip
    body = case((Lesson.slug == bindparam("lesson"), Lesson.body_html), else_="")
    return (
        select(*course, body, *_of_lesson())
        .select_from(Course)
        .join(Lesson, Lesson.course_id == Course.id)
        .outerjoin(Progress, _mine())
        .where(Course.slug == bindparam("slug"))
        .order_by(Lesson.position, Lesson.id)
    )


def lesson_page(
    session: Session, *, slug: str, lesson_slug: str, member_id: int | None, staff: bool
) -> tuple[CourseView, OutlineLesson, str]:
    """A course with its outline, one of its lessons, and that lesson's rendered text: one statement.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    rows = reads.rows(session, _page(), slug=slug, lesson=lesson_slug, member=member_id or 0)
    if not rows or (rows[0].state != "published" and not staff):
        raise NotFound()
    outline = tuple(OutlineLesson(*row[7:]) for row in rows)
    for row, lesson in zip(rows, outline, strict=True):
        if lesson.slug == lesson_slug:
            return CourseView(*cast("CourseRow", tuple(row[:6])), outline), lesson, row[6]
    raise NotFound()


def _view(row: Any, lessons: tuple[OutlineLesson, ...]) -> CourseView:
    ident, slug, title, summary, description_html, state = row[:6]
    return CourseView(ident, slug, title, summary, description_html, state, lessons)


def lesson_worth(session: Session) -> int:
    """What finishing a lesson earns at present."""
    rule = points.rules_in_force(session)["lesson_completed"]
    return rule.amount if rule.active else 0


def lessons_of(session: Session, course_id: int) -> tuple[OutlineLesson, ...]:
    """A course's lessons for the admin's page."""
    return _outline(session, course_id, None)


def choices(session: Session) -> list[Row[Any]]:
    """(id, title) of every course: for filters and forms."""
    return list(session.execute(select(Course.id, Course.title).order_by(Course.position, Course.id)))


def _outline(session: Session, course_id: int, member_id: int | None) -> tuple[OutlineLesson, ...]:
    rows = reads.rows(session, _lessons(), course=course_id, member=member_id or 0)
    return tuple(OutlineLesson(*row) for row in rows)


def _of_lesson() -> list[Any]:
    return [
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
    ]


def _mine() -> ColumnElement[bool]:
    return and_(Progress.lesson_id == Lesson.id, Progress.member_id == bindparam("member"))


@cache
def _lessons() -> Select[*tuple[Any, ...]]:
    return (
        select(*_of_lesson())
        .outerjoin(Progress, _mine())
        .where(Lesson.course_id == bindparam("course"))
        .order_by(Lesson.position, Lesson.id)
    )


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
