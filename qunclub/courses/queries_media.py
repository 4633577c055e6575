"""Reads of a course's files: the admin's list, a lesson's medium, and whether somebody may fetch one."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import Access, reads

from . import queries
from .models import Course, Lesson
from .models_media import Media
from .rules_media import Medium, names_in

DESCRIPTION = 0
"""Stands for the course's description in the place of a lesson's id."""


@dataclass(frozen=True, slots=True)
class Use:
    """Where a file is shown: a lesson, or the description (``lesson_id`` 0)."""

    lesson_id: int
    title: str


@dataclass(frozen=True, slots=True)
class MediaRow:
    """A file in the admin's list."""

    id: int
    name: str
    content_type: str
    size: int
    uploaded_at: dt.datetime
    uploaded_by: str
    uses: tuple[Use, ...]


def admin_list(session: Session, course_id: int) -> list[MediaRow]:
    """A course's files by name, each with the lessons that show it: three statements."""
    uses = uses_of(session, course_id)
    found = session.execute(
        select(Media.id, Media.name, Media.content_type, Media.size, Media.uploaded_at, Media.uploaded_by)
        .where(Media.course_id == course_id)
        .order_by(Media.name)
    )
    return [MediaRow(*row, tuple(uses.get(row.name, ()))) for row in found]


def uses_of(session: Session, course_id: int) -> dict[str, list[Use]]:
    """Where each file of a course is shown, by its name: two statements."""
    uses: dict[str, list[Use]] = defaultdict(list)
    html = session.scalar(select(Course.description_html).where(Course.id == course_id))
    for name in names_in(html or ""):
        uses[name].append(Use(DESCRIPTION, ""))
    lessons = select(Lesson.id, Lesson.title, Lesson.body_html, Media.name).outerjoin(
        Media, Media.id == Lesson.media_id
    )
    for ident, title, body, medium in session.execute(
        lessons.where(Lesson.course_id == course_id).order_by(Lesson.position, Lesson.id)
    ):
        for name in names_in(body) | ({medium} if medium else set()):
            uses[name].append(Use(ident, title))
    return uses


def choices(session: Session, course_id: int) -> list[tuple[str, str]]:
    """(name, content type) of a course's files."""
    found = select(Media.name, Media.content_type).where(Media.course_id == course_id).order_by(Media.name)
    return [(row.name, row.content_type) for row in session.execute(found)]


@cache
def _medium() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Lesson.kind,
            Media.name,
            Media.content_type,
            Media.size,
            Lesson.live_url,
            Lesson.live_starts_at,
            Lesson.live_ends_at,
        )
        .outerjoin(Media, Media.id == Lesson.media_id)
        .where(Lesson.id == bindparam("lesson"))
    )


def medium_of(session: Session, lesson_id: int) -> Medium:
    """What stands beside a lesson's text: one statement."""
    row = reads.one(session, _medium(), lesson=lesson_id)
    return Medium(row[0], row[1] or "", row[2] or "", row[3] or 0, *row[4:])


@dataclass(frozen=True, slots=True)
class Fetch:
    """A file that somebody may fetch.

    Attributes:
        public: whether anybody may: a free preview of a published course, or its description, shows it.
    """

    media: Media
    public: bool


def found(session: Session, *, slug: str, name: str) -> Media | None:
    """A course's file by its name."""
    return session.scalars(
        select(Media)
        .join(Course, Course.id == Media.course_id)
        .where(Course.slug == slug, Media.name == name)
    ).one_or_none()


def by_name(session: Session, *, course_id: int, name: str) -> Media | None:
    """A course's file by its name, for editors."""
    return session.scalars(
        select(Media).where(Media.course_id == course_id, Media.name == name)
    ).one_or_none()


def may_fetch(
    session: Session,
    media: Media,
    *,
    lesson_id: int,
    member_id: int | None,
    access: Access,
    now: dt.datetime,
) -> Fetch | None:
    """Whether *media* may be fetched through a lesson (or the description) that shows it and is open to the reader."""
    staff = access.reason == "staff"
    if lesson_id == DESCRIPTION:
        course = session.execute(
            select(Course.state, Course.description_html).where(Course.id == media.course_id)
        ).one()
        seen = course.state == "published" or staff
        if not seen or media.name not in names_in(course.description_html):
            return None
        return Fetch(media, public=course.state == "published")
    row = session.execute(
        select(Lesson.slug, Lesson.body_html, Lesson.media_id, Course.slug)
        .join(Course, Course.id == Lesson.course_id)
        .where(Lesson.id == lesson_id, Lesson.course_id == media.course_id)
    ).one_or_none()
    if row is None or (row[2] != media.id and media.name not in names_in(row[1])):
        return None
    view = queries.course_view(session, slug=row[3], member_id=member_id, staff=staff)
    here = next((one for one in view.lessons if one.id == lesson_id), None)
    if here is None or not view.marks(access, now)[lesson_id].readable:
        return None
    return Fetch(media, public=here.is_preview and view.state == "published" and here.state == "published")
