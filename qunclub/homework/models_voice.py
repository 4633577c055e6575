"""What a reviewer says instead of writing it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class SpokenComment(Base):
    """A recording of a review; without ``review_id`` it is a draft that its reviewer alone hears.

    The bytes lie in the file store under ``storage_key``; the type is ours, not theirs.
    """

    __tablename__ = "qunclub_spoken_comment"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    review_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_review.id"))
    content_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "submission_id"), Index(None, "review_id"), Index(None, "reviewer_id"))
