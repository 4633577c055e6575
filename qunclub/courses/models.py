"""Courses, their lessons and versions, questions, certificates, and how far each member is."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, UTCDateTime, pk


class Course(Base):
    """Gated content; ``draft`` is seen by staff only."""

    __tablename__ = "qunclub_course"
    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(160))
    summary: Mapped[str] = mapped_column(Text, default="")
    description_md: Mapped[str] = mapped_column(Text, default="")
    description_html: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(20), default="draft")
    position: Mapped[int] = mapped_column(default=0)
    # Whether a lesson opens only when all before it are done.
    ordered: Mapped[bool] = mapped_column(default=False)
    # Whether finishing every lesson gives a certificate.
    certificate: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class Lesson(Base):
    """One lesson; a preview (试看) is open to everybody, a draft only to staff.

    It opens at ``opens_at``, or ``opens_after_days`` days after the reader's own start, or at once. Every kind has a
    text; audio, video and file have a medium too, a live lesson its link and its hours.
    """

    __tablename__ = "qunclub_lesson"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    slug: Mapped[str] = mapped_column(String(80))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(160))
    summary: Mapped[str] = mapped_column(Text, default="")
    body_md: Mapped[str] = mapped_column(Text, default="")
    body_html: Mapped[str] = mapped_column(Text, default="")
    minutes: Mapped[int] = mapped_column(default=0)
    is_preview: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(20), default="published")
    opens_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    opens_after_days: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    updated_by: Mapped[str] = mapped_column(String(200), default="")
    kind: Mapped[str] = mapped_column(String(20), default="article", server_default="article")
    media_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_media.id"))
    live_url: Mapped[str] = mapped_column(Text, default="", server_default="")
    live_starts_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    live_ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # Who wrote the first version (None: nobody knows, or it came from a folder), and when readers first saw it.
    author_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    delivered_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    course: Mapped[Course] = relationship(lazy="raise")
    __table_args__ = (
        UniqueConstraint("course_id", "slug"),
        Index(None, "course_id", "position"),
        Index(None, "author_id"),
    )


class LessonVersion(Base):
    """A lesson as it stood before a save: what an editor may look at again, compare and bring back."""

    __tablename__ = "qunclub_lesson_version"
    id: Mapped[pk]
    lesson_id: Mapped[int] = mapped_column(ForeignKey("qunclub_lesson.id"))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(160))
    summary: Mapped[str] = mapped_column(Text, default="")
    body_md: Mapped[str] = mapped_column(Text, default="")
    saved_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    saved_by: Mapped[str] = mapped_column(String(200), default="")
    __table_args__ = (UniqueConstraint("lesson_id", "number"),)


class Progress(Base):
    """That a member opened, and finished, a lesson."""

    __tablename__ = "qunclub_progress"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("qunclub_lesson.id"))
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    completed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # Where the reader was last, and when: thousandths of the text, seconds of the medium.
    text_at: Mapped[int] = mapped_column(default=0, server_default="0")
    media_at: Mapped[int] = mapped_column(default=0, server_default="0")
    seen_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("member_id", "lesson_id"), Index(None, "member_id", "course_id"))


class Certificate(Base):
    """That a member finished a course; verifiable at a public address by its code, revocable with a reason."""

    __tablename__ = "qunclub_certificate"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    code: Mapped[str] = mapped_column(String(24), unique=True)
    # As printed, whatever the member or the course is called later.
    name: Mapped[str] = mapped_column(String(120))
    course_title: Mapped[str] = mapped_column(String(160))
    issued_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    revoke_reason: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (UniqueConstraint("course_id", "member_id"), Index(None, "member_id"))


class Question(Base):
    """What a reader asks under a lesson, in three parts: 场景, 细节, 诉求."""

    __tablename__ = "qunclub_question"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("qunclub_lesson.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    scene: Mapped[str] = mapped_column(Text, default="")
    detail_md: Mapped[str] = mapped_column(Text, default="")
    detail_html: Mapped[str] = mapped_column(Text, default="")
    ask: Mapped[str] = mapped_column(String(300))
    answers: Mapped[int] = mapped_column(default=0)
    best_answer_id: Mapped[int | None]
    hidden_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    hidden_reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        Index(None, "lesson_id", "created_at"),
        Index(None, "course_id", "best_answer_id", "created_at"),
        Index(None, "answers", "created_at"),
        Index(None, "member_id", "created_at"),
    )


class Answer(Base):
    """An answer to a question, by a member or an instructor."""

    __tablename__ = "qunclub_answer"
    id: Mapped[pk]
    question_id: Mapped[int] = mapped_column(ForeignKey("qunclub_question.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    body_md: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    by_staff: Mapped[bool] = mapped_column(default=False)
    hidden_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    hidden_reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "question_id", "id"), Index(None, "member_id"))
