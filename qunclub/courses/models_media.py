"""The files of a course: pictures in its texts, the sound or film of a lesson, something to take away."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Media(Base):
    """A file of a course. The bytes live in the file store; the type was found in the content, not believed.

    Texts name it by ``name``. Who may fetch it is decided by the lessons that show it, never by the file itself.
    """

    __tablename__ = "qunclub_media"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    name: Mapped[str] = mapped_column(String(120))
    content_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(120), unique=True)
    uploaded_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    uploaded_by: Mapped[str] = mapped_column(String(200), default="")
    __table_args__ = (UniqueConstraint("course_id", "name"),)
