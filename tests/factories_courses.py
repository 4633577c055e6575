"""Courses and lessons for tests."""

from __future__ import annotations

from qunclub import courses
from qunclub.courses.models import Course, Lesson
from qunclub.kernel import Actor
from tests.factories import Make


def course(
    make: Make,
    *,
    slug: str = "",
    title: str = "A course",
    state: str = "published",
    summary: str = "What it is.",
) -> Course:
    """A course, published unless told otherwise."""
    return courses.create(
        make.session,
        slug=slug or f"course-{make.next()}",
        title=title,
        summary=summary,
        description_md="You learn **one** thing.",
        state=state,
        now=make.now,
        actor=Actor.system("test"),
    )


def lesson(
    make: Make,
    course: Course,
    *,
    slug: str = "",
    title: str = "",
    is_preview: bool = False,
    body_md: str = "Some *text*.",
) -> Lesson:
    """The next lesson of *course*."""
    serial = make.next()
    return courses.add_lesson(
        make.session,
        course_id=course.id,
        slug=slug or f"lesson-{serial}",
        title=title or f"Lesson {serial}",
        body_md=body_md,
        minutes=5,
        is_preview=is_preview,
        now=make.now,
        actor=Actor.system("test"),
    )
