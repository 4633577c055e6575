"""Reads of courses: each returns what one page needs, in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, func, literal, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Access, NotFound, Page, paginate, reads

from . import rules
from .models import Course, Lesson, LessonVersion, Progress


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
    state: str
    opens_at: dt.datetime | None
    opens_after_days: int | None
    kind: str = "article"
    text_at: int | None = None
    media_at: int | None = None
    seen_at: dt.datetime | None = None

    @property
    def opening(self) -> rules.Opening:
        """What decides when it opens."""
        return rules.Opening(self.id, self.is_preview, self.opens_at, self.opens_after_days)


CourseRow = tuple[int, str, str, str, str, str, bool]


@dataclass(frozen=True, slots=True)
class CourseView:
    """A course with its outline."""

    id: int
    slug: str
    title: str
    summary: str
    description_html: str
    state: str
    ordered: bool
    lessons: tuple[OutlineLesson, ...]

    def marks(self, access: Access, now: dt.datetime) -> dict[int, rules.LessonMark]:
        """What of it is open to somebody with *access*."""
        openings = [one.opening for one in self.lessons]
        return rules.marks(openings, done=self.done, access=access, now=now, ordered=self.ordered)

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
        Course.id,
        Course.slug,
        Course.title,
        Course.summary,
        Course.description_html,
        Course.state,
        Course.ordered,
    ).where(Course.slug == bindparam("slug"))


def course_view(session: Session, *, slug: str, member_id: int | None, staff: bool) -> CourseView:
    """A course and its outline: two statements.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    row = reads.one(session, _course(), slug=slug)
    if row is None or (row.state != "published" and not staff):
        raise NotFound()
    return CourseView(*cast("CourseRow", tuple(row)), _outline(session, row.id, member_id, staff=staff))


def course_id(session: Session, slug: str) -> int:
    """The course at an address.

    Raises:
        NotFound: when there is none.
    """
    found = session.scalar(select(Course.id).where(Course.slug == slug))
    if found is None:
        raise NotFound()
    return found


@cache
def _page() -> Select[*tuple[Any, ...]]:
    course: list[Any] = [
        Course.id, Course.slug, Course.title, Course.summary, Course.description_html, Course.state, Course.ordered,
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
    found = reads.rows(session, _page(), slug=slug, lesson=lesson_slug, member=member_id or 0)
    # Few lessons are drafts: it costs less to leave them out here than to keep a second statement.
    rows = [row for row in found if staff or row.lesson_state == "published"]
    if not rows or (rows[0].state != "published" and not staff):
        raise NotFound()
    outline = tuple(OutlineLesson(*row[8:]) for row in rows)
    for row, lesson in zip(rows, outline, strict=True):
        if lesson.slug == lesson_slug:
            return CourseView(*cast("CourseRow", tuple(row[:7])), outline), lesson, row[7]
    raise NotFound()


def lesson_worth(session: Session) -> int:
    """What finishing a lesson earns at present."""
    rule = points.rules_in_force(session)["lesson_completed"]
    return rule.amount if rule.active else 0


def lessons_of(session: Session, course_id: int) -> tuple[OutlineLesson, ...]:
    """A course's lessons for the admin's page."""
    return _outline(session, course_id, None, staff=True)


def versions(session: Session, lesson_id: int, *, limit: int = 100) -> list[Row[Any]]:
    """(number, title, saved_at, saved_by) of a lesson's earlier versions, the newest first."""
    found = select(
        LessonVersion.number, LessonVersion.title, LessonVersion.saved_at, LessonVersion.saved_by
    ).where(LessonVersion.lesson_id == lesson_id)
    return list(session.execute(found.order_by(LessonVersion.number.desc()).limit(limit)))


def version(session: Session, lesson_id: int, number: int) -> LessonVersion | None:
    """One earlier version in whole."""
    return session.scalars(
        select(LessonVersion).where(LessonVersion.lesson_id == lesson_id, LessonVersion.number == number)
    ).one_or_none()


def choices(session: Session) -> list[Row[Any]]:
    """(id, title) of every course: for filters and forms."""
    return list(session.execute(select(Course.id, Course.title).order_by(Course.position, Course.id)))


def _outline(
    session: Session, course_id: int, member_id: int | None, *, staff: bool
) -> tuple[OutlineLesson, ...]:
    rows = reads.rows(session, _lessons(), course=course_id, member=member_id or 0)
    return tuple(OutlineLesson(*row) for row in rows if staff or row.lesson_state == "published")


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
        Lesson.state.label("lesson_state"),
        Lesson.opens_at,
        Lesson.opens_after_days,
        Lesson.kind,
        Progress.text_at,
        Progress.media_at,
        Progress.seen_at,
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
    there = and_(Lesson.course_id == Course.id, Lesson.state == "published")
    lessons = select(func.count()).where(there).scalar_subquery()
    minutes = select(func.coalesce(func.sum(Lesson.minutes), 0)).where(there).scalar_subquery()
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
