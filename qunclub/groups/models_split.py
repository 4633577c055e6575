"""A group that is split in two at an announced moment."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk

SPLIT_STATES = ("planned", "done", "called_off")


class GroupSplit(Base):
    """Announced to everybody in the group; carried out once, at its moment, for those it was announced to.

    Attributes:
        way, key, seed: the rule by which they were chosen, so that it can be looked at again.
        movers: the seats that go, as announced; whoever comes later stays.
        capacity: seats of the new group.
        note: why it was called off.
        made_id: the new group, once it is done.
    """

    __tablename__ = "qunclub_group_split"
    id: Mapped[pk]
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    way: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(80), default="")
    seed: Mapped[str] = mapped_column(String(20), default="")
    movers: Mapped[list[int]] = mapped_column(JSON)
    capacity: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12), default="planned")
    announced_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str] = mapped_column(Text, default="")
    made_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (
        Index(
            "uq_qunclub_group_split_planned",
            "group_id",
            unique=True,
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
        Index(
            "ix_qunclub_group_split_due",
            "due_at",
            "id",
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
        Index(None, "group_id", "id"),
        Index(None, "by_id"),
    )
