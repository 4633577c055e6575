"""What a plan promises for finished homework, and how far each order that was made under it has come."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, BigInt, UTCDateTime, minor, pk

STATES = ("in_progress", "granted", "missed", "withheld", "ended")
KINDS = ("refund", "credit")


class TuitionPromise(Base):
    """What orders of a plan get back for ``works`` accepted works of ``assignment_ids``.

    Never changed: another promise for the plan ends this one (``until_at``), and orders made before keep it.
    The reward is ``percent`` of what was paid or ``amount``; the time is ``days`` from paying or until ``by_at``.
    """

    __tablename__ = "qunclub_tuition_promise"
    id: Mapped[pk]
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    works: Mapped[int]
    assignment_ids: Mapped[list[int]] = mapped_column(JSON)
    featured_only: Mapped[bool] = mapped_column(default=False)
    days: Mapped[int | None]
    by_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    kind: Mapped[str] = mapped_column(String(10))
    percent: Mapped[int | None]
    amount: Mapped[int | None] = mapped_column(BigInt)
    from_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    until_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (
        # One promise a plan at a time, whoever saves at once.
        Index(
            "uq_qunclub_tuition_promise_now",
            "plan_id",
            unique=True,
            sqlite_where=text("until_at IS NULL"),
            postgresql_where=text("until_at IS NULL"),
        ),
    )


class TuitionCase(Base):
    """One order under a promise; ``state`` leaves ``in_progress`` under the row's lock, so a grant comes once."""

    __tablename__ = "qunclub_tuition_case"
    id: Mapped[pk]
    promise_id: Mapped[int] = mapped_column(ForeignKey("qunclub_tuition_promise.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("qunclub_order.id"), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(20), default="in_progress")
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    deadline_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    amount: Mapped[minor] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    # The refund's key, or the coupon's code.
    ref: Mapped[str] = mapped_column(String(80), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    settled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    promise: Mapped[TuitionPromise] = relationship(lazy="raise")
    __table_args__ = (Index(None, "state", "id"), Index(None, "member_id"), Index(None, "promise_id"))
