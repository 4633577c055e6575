"""Groups that members lead themselves, beside the group they come from."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk

SPIN_OFF_STATES = ("proposed", "approved", "declined", "withdrawn", "ended")
OPEN_TO = ("group", "line")
APPROVED = text("state = 'approved'")
PROPOSED = text("state = 'proposed'")


class SpinOff(Base):
    """Proposed by a member; approved, it is a line of one group, led by that member or whoever took it over.

    Attributes:
        open_to: who may come in: those seated in the parent ``group``, or anywhere in its ``line``.
        leader_id, leader_note: who leads it; with nobody the note says why. Of one that has ended: who led it last, and
            why it ended; when it did, its group's ``closed_at`` says.
        line_id, group_id: its own line and group, once it is approved.
        answer: the admin's words.
    """

    __tablename__ = "qunclub_spin_off"
    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(120))
    purpose: Mapped[str] = mapped_column(Text)
    capacity: Mapped[int]
    open_to: Mapped[str] = mapped_column(String(10), default="group")
    parent_line_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group_line.id"))
    parent_group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    proposer_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    leader_note: Mapped[str] = mapped_column(Text, default="")
    line_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group_line.id"), unique=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"), unique=True)
    state: Mapped[str] = mapped_column(String(12), default="proposed")
    proposed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        Index(
            "uq_qunclub_spin_off_proposed",
            "parent_line_id",
            "proposer_id",
            unique=True,
            sqlite_where=PROPOSED,
            postgresql_where=PROPOSED,
        ),
        Index("ix_qunclub_spin_off_waiting", "id", sqlite_where=PROPOSED, postgresql_where=PROPOSED),
        Index("ix_qunclub_spin_off_there", "id", sqlite_where=APPROVED, postgresql_where=APPROVED),
        Index(None, "parent_line_id", "state", "id"),
        Index(None, "parent_group_id"),
        Index(None, "proposer_id"),
        Index(None, "leader_id"),
        Index(None, "answered_by"),
    )
