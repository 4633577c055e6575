"""What somebody of the core says of themselves, and whether everybody may read it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime
from qunclub.members.models import Member


class CoreProfile(Base):
    """Skills (擅长) and a few words: members read them, and everybody from ``public_at`` on, until it is taken back."""

    __tablename__ = "qunclub_core_profile"
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey(Member.id), primary_key=True, autoincrement=False
    )
    skills: Mapped[list[str]] = mapped_column(JSON, default=list)
    about: Mapped[str] = mapped_column(Text, default="")
    public_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
