"""A course comes in from its folder and goes out to one: all of it or nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, NotFound, locks

from . import services, services_lessons
from .folder import CourseText
from .models import Course, Lesson
from .services_lessons import LessonDraft


@dataclass(slots=True)
class Report:
    """What an import did.

    Attributes:
        retired: lessons that are no longer in the folder: kept as drafts, with everybody's progress.
    """

    course_id: int
    created: bool
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


def export(session: Session, *, slug: str) -> CourseText:
    """The course of *slug* as text.

    Raises:
        NotFound: when there is none.
    """
    course = session.scalars(select(Course).where(Course.slug == slug)).one_or_none()
    if course is None:
        raise NotFound()
    rows = session.scalars(
        select(Lesson).where(Lesson.course_id == course.id).order_by(Lesson.position, Lesson.id)
    )
    return CourseText(
        slug=course.slug,
        title=course.title,
        summary=course.summary,
        description=course.description_md,
        ordered=course.ordered,
        state=course.state,
        lessons=tuple(_draft(lesson) for lesson in rows),
    )


def bring_in(session: Session, text: CourseText, *, actor: Actor, now: dt.datetime) -> Report:
    """Make the course of *text*, or bring the one of its slug up to it; lessons are told apart by their slug.

    Nothing that members did is lost: a lesson that the text no longer has becomes a draft.
    """
    course = session.scalars(select(Course).where(Course.slug == text.slug)).one_or_none()
    if course is None:
        course = services.create(
            session,
            slug=text.slug,
            title=text.title,
            summary=text.summary,
            description_md=text.description,
            ordered=text.ordered,
            state=text.state,
            now=now,
            actor=actor,
        )
        report = Report(course.id, created=True)
    else:
        report = Report(course.id, created=False)
        locks.lock(session, Course, course.id)
        services.update_course(
            session,
            course_id=course.id,
            version=course.version,
            slug=text.slug,
            title=text.title,
            summary=text.summary,
            description_md=text.description,
            ordered=text.ordered,
            now=now,
            actor=actor,
        )
        services.set_state(session, course_id=course.id, state=text.state, now=now, actor=actor)
    _lessons(session, course.id, text, report, actor=actor, now=now)
    return report


def _lessons(
    session: Session, course_id: int, text: CourseText, report: Report, *, actor: Actor, now: dt.datetime
) -> None:
    there = {
        lesson.slug: lesson
        for lesson in session.scalars(
            select(Lesson).where(Lesson.course_id == course_id).order_by(Lesson.position, Lesson.id)
        )
    }
    order: list[int] = []
    for draft in text.lessons:
        lesson = there.pop(draft.slug, None)
        if lesson is None:
            values = {name: getattr(draft, name) for name in draft.__slots__}
            lesson = services_lessons.add_lesson(session, course_id=course_id, now=now, actor=actor, **values)
            report.added.append(draft.slug)
        elif _draft(lesson) != draft:
            services_lessons.save(
                session,
                lesson_id=lesson.id,
                version=lesson.version,
                draft=services_lessons.checked(draft),
                now=now,
                actor=actor,
                action="lesson.import",
            )
            report.changed.append(draft.slug)
        order.append(lesson.id)
    for slug, lesson in there.items():
        if lesson.state != "draft":
            lesson.state = "draft"
            lesson.version += 1
            report.retired.append(slug)
        order.append(lesson.id)
    session.flush()
    if order:
        session.execute(
            update(Lesson), [{"id": ident, "position": place} for place, ident in enumerate(order, 1)]
        )


def _draft(lesson: Lesson) -> LessonDraft:
    return LessonDraft(
        slug=lesson.slug,
        title=lesson.title,
        summary=lesson.summary,
        body_md=lesson.body_md,
        minutes=lesson.minutes,
        is_preview=lesson.is_preview,
        state=lesson.state,
        opens_at=lesson.opens_at,
        opens_after_days=lesson.opens_after_days,
    )
