"""Courses and lessons for tests."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from qunclub import courses
from qunclub.courses import services_conditions, services_media
from qunclub.courses.models import Course, Lesson
from qunclub.courses.models_media import Media
from qunclub.courses.rules_conditions import Asks
from qunclub.courses.services_conditions import Books
from qunclub.groups import book as group_book
from qunclub.kernel import Actor
from qunclub.kernel.ports import FileStore
from qunclub.kernel.uploads import StoredFile
from qunclub.seasons import book as season_book
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


def asks(make: Make, course: Course, **asked: Any) -> Asks:
    """Make *course* ask: ``tier="code"``, ``groups=("slug",)``, ``roles=("core",)``, ``season="slug"``."""
    services_conditions.set_asks(
        make.session,
        course_id=course.id,
        asks=Asks(**asked),
        books=Books(cast(Any, group_book), cast(Any, season_book)),
        now=make.now,
        actor=Actor.system("test"),
    )
    return Asks(**asked)


def medium(
    make: Make, course: Course, name: str, content_type: str, *, data: bytes, store: FileStore
) -> Media:
    """A file of *course* with its bytes in *store*."""
    key = f"media/test-{make.next()}"
    store.put(key, data)
    kept = StoredFile(name, content_type, len(data), hashlib.sha256(data).hexdigest(), key)
    actor = Actor.system("test")
    return services_media.add(make.session, course_id=course.id, files=[kept], now=make.now, actor=actor)[0]
