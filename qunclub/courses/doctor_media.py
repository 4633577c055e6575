"""What must hold of the files of courses: lessons name files of their own course, and every file has its bytes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.kernel.ports import FileStore

from .models import Lesson
from .models_media import Media
from .rules_media import WITH_MEDIA


def check(session: Session) -> list[Finding]:
    """Lessons without the file they are made of, or with another course's: one statement."""
    strays = session.scalar(
        select(func.count())
        .select_from(Lesson)
        .outerjoin(Media, Media.id == Lesson.media_id)
        .where((Lesson.kind.in_(WITH_MEDIA) & Media.id.is_(None)) | (Media.course_id != Lesson.course_id))
    )
    if not strays:
        return []
    return [
        Finding(4, f"{strays} lessons lack their file, or show one of another course.", {"lessons": strays})
    ]


def check_bytes(files: FileStore, session: Session, now: dt.datetime) -> list[Finding]:
    """Files whose bytes are gone from the store: one statement, and one question to the store a file."""
    rows = session.execute(select(Media.id, Media.name, Media.storage_key).order_by(Media.id))
    return [
        Finding(4, f"The file {row.name} ({row.id}) of a course has lost its bytes.", {"media": row.id})
        for row in rows
        if not files.has(row.storage_key)
    ]
