"""What reviewers keep beside their judgements: drafts and phrases."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class ReviewDraft(Base):
    """What a reviewer has typed and not yet saved as a judgement; it outlives a lost claim and a closed window.

    ``fields`` holds the desk's form as it was sent. ``version`` grows with every save: a window that knows an older
    one is refused. ``beside`` holds what such windows had typed, until the reviewer has seen it beside the rest.
    """

    __tablename__ = "qunclub_review_draft"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    fields: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    beside: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list, server_default="[]")
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (
        UniqueConstraint("submission_id", "reviewer_id"),
        Index(None, "reviewer_id", "saved_at"),
    )


class Phrase(Base):
    """A sentence that a reviewer uses often; ``used`` counts how often, and the most used come first."""

    __tablename__ = "qunclub_phrase"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    body: Mapped[str] = mapped_column(Text)
    used: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id", "used"),)
