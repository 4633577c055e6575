"""What a reviewer says at a place of the work: remarks of a review."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, pk


class Remark(Base):
    """A remark at a passage (``start``, ``end``, ``quote``) or at a spot of a picture (``file_id``, ``x``, ``y``).

    See rules_remarks for what the numbers mean. ``position`` counts from 1 in the order of the work. What is not yet
    saved as a review stands in the fields of the draft.
    """

    __tablename__ = "qunclub_remark"
    id: Mapped[pk]
    review_id: Mapped[int] = mapped_column(ForeignKey("qunclub_review.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("qunclub_attempt.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    start: Mapped[int | None]
    end: Mapped[int | None]
    quote: Mapped[str] = mapped_column(Text, default="")
    file_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_submission_file.id"))
    x: Mapped[int | None]
    y: Mapped[int | None]
    body_md: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("review_id", "position"), Index(None, "attempt_id"))
