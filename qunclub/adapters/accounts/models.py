"""Accounts of the standalone site; a host app brings its own users and leaves this table empty."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class Account(Base):
    """Somebody who can sign in. ``email`` is kept in lower case; ``stamp`` changes with the password and ends
    every session and mailed link made before."""

    __tablename__ = "qunclub_account"
    id: Mapped[pk]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(200))
    stamp: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(8), default="")
    verified_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
