"""Who stands at the door of which group."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime


class GroupHost(Base):
    """A host of one group. A host with none is the whole club's: they stand at every door."""

    __tablename__ = "qunclub_group_host"
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"), primary_key=True)
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id"),)
