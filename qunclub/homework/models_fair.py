"""What makes a judgement answerable: the history of every verdict and score, and the authors' appeals."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk

CHANGES = ("review", "second", "third", "appeal", "correction", "reopen", "waive")
APPEAL_STATES = ("open", "upheld", "declined", "lapsed", "returned")
PAID = ("open", "declined")
"""States of an appeal that keep its token; in every other the author has it back."""


class VerdictChange(Base):
    """One line of a submission's history, never changed: what it was judged before and after, by whom and why.

    ``before`` and ``after`` are verdicts; empty where none was or is in force. The last line of a submission is
    what it is judged now.
    """

    __tablename__ = "qunclub_verdict_change"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"))
    review_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_review.id"))
    kind: Mapped[str] = mapped_column(String(12))
    before: Mapped[str] = mapped_column(String(20), default="")
    after: Mapped[str] = mapped_column(String(20), default="")
    score_before: Mapped[int | None]
    score_after: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(200))
    actor_name: Mapped[str] = mapped_column(String(120), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "submission_id", "id"), Index(None, "at"))


class WorkAppeal(Base):
    """An author asks for another judgement of an attempt, once, and pays with a token."""

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
    __table_args__ = (
        Index(None, "member_id", "opened_at"),
        Index(None, "state", "opened_at"),
        Index(None, "submission_id"),
    )
