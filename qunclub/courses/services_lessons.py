"""Lessons are written, kept in versions, and brought back."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Invalid, NotFound, Stale, locks, render_markdown, store

from . import rules, rules_media, services_media
from .models import Course, Lesson, LessonVersion
from .services_delivered import deliver

STALE = N_("Somebody else saved this while you were writing. Compare both texts below; yours is not lost.")


@dataclass(frozen=True, slots=True)
class LessonDraft:
    """What an editor says of a lesson.

    Attributes:
        minutes: about how long it takes to read.
        state: ``published``, or ``draft`` for staff only.
        opens_at: aware UTC; nobody but staff reads it before.
        opens_after_days: days after the reader's own start.
        kind: one of ``rules_media.KINDS``; *media* is the name of a file of the course, for audio, video and file.
    """

    slug: str
    title: str
    summary: str = ""
    body_md: str = ""
    minutes: int = 0
    is_preview: bool = False
    state: str = "published"
    opens_at: dt.datetime | None = None
    opens_after_days: int | None = None
    kind: str = "article"
    media: str = ""
    live_url: str = ""
    live_starts_at: dt.datetime | None = None
    live_ends_at: dt.datetime | None = None


def checked(draft: LessonDraft) -> LessonDraft:
    """The draft, when it can be kept.

    Raises:
        Invalid: naming the field that cannot be taken.
    """
    rules.check_slug(draft.slug)
    if not draft.title.strip():
        raise Invalid(N_("Give the lesson a title."), field="title")
    if draft.state not in rules.STATES:
        raise Invalid(N_("A lesson is published or a draft."), field="state")
    if not 0 <= draft.minutes <= rules.MOST_MINUTES:
        raise Invalid(N_("Write 0 to %(limit)s minutes."), field="minutes", limit=rules.MOST_MINUTES)
    values = asdict(draft)
    values["body_md"] = rules.check_text(draft.body_md, field="body_md")
    values["opens_after_days"] = rules.check_drip(draft.opens_after_days)
    values |= rules_media.check_kind(
        draft.kind,
        media=draft.media,
        live_url=draft.live_url,
        live_starts_at=draft.live_starts_at,
        live_ends_at=draft.live_ends_at,
    )
    return LessonDraft(**values)


def add_lesson(
    session: Session,
    *,
    course_id: int,
    slug: str,
    title: str,
    now: dt.datetime,
    actor: Actor,
    summary: str = "",
    body_md: str = "",
    minutes: int = 0,
    is_preview: bool = False,
    state: str = "published",
    opens_at: dt.datetime | None = None,
    opens_after_days: int | None = None,
    kind: str = "article",
    media: str = "",
    live_url: str = "",
    live_starts_at: dt.datetime | None = None,
    live_ends_at: dt.datetime | None = None,
    written: bool = True,
) -> Lesson:
    """A new lesson at the end of its course.

    Args:
        written: whether who acts wrote it and earns for it; not so for what comes out of a folder.
    """
    draft = checked(
        LessonDraft(
            slug, title, summary, body_md, minutes, is_preview, state, opens_at, opens_after_days,
            kind, media, live_url, live_starts_at, live_ends_at,
        )
    )  # fmt: skip
    course = locks.lock(session, Course, course_id)
    if session.scalar(select(Lesson.id).where(Lesson.course_id == course_id, Lesson.slug == slug)):
        raise Invalid(N_("Another lesson of this course has this address already."), field="slug")
    last = session.scalar(select(func.max(Lesson.position)).where(Lesson.course_id == course_id)) or 0
    lesson = Lesson(
        course_id=course_id,
        position=last + 1,
        body_html=render_markdown(draft.body_md),
        version=1,
        updated_at=now,
        updated_by=actor.name[:200],
        author_id=actor.member_id if written else None,
        **_columns(session, course_id, draft),
    )
    session.add(lesson)
    session.flush()
    deliver(session, course, [lesson], now=now, actor=actor)
    store.record(
        session,
        actor=actor,
        action="lesson.create",
        target=f"course:{course_id}",
        now=now,
        summary=course.title,
        details={"lesson": lesson.id, "title": title},
    )
    return lesson


def update_lesson(
    session: Session,
    *,
    lesson_id: int,
    version: int,
    now: dt.datetime,
    actor: Actor,
    slug: str,
    title: str,
    summary: str = "",
    body_md: str = "",
    minutes: int = 0,
    is_preview: bool = False,
    state: str = "published",
    opens_at: dt.datetime | None = None,
    opens_after_days: int | None = None,
    kind: str = "article",
    media: str = "",
    live_url: str = "",
    live_starts_at: dt.datetime | None = None,
    live_ends_at: dt.datetime | None = None,
) -> Lesson:
    """Save a lesson as its form has it; how it stood before is kept as a version.

    Raises:
        Stale: when somebody saved since the form was opened.
    """
    draft = checked(
        LessonDraft(
            slug, title, summary, body_md, minutes, is_preview, state, opens_at, opens_after_days,
            kind, media, live_url, live_starts_at, live_ends_at,
        )
    )  # fmt: skip
    return save(session, lesson_id=lesson_id, version=version, draft=draft, now=now, actor=actor)


def save(
    session: Session,
    *,
    lesson_id: int,
    version: int,
    draft: LessonDraft,
    now: dt.datetime,
    actor: Actor,
    action: str = "lesson.update",
) -> Lesson:
    """Put a checked *draft* in the place of what is there.

    Raises:
        Stale: when somebody saved since *version* was read.
    """
    lesson = locks.lock(session, Lesson, lesson_id)
    if lesson.version != version:
        raise Stale(STALE)
    taken = select(Lesson.id).where(
        Lesson.course_id == lesson.course_id, Lesson.slug == draft.slug, Lesson.id != lesson_id
    )
    if session.scalar(taken) is not None:
        raise Invalid(N_("Another lesson of this course has this address already."), field="slug")
    before = _facts(lesson)
    if (draft.title, draft.summary, draft.body_md) != (lesson.title, lesson.summary, lesson.body_md):
        _keep(session, lesson)
    if draft.body_md != lesson.body_md:
        lesson.body_html = render_markdown(draft.body_md)
    for key, value in _columns(session, lesson.course_id, draft).items():
        setattr(lesson, key, value)
    lesson.version += 1
    lesson.updated_at, lesson.updated_by = now, actor.name[:200]
    session.flush()
    after = _facts(lesson)
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"lesson:{lesson_id}",
        now=now,
        summary=lesson.title,
        details={
            "course": lesson.course_id,
            "before": {key: before[key] for key in after if before[key] != after[key]},
            "after": {key: after[key] for key in after if before[key] != after[key]},
        },
    )
    deliver(session, session.get_one(Course, lesson.course_id), [lesson], now=now, actor=actor)
    return lesson


def restore(
    session: Session, *, lesson_id: int, number: int, version: int, now: dt.datetime, actor: Actor
) -> Lesson:
    """Bring the words of an earlier version back; what is there now becomes a version itself.

    Raises:
        NotFound: when there is no such version.
        Stale: when somebody saved since *version* was read.
    """
    kept = session.scalars(
        select(LessonVersion).where(LessonVersion.lesson_id == lesson_id, LessonVersion.number == number)
    ).one_or_none()
    lesson = session.get(Lesson, lesson_id)
    if kept is None or lesson is None:
        raise NotFound()
    draft = checked(
        LessonDraft(
            lesson.slug,
            kept.title,
            kept.summary,
            kept.body_md,
            lesson.minutes,
            lesson.is_preview,
            lesson.state,
            lesson.opens_at,
            lesson.opens_after_days,
            lesson.kind,
            services_media.name_of(session, lesson.media_id),
            lesson.live_url,
            lesson.live_starts_at,
            lesson.live_ends_at,
        )
    )
    return save(
        session,
        lesson_id=lesson_id,
        version=version,
        draft=draft,
        now=now,
        actor=actor,
        action="lesson.restore",
    )


def _columns(session: Session, course_id: int, draft: LessonDraft) -> dict[str, Any]:
    values = asdict(draft)
    values["media_id"] = services_media.id_of(session, course_id, draft.kind, values.pop("media"))
    return values


def _keep(session: Session, lesson: Lesson) -> None:
    session.add(
        LessonVersion(
            lesson_id=lesson.id,
            number=lesson.version,
            title=lesson.title,
            summary=lesson.summary,
            body_md=lesson.body_md,
            saved_at=lesson.updated_at,
            saved_by=lesson.updated_by,
        )
    )


def _facts(lesson: Lesson) -> dict[str, object]:
    return {
        "slug": lesson.slug,
        "title": lesson.title,
        "is_preview": lesson.is_preview,
        "state": lesson.state,
        "kind": lesson.kind,
        "media": lesson.media_id,
        "opens_at": lesson.opens_at.isoformat() if lesson.opens_at else None,
        "opens_after_days": lesson.opens_after_days,
    }
