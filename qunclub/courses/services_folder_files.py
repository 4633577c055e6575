"""The files of a course folder: looked at before anything is kept, kept with the course, and written out again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale
from qunclub.kernel.ports import FileStore
from qunclub.kernel.uploads import Checked, StoredFile, stored

from . import folder_files, rules_media, services_media
from .folder import Broken, CourseText
from .folder_files import FILES, FolderFile
from .models import Course
from .models_media import Media

CHANGED = N_("A file of the course has changed meanwhile. Import the folder again.")


@dataclass(frozen=True, slots=True)
class There:
    """A file that a course has already."""

    id: int
    content_type: str
    sha256: str
    storage_key: str


def there(session: Session, slug: str) -> dict[str, There]:
    """The files of the course at *slug* by their name, none when there is no such course: one statement."""
    rows = session.execute(
        select(Media.name, Media.id, Media.content_type, Media.sha256, Media.storage_key)
        .join(Course, Course.id == Media.course_id)
        .where(Course.slug == slug)
        .order_by(Media.name)
    )
    return {row[0]: There(*row[1:]) for row in rows}


def looked_at(text: CourseText, *, max_bytes: int) -> list[Checked]:
    """The files of *text* as they will be kept.

    Raises:
        Broken: naming each that cannot be kept; nothing was kept.
    """
    checked, problems = folder_files.check_files(text.files, max_bytes=max_bytes, places=text.places)
    if problems:
        raise Broken(problems)
    return checked


def problems_of(session: Session, text: CourseText, files: Sequence[Checked | StoredFile]) -> list[str]:
    """What the course's texts and its files do not agree in, a line each with the remedy: one statement."""
    old = there(session, text.slug)
    types = {name: one.content_type for name, one in old.items()}
    problems: list[str] = []
    folded = {name.casefold(): name for name in types}
    for one in files:
        other = folded.setdefault(one.name.casefold(), one.name)
        if other != one.name:
            problems.append(
                f"{FILES}/{one.name}: there is a file {other} already; give one of them another name"
            )
        elif types.get(one.name, one.content_type) != one.content_type:
            problems.append(
                f"{FILES}/{one.name}: the course's file of this name is {types[one.name]}, this one is "
                f"{one.content_type}; give it another name"
            )
        types[one.name] = one.content_type
    return problems + _missing(text, types)


def _missing(text: CourseText, types: Mapping[str, str]) -> list[str]:
    """Media and pictures that neither the folder nor the course has, and media that do not fit their lesson."""
    problems = []
    for one in text.lessons:
        place = text.places.get(f"media:{one.slug}", one.slug)
        if one.media and one.media not in types:
            problems.append(
                f"{place}: the course has no file {one.media}; put it into {FILES}/, or add it on the course's page of "
                "files, then import again"
            )
        elif one.media:
            try:
                rules_media.check_fit(one.kind, types[one.media])
            except Invalid as error:
                problems.append(f"{place}: {one.media} does not fit a lesson of kind {one.kind} ({error})")
    bodies = [text.description, *(one.body_md for one in text.lessons)]
    shown = sorted({name for body in bodies for name in folder_files.names_in_text(body)[1]})
    problems += [
        f"{text.places.get(name, name)}: there is no picture {name}; put it into {FILES}/, or take it out of the text"
        for name in shown
        if name not in types
    ]
    return problems


@contextmanager
def keeping(
    store: FileStore, files: Sequence[Checked], old: Mapping[str, There]
) -> Iterator[list[StoredFile]]:
    """Keep the bytes that the course does not have yet, before the transaction that names them.

    What the course has already comes with an empty key. When the transaction fails nothing stays in the store.
    """
    digests = {one.name: hashlib.sha256(one.data).hexdigest() for one in files}
    new = [one for one in files if one.name not in old or old[one.name].sha256 != digests[one.name]]
    names = {one.name for one in new}
    same = [
        StoredFile(one.name, one.content_type, len(one.data), digests[one.name], "")
        for one in files
        if one.name not in names
    ]
    with stored(store, new, folder="media") as kept:
        yield [*kept, *same]


def take_in(
    session: Session,
    *,
    course_id: int,
    slug: str,
    files: Sequence[StoredFile],
    now: dt.datetime,
    actor: Actor,
) -> None:
    """Give the course *files*: new ones are added, others put in the place of the old; none is taken away.

    Raises:
        Stale: when a file that was the same has changed since it was looked at.
    """
    old = there(session, slug)
    new = [one for one in files if one.name not in old]
    if any(not one.storage_key for one in new):
        raise Stale(CHANGED)
    if new:
        services_media.add(session, course_id=course_id, files=new, now=now, actor=actor)
    for one in files:
        if one.name not in old or (not one.storage_key and one.sha256 == old[one.name].sha256):
            continue
        if not one.storage_key:
            raise Stale(CHANGED)
        services_media.replace(session, media_id=old[one.name].id, file=one, now=now, actor=actor)


def fates(session: Session, slug: str, files: Sequence[Checked]) -> tuple[tuple[str, int, str], ...]:
    """(name, size in bytes, what would become of it: ``added``, ``changed``, ``same``) of each file."""
    old = there(session, slug)
    found = []
    for one in files:
        digest = hashlib.sha256(one.data).hexdigest()
        fate = "added" if one.name not in old else "same" if old[one.name].sha256 == digest else "changed"
        found.append((one.name, len(one.data), fate))
    return tuple(found)


def taken_out(session: Session, text: CourseText, store: FileStore) -> tuple[FolderFile, ...]:
    """The files of the course that its texts name, by name; what nothing shows stays behind.

    Raises:
        Conflict: when the store has lost one: a folder without it could not be imported.
    """
    named = folder_files.named_by(text.description, text.lessons)
    found = []
    for name, one in there(session, text.slug).items():
        if name not in named:
            continue
        try:
            found.append(FolderFile(name, store.get(one.storage_key)))
        except KeyError:
            raise Conflict(
                N_("The bytes of %(name)s are lost. Replace the file on the course's page of files."),
                name=name,
            ) from None
    # As they lie in a folder, whatever order the database has for letters.
    return tuple(sorted(found, key=lambda one: one.name))
