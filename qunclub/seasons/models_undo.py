"""What publishing changed, so that it can be taken back exactly until the season is put away."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt


class SeasonJournal(Base):
    """The rows that publishing changed as they were, the ids of those it made, and a hash of how it left them."""

    __tablename__ = "qunclub_season_journal"
    season_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_season.id"), primary_key=True, autoincrement=False
    )
    # table → rows before; table → ids made
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    made: Mapped[dict[str, Any]] = mapped_column(JSON)
    after_hash: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(BigInteger)
    # who published: another admin decides appeals
    by_key: Mapped[str] = mapped_column(String(120), default="", server_default="")
