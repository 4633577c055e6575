"""What keeps a judgement independent: who looked behind a blind review."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String, UniqueConstraint
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
