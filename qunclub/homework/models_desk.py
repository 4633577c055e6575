"""What reviewers keep beside their judgements: remarks, drafts, phrases, history, appeals, who reviews what."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Remark(Base):
    """A comment on one place of an attempt: a passage of its text, or a spot of a picture."""

    __tablename__ = "qunclub_remark"
    id: Mapped[pk]
    review_id: Mapped[int] = mapped_column(ForeignKey("qunclub_review.id"))
    # A passage: its words and where they begin in the text as it was written.
    quote: Mapped[str] = mapped_column(Text, default="")
    begins: Mapped[int | None]
    # A spot: the picture, and thousandths from its left and top.
    file_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_submission_file.id"))
    x: Mapped[int | None]
    y: Mapped[int | None]
    body: Mapped[str] = mapped_column(Text)
    __table_args__ = (Index(None, "review_id"),)


class ReviewDraft(Base):
    """What a reviewer has typed and not yet saved as a judgement; kept over a lost lease or a second window."""

    __tablename__ = "qunclub_review_draft"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    # verdict, scores, comment_md, remarks: as the desk's form has them.
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("submission_id", "reviewer_id"),)


class Phrase(Base):
    """A sentence that a reviewer uses often."""

    __tablename__ = "qunclub_phrase"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    body: Mapped[str] = mapped_column(Text)
    used: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id", "used"),)


class Verdict(Base):
    """One line of a submission's history: what it was judged before and after, by whom, why."""

    __tablename__ = "qunclub_verdict"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    before: Mapped[str] = mapped_column(String(20), default="")
    after: Mapped[str] = mapped_column(String(20), default="")
    score_before: Mapped[int | None]
    score_after: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index(None, "submission_id"),)


class WorkAppeal(Base):
    """An author asks for another judgement and pays with a token; it comes back when they were right."""

    __tablename__ = "qunclub_work_appeal"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open")
    answer: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (Index(None, "member_id", "state"), Index(None, "state", "opened_at"))


class CourseReviewer(Base):
    """An instructor who reviews a course's homework; with a group, that group's."""

    __tablename__ = "qunclub_course_reviewer"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    # How many were given to them so far: even allocation gives to the least, then to the lower id.
    given: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = (UniqueConstraint("course_id", "member_id", "group_id"), Index(None, "member_id"))
