"""The levels of a criterion."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, pk


class CriterionLevel(Base):
    """One step of a criterion. Reviews keep its words for themselves, see ``ReviewScore``, so that it may change."""

    __tablename__ = "qunclub_criterion_level"
    id: Mapped[pk]
    criterion_id: Mapped[int] = mapped_column(ForeignKey("qunclub_criterion.id"))
    position: Mapped[int]
    points: Mapped[int]
    title: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (UniqueConstraint("criterion_id", "points"),)
