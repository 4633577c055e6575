"""The tokens with which programs ask."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class ApiToken(Base):
    """What a program shows to be let in; only its hash is kept.

    Attributes:
        scopes: what it may do.
        group_id: the one group it may do it for; None for every group.
        last_used_at: kept to the minute.
    """

    __tablename__ = "qunclub_api_token"
    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    per_minute: Mapped[int] = mapped_column(default=120)
    made_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    made_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "made_by"), Index(None, "group_id"))
