"""Members, their tiers, and the numbers an admin keeps back."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, UTCDateTime, pk


class Tier(Base):
    """A level of membership given by a pass: ordinary, diehard, …; the higher rank wins."""

    __tablename__ = "qunclub_tier"
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    rank: Mapped[int]
    benefits: Mapped[str] = mapped_column(Text, default="")


class Member(Base):
    """A person in the club.

    ``user_key`` is the identity's opaque key: no foreign key leads into a host's tables. ``number`` is given with
    the first pass, never changed and never reused.
    """

    __tablename__ = "qunclub_member"
    id: Mapped[pk]
    user_key: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), default="")
    number: Mapped[int | None] = mapped_column(unique=True)
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_tier.id"))
    nickname: Mapped[str] = mapped_column(String(60), default="")
    city: Mapped[str] = mapped_column(String(60), default="")
    bio: Mapped[str] = mapped_column(Text, default="")
    locale: Mapped[str] = mapped_column(String(8), default="")
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    joined_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    numbered_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    suspended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    suspend_reason: Mapped[str] = mapped_column(Text, default="")
    hidden_on_boards: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Kept by the room of notices; here, so that the bell of every page costs no statement of its own.
    notices_unread: Mapped[int] = mapped_column(default=0, server_default="0")

    tier: Mapped[Tier | None] = relationship(lazy="raise")
    __table_args__ = tuple(
        # For what begins with the letters typed, too: PostgreSQL's own order of letters would not serve that.
        Index(f"ix_qunclub_member_{name}_prefix", name, postgresql_ops={name: "varchar_pattern_ops"})
        for name in ("email", "name", "nickname")
    )

    @property
    def shown_name(self) -> str:
        """What others call this member: the nickname, or the name."""
        return self.nickname or self.name


class ReservedNumber(Base):
    """A number an admin keeps back from the queue, until it is given by hand."""

    __tablename__ = "qunclub_reserved_number"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text, default="")
    reserved_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
