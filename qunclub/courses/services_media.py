"""Files are added to a course, renamed with every text that names them, replaced, deleted when nothing shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Actor,
    Conflict,
    Invalid,
    NotFound,
    locks,
    outbox,
    render_markdown,
    store,
)
from qunclub.kernel.uploads import StoredFile

from . import queries_media, rules_media
from .models import Course, Lesson
from .models_media import Media

MOST_FILES = 1_000


def add(
    session: Session, *, course_id: int, files: Sequence[StoredFile], now: dt.datetime, actor: Actor
) -> list[Media]:
    """Files of a course; a name that is taken gets a number.

    Raises:
        NotFound: when there is no such course.
        Invalid: on ``files``, when a course would have too many.
    """
    locks.lock(session, Course, course_id)
    taken = set(session.scalars(select(Media.name).where(Media.course_id == course_id)))
    if len(taken) + len(files) > MOST_FILES:
        raise Invalid(N_("A course has at most %(most)s files."), field="files", most=MOST_FILES)
    made = []
    for one in files:
        name = _free(one.name, taken)
        taken.add(name)
        made.append(_row(course_id, name, one, now, actor))
    session.add_all(made)
    session.flush()
    for row in made:
        _record(session, actor, "media.add", row, now, size=row.size, type=row.content_type)
    return made


def rename(session: Session, *, media_id: int, name: str, now: dt.datetime, actor: Actor) -> int:
    """Give a file another name, in every text that names it too; how many texts that were.

    Raises:
        Invalid: when the name cannot be taken or another file has it.
    """
    media = _locked(session, media_id)
    new = rules_media.check_name(name, media.name)
    if new == media.name:
        return 0
    if session.scalar(select(Media.id).where(Media.course_id == media.course_id, Media.name == new)):
        raise Invalid(N_("Another file of this course has this name already."), field="name")
    touched = 0
    course = session.get_one(Course, media.course_id)
    text = rules_media.renamed(course.description_md, media.name, new)
    if text != course.description_md:
        course.description_md, course.description_html = text, render_markdown(text)
        course.version += 1
        touched += 1
    for lesson in session.scalars(select(Lesson).where(Lesson.course_id == media.course_id)):
        text = rules_media.renamed(lesson.body_md, media.name, new)
        if text != lesson.body_md:
            lesson.body_md, lesson.body_html = text, render_markdown(text)
            # Whoever is writing in this lesson is told, and does not bring the old name back unawares.
            lesson.version += 1
            touched += 1
    before, media.name = media.name, new
    session.flush()
    _record(session, actor, "media.rename", media, now, before=before, texts=touched)
    return touched


def replace(session: Session, *, media_id: int, file: StoredFile, now: dt.datetime, actor: Actor) -> Media:
    """Put other bytes of the same type in a file's place; every lesson that shows it shows them.

    Raises:
        Invalid: on ``files``, when the type differs: the name's ending would lie.
    """
    media = _locked(session, media_id)
    if file.content_type != media.content_type:
        raise Invalid(
            N_("Choose a file of the same type as %(name)s; add another type as a new file."),
            field="files",
            name=media.name,
        )
    before = media.size
    _forget_bytes(session, media.storage_key, now)
    media.size, media.sha256, media.storage_key = file.size, file.sha256, file.storage_key
    media.uploaded_at, media.uploaded_by = now, actor.name[:200]
    session.flush()
    _record(session, actor, "media.replace", media, now, before=before, after=media.size)
    return media


def delete(session: Session, *, media_id: int, now: dt.datetime, actor: Actor) -> int:
    """Delete a file that nothing shows, for good; the course it was in.

    Raises:
        Conflict: while a lesson or the description shows it.
    """
    media = _locked(session, media_id)
    uses = queries_media.uses_of(session, media.course_id).get(media.name, ())
    if uses:
        raise Conflict(
            N_("%(name)s is still shown in %(count)s places. Take it out there first."),
            name=media.name,
            count=len(uses),
        )
    _record(session, actor, "media.delete", media, now, size=media.size)
    _forget_bytes(session, media.storage_key, now)
    course_id = media.course_id
    session.delete(media)
    session.flush()
    return course_id


def id_of(session: Session, course_id: int, draft_kind: str, name: str) -> int | None:
    """The file that a lesson names as its medium.

    Raises:
        Invalid: on ``media``, when the course has none of this name or it does not fit the kind.
    """
    if not name:
        return None
    row = session.execute(
        select(Media.id, Media.content_type).where(Media.course_id == course_id, Media.name == name)
    ).one_or_none()
    if row is None:
        raise Invalid(N_("This course has no file of this name."), field="media")
    rules_media.check_fit(draft_kind, row.content_type)
    return int(row.id)


def name_of(session: Session, media_id: int | None) -> str:
    """The name of a lesson's medium; empty without one."""
    if media_id is None:
        return ""
    return session.scalar(select(Media.name).where(Media.id == media_id)) or ""


def _locked(session: Session, media_id: int) -> Media:
    course_id = session.scalar(select(Media.course_id).where(Media.id == media_id))
    if course_id is None:
        raise NotFound()
    # The course's lock orders all that changes its files and the lessons that choose them.
    locks.lock(session, Course, course_id)
    return locks.lock(session, Media, media_id)


def _free(name: str, taken: set[str]) -> str:
    held = {one.casefold() for one in taken}
    stem, _dot, ending = name.rpartition(".")
    made, count = name, 1
    while made.casefold() in held:
        count += 1
        made = f"{stem}-{count}.{ending}"
    return made


def _row(course_id: int, name: str, file: StoredFile, now: dt.datetime, actor: Actor) -> Media:
    return Media(
        course_id=course_id,
        name=name,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        storage_key=file.storage_key,
        uploaded_at=now,
        uploaded_by=actor.name[:200],
    )


def _forget_bytes(session: Session, key: str, now: dt.datetime) -> None:
    # After the commit, so that a rollback leaves a row with its bytes.
    outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)


def _record(
    session: Session, actor: Actor, action: str, media: Media, now: dt.datetime, **details: object
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"course:{media.course_id}",
        now=now,
        summary=media.name,
        details={"media": media.id, **details},
    )
