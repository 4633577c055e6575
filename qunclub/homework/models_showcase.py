"""Likes of shown work."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime


class ShowcaseLike(Base):
    """A member likes a shown work, once; the work's own count is kept beside it."""

    __tablename__ = "qunclub_showcase_like"
    entry_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_showcase_entry.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_member.id"), primary_key=True, autoincrement=False
    )
    liked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id"),)
