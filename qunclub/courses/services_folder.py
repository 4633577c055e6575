"""A course comes in from its folder and goes out to one: all of it or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, NotFound, locks
from qunclub.kernel.ports import FileStore
from qunclub.kernel.uploads import Checked, StoredFile

from . import services, services_conditions, services_folder_files, services_lessons
from .folder import Broken, CourseText
from .models import Course, Lesson
from .models_media import Media
from .services_conditions import Books
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


def export(
    session: Session, *, slug: str, books: Books | None = None, store: FileStore | None = None
) -> CourseText:
    """The course of *slug* as text, with the files it names when there is a *store* to read them from.

    Raises:
        NotFound: when there is none.
        Conflict: when the store has lost a file.
        LookupError: when it asks for groups or seasons and there are no *books*.
    """
    course = session.scalars(select(Course).where(Course.slug == slug)).one_or_none()
    if course is None:
        raise NotFound()
    rows = session.scalars(
        select(Lesson).where(Lesson.course_id == course.id).order_by(Lesson.position, Lesson.id)
    )
    names = _names(session, course.id)
    text = CourseText(
        slug=course.slug,
        title=course.title,
        summary=course.summary,
        description=course.description_md,
        ordered=course.ordered,
        state=course.state,
        certificate=course.certificate,
        asks=services_conditions.asks_of(session, course.id, books),
        lessons=tuple(_draft(lesson, names) for lesson in rows),
    )
    if store is None:
        return text
    return replace(text, files=services_folder_files.taken_out(session, text, store))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do.

    Attributes:
        facts: what of the course itself would change.
        lessons: (slug, title, what would become of it: ``added``, ``changed``, ``same``, ``retired``) in the new order.
        seen: the versions it was compared with.
        files: (name, size in bytes, what would become of it) of each file in the folder.
    """

    slug: str
    title: str
    created: bool
    facts: tuple[str, ...]
    lessons: tuple[tuple[str, str, str], ...]
    seen: tuple[int, ...]
    files: tuple[tuple[str, int, str], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing would change but perhaps the order."""
        fates = [one[2] for one in (*self.lessons, *self.files)]
        return not self.created and not self.facts and all(one == "same" for one in fates)


def plan(
    session: Session, text: CourseText, *, books: Books | None = None, files: Sequence[Checked] = ()
) -> Plan:
    """What :func:`bring_in` would do with *text*, in a constant number of statements; nothing is changed."""
    course = session.scalars(select(Course).where(Course.slug == text.slug)).one_or_none()
    if course is None:
        lessons = tuple((one.slug, one.title, "added") for one in text.lessons)
        fates = services_folder_files.fates(session, text.slug, files)
        return Plan(text.slug, text.title, True, (), lessons, (), fates)
    there = {
        row.slug: row
        for row in session.scalars(
            select(Lesson).where(Lesson.course_id == course.id).order_by(Lesson.position, Lesson.id)
        )
    }
    names = _names(session, course.id)
    before = {
        "title": course.title,
        "summary": course.summary,
        "description": course.description_md,
        "ordered": course.ordered,
        "certificate": course.certificate,
        "state": course.state,
        "asks": services_conditions.asks_of(session, course.id, books),
    }
    rows: list[tuple[str, str, str]] = []
    for one in text.lessons:
        kept = there.get(one.slug)
        rows.append(
            (
                one.slug,
                one.title,
                "added" if kept is None else "same" if _draft(kept, names) == one else "changed",
            )
        )
    named = {one.slug for one in text.lessons}
    for slug, row in there.items():
        if slug not in named:
            rows.append((slug, row.title, "retired" if row.state != "draft" else "same"))
    return Plan(
        text.slug,
        text.title,
        False,
        tuple(key for key, value in before.items() if getattr(text, key) != value),
        tuple(rows),
        (course.version, *(row.version for row in there.values()), *(row.position for row in there.values())),
        services_folder_files.fates(session, text.slug, files),
    )


def unknown_names(session: Session, text: CourseText, *, books: Books | None = None) -> list[str]:
    """What the course asks for and the club lacks, one line each with file, line and remedy."""
    remedies = {
        "tier": "make the tier first, or name one by its code",
        "groups": "make the group first, or name one by its address",
        "season": "make the season first, or name one by its address",
    }
    words = {"tier": "tier", "groups": "group", "season": "season"}
    return [
        f"{text.places.get(key, 'course.toml')}: this club has no {words[key]} {name!r}; {remedies[key]}"
        for key, name in services_conditions.unknown(session, text.asks, books)
    ]


def bring_in(
    session: Session,
    text: CourseText,
    *,
    actor: Actor,
    now: dt.datetime,
    books: Books | None = None,
    files: Sequence[StoredFile] = (),
) -> Report:
    """Make the course of *text*, or bring the one of its slug up to it; lessons are told apart by their slug.

    Nothing that members did is lost: a lesson that the text no longer has becomes a draft.

    Args:
        files: those of the folder, kept already (``services_folder_files.keeping``).

    Raises:
        Broken: when lessons name files that neither the folder nor the course has, or the course a tier, group or
            season that the club does not have.
        Stale: when a file of the course was changed while the folder was looked at.
        LookupError: when it asks for groups or seasons and there are no *books*.
    """
    lacking = [
        *unknown_names(session, text, books=books),
        *services_folder_files.problems_of(session, text, files),
    ]
    if lacking:
        raise Broken(lacking)
    course = session.scalars(select(Course).where(Course.slug == text.slug)).one_or_none()
    if course is None:
        course = services.create(
            session,
            slug=text.slug,
            title=text.title,
            summary=text.summary,
            description_md=text.description,
            ordered=text.ordered,
            certificate=text.certificate,
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
            certificate=text.certificate,
            now=now,
            actor=actor,
        )
        services.set_state(session, course_id=course.id, state=text.state, now=now, actor=actor)
    services_conditions.set_asks(
        session, course_id=course.id, asks=text.asks, books=books, now=now, actor=actor
    )
    services_folder_files.take_in(
        session, course_id=course.id, slug=text.slug, files=files, now=now, actor=actor
    )
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
    names = _names(session, course_id)
    order: list[int] = []
    for draft in text.lessons:
        lesson = there.pop(draft.slug, None)
        if lesson is None:
            values = {name: getattr(draft, name) for name in draft.__slots__}
            lesson = services_lessons.add_lesson(
                session, course_id=course_id, now=now, actor=actor, written=False, **values
            )
            report.added.append(draft.slug)
        elif _draft(lesson, names) != draft:
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


def _names(session: Session, course_id: int) -> dict[int | None, str]:
    """The names of a course's files by their id."""
    found = session.execute(select(Media.id, Media.name).where(Media.course_id == course_id))
    return {row.id: row.name for row in found}


def _draft(lesson: Lesson, names: dict[int | None, str]) -> LessonDraft:
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
        kind=lesson.kind,
        media=names.get(lesson.media_id, ""),
        live_url=lesson.live_url,
        live_starts_at=lesson.live_starts_at,
        live_ends_at=lesson.live_ends_at,
    )
