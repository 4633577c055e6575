"""Assignments with their rubrics, submissions with their attempts and files, reviews, and the showcase."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.courses.models import Course
from qunclub.kernel import Base, BigInt, UTCDateTime, pk
from qunclub.members.models import Member

SUBMISSION_STATES = ("waiting", "held", "accepted", "returned", "withdrawn")
VERDICTS = ("accept", "return", "feature")


class Rubric(Base):
    """How a work is judged: weighted criteria."""

    __tablename__ = "qunclub_rubric"
    id: Mapped[pk]
    title: Mapped[str] = mapped_column(String(160))
    criteria: Mapped[list[Criterion]] = relationship(lazy="raise", order_by="Criterion.position")


class Criterion(Base):
    """One thing looked at: its best score and its weight in the whole (weights need not sum to 100)."""

    __tablename__ = "qunclub_criterion"
    id: Mapped[pk]
    rubric_id: Mapped[int] = mapped_column(ForeignKey("qunclub_rubric.id"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    max_points: Mapped[int]
    weight: Mapped[int] = mapped_column(default=1)
    __table_args__ = (UniqueConstraint("rubric_id", "position"),)


class Assignment(Base):
    """Homework of a course."""

    __tablename__ = "qunclub_assignment"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    rubric_id: Mapped[int] = mapped_column(ForeignKey("qunclub_rubric.id"))
    slug: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(160))
    brief_md: Mapped[str] = mapped_column(Text, default="")
    brief_html: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(20), default="draft")
    opens_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # See rules_work.Deadlines.
    cut_off_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    late_policy: Mapped[str] = mapped_column(String(10), default="accept")
    late_percent: Mapped[int] = mapped_column(default=0)
    # Nobody is asked to do it.
    optional: Mapped[bool] = mapped_column(default=False)
    # See rules_parts.Parts; kinds separated by commas.
    text_part: Mapped[str] = mapped_column(String(10), default="optional")
    file_part: Mapped[str] = mapped_column(String(10), default="optional")
    file_kinds: Mapped[str] = mapped_column(String(80), default="")
    link_part: Mapped[str] = mapped_column(String(10), default="none", server_default="none")
    # Group work: how many make a team; both None: everybody works alone. See rules_teams.
    team_min: Mapped[int | None]
    team_max: Mapped[int | None]
    # What it earns, see rules_points; None leaves it to the club's rule.
    points_accepted: Mapped[int | None]
    points_featured: Mapped[int | None]
    max_attempts: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    # See rules_blind: "" (everybody is named), "author" or "both".
    blind: Mapped[str] = mapped_column(String(8), default="", server_default="")
    # See rules_second: how many of a hundred are judged twice, how far two may lie apart, and the secret that draws.
    second_percent: Mapped[int] = mapped_column(default=0, server_default="0")
    divergence: Mapped[int] = mapped_column(default=10, server_default="10")
    # "at_once" or "together": then verdicts are held until somebody releases them, or until ``release_at``.
    release: Mapped[str] = mapped_column(String(10), default="at_once", server_default="at_once")
    release_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    released_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sample_key: Mapped[str] = mapped_column(String(64), default="", server_default="")

    course: Mapped[Course] = relationship(lazy="raise")
    rubric: Mapped[Rubric] = relationship(lazy="raise")
    __table_args__ = (UniqueConstraint("course_id", "slug"),)


class Submission(Base):
    """A member's work for an assignment, over all its attempts.

    ``version`` grows with every change of state: a review saved against an old one is refused. A claim is a lease:
    ``claimed_by`` holds the submission until ``claimed_until``. ``carried_over`` work is judged but earns nothing.
    A team's work has ``team_id``; ``member_id`` is then who handed it in first, and ``WorkShare`` says whose it is.
    """

    __tablename__ = "qunclub_submission"
    id: Mapped[pk]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("qunclub_assignment.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_team.id"), unique=True)
    state: Mapped[str] = mapped_column(String(20), default="waiting")
    featured: Mapped[bool] = mapped_column(default=False)
    carried_over: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=1)
    # How many of its attempts the author took back before a review: they are not counted against the most allowed.
    withdrawn: Mapped[int] = mapped_column(default=0)
    # Drawn when it is first handed in; while it waits, whose judgement for (rules_second.STAGES).
    sampled: Mapped[bool] = mapped_column(default=False, server_default=false())
    stage: Mapped[str] = mapped_column(String(8), default="first", server_default="first")
    submitted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    reviewed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    score: Mapped[int | None]
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # While it waits: the instructor it is meant for, and since when; see rules_allocation.
    allocated_to: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    allocated_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)

    assignment: Mapped[Assignment] = relationship(lazy="raise")
    member: Mapped[Member] = relationship(lazy="raise", foreign_keys=[member_id])
    attempts: Mapped[list[Attempt]] = relationship(lazy="raise", order_by="Attempt.n")
    __table_args__ = (
        UniqueConstraint("assignment_id", "member_id"),
        Index(None, "state", "submitted_at", "id"),
        Index(None, "member_id", "submitted_at"),
        Index(None, "assignment_id", "state", "submitted_at", "id"),
        # Only featured work is in it: the desk and the admins look for it.
        Index(
            "ix_qunclub_submission_featured",
            "submitted_at",
            "id",
            sqlite_where=text("featured"),
            postgresql_where=text("featured"),
        ),
        # Only what waits for a second or third judgement is in it.
        Index(
            "ix_qunclub_submission_stage",
            "stage",
            "submitted_at",
            "id",
            sqlite_where=text("stage <> 'first'"),
            postgresql_where=text("stage <> 'first'"),
        ),
        # Only what is held is in it: the desk asks for mine.
        Index(
            None,
            "claimed_by",
            "state",
            "submitted_at",
            "id",
            sqlite_where=text("claimed_by IS NOT NULL"),
            postgresql_where=text("claimed_by IS NOT NULL"),
        ),
        # Only what is or was meant for somebody: the desk asks for mine, a tie for who was given one longest ago.
        *(
            Index(
                None,
                "allocated_to",
                *columns,
                sqlite_where=text("allocated_to IS NOT NULL"),
                postgresql_where=text("allocated_to IS NOT NULL"),
            )
            for columns in (("state", "submitted_at", "id"), ("allocated_at",))
        ),
    )


class Attempt(Base):
    """What was handed in, once and for good; the next try is a new attempt."""

    __tablename__ = "qunclub_attempt"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    n: Mapped[int]
    body_md: Mapped[str] = mapped_column(Text, default="")
    body_html: Mapped[str] = mapped_column(Text, default="")
    # Normalised, see rules_links.clean_link.
    link: Mapped[str] = mapped_column(String(500), default="", server_default="")
    submitted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    on_time: Mapped[bool] = mapped_column(default=True)
    # How many percent of its score being late costs; decided when it is handed in, whatever the assignment says later.
    taken_off: Mapped[int] = mapped_column(default=0)
    # What the assignment said it earns when it was handed in, whatever it says later.
    points_accepted: Mapped[int | None]
    points_featured: Mapped[int | None]
    # The hash of what was handed in, see rules_work.receipt_text; empty for what came before there were receipts.
    receipt: Mapped[str] = mapped_column(String(64), default="")
    withdrawn_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # By which scheme its signature was made, see rules_similar; 0: it has none yet.
    signed: Mapped[int] = mapped_column(default=0, server_default="0")

    files: Mapped[list[SubmissionFile]] = relationship(lazy="raise", order_by="SubmissionFile.id")
    review: Mapped[Review | None] = relationship(
        lazy="raise",
        primaryjoin="and_(Attempt.id == foreign(Review.attempt_id), Review.counts)",
        viewonly=True,
        uselist=False,
    )
    __table_args__ = (
        UniqueConstraint("submission_id", "n"),
        # Only what waits for its signature is in it.
        Index(
            "ix_qunclub_attempt_unsigned",
            "id",
            sqlite_where=text("signed = 0"),
            postgresql_where=text("signed = 0"),
        ),
    )


class SubmissionFile(Base):
    """A file of an attempt. The bytes live in the file store under ``storage_key``; the type is ours, not theirs."""

    __tablename__ = "qunclub_submission_file"
    id: Mapped[pk]
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"))
    name: Mapped[str] = mapped_column(String(160))
    content_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "attempt_id"), Index(None, "sha256"))


class Review(Base):
    """A judgement of one attempt. At most one of an attempt's counts: it is the verdict, and points follow it.

    ``n`` numbers the judgements of an attempt: most have one. Later ones answer an appeal or correct a mistake;
    whatever no longer counts stays as it was written.
    """

    __tablename__ = "qunclub_review"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"))
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    reviewer_name: Mapped[str] = mapped_column(String(120), default="")
    verdict: Mapped[str] = mapped_column(String(20))
    score: Mapped[int]
    comment_md: Mapped[str] = mapped_column(Text, default="")
    comment_html: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    n: Mapped[int] = mapped_column(default=1, server_default="1")
    stage: Mapped[str] = mapped_column(String(12), default="first", server_default="first")
    counts: Mapped[bool] = mapped_column(default=True, server_default=true())

    scores: Mapped[list[ReviewScore]] = relationship(lazy="raise")
    __table_args__ = (
        Index(None, "submission_id"),
        Index(None, "reviewer_id", "created_at"),
        UniqueConstraint("attempt_id", "n"),
        # One verdict an attempt, whatever happens at once.
        Index(
            "uq_qunclub_review_counting",
            "attempt_id",
            unique=True,
            sqlite_where=text("counts = 1"),
            postgresql_where=text("counts"),
        ),
    )


class ReviewScore(Base):
    """What one criterion was given; *level* and *level_text* are the words of the level as they were then."""

    __tablename__ = "qunclub_review_score"
    review_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_review.id"), primary_key=True)
    criterion_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_criterion.id"), primary_key=True)
    points: Mapped[int]
    level: Mapped[str] = mapped_column(String(80), default="", server_default="")
    level_text: Mapped[str] = mapped_column(Text, default="", server_default="")


class ShowcaseEntry(Base):
    """Featured work, shown only while its author's consent stands."""

    __tablename__ = "qunclub_showcase_entry"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"), unique=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    featured_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    consented_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # What its author says of it, on the page that is shared.
    sentence: Mapped[str] = mapped_column(String(200), default="", server_default="")
    # Kept with each like, under the row's lock.
    likes: Mapped[int] = mapped_column(default=0, server_default="0")
    # An admin took it down; the author reads why. Consent is another question and stays as it is.
    hidden_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    hidden_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    __table_args__ = (
        Index(None, "consented_at"),
        Index(None, "member_id"),
        Index(None, "likes", "id"),
        Index(None, "featured_at", "id"),
    )
