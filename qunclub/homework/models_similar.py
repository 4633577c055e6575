"""What likely similar works are looked up by."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt


class WorkBand(Base):
    """One band of an attempt's signature, see rules_similar: attempts that share a *value* may be alike."""

    __tablename__ = "qunclub_work_band"
    attempt_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_attempt.id"), primary_key=True)
    band: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, index=True)
