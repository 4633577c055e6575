"""What keeps a judgement independent: who looked behind a blind review."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Unveil(Base):
    """An admin looked who wrote a work that is reviewed blind: who did, when, and why; never changed."""

    __tablename__ = "qunclub_unveil"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"))
    admin_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    admin_name: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(String(300))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("submission_id", "admin_id"),)


class HeldVerdict(Base):
    """A verdict that is decided and not out: which judgement comes into force at the release, and as what.

    The row goes with the release, in the transaction that puts the judgement in force: nothing comes out twice.
    """

    __tablename__ = "qunclub_held_verdict"
    id: Mapped[pk]
    submission_id: Mapped[int] = mapped_column(ForeignKey("qunclub_submission.id"), unique=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("qunclub_review.id"), unique=True)
    scored: Mapped[bool]
    kind: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(200))
    actor_name: Mapped[str] = mapped_column(String(120))
    decided_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
