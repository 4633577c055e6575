"""Seats of the core that become free between two results: who is next by the last one, and what they were offered."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.kernel import Base, BigInt, UTCDateTime, pk
from qunclub.members.models import Member

OFFER_STATES = ("open", "accepted", "declined", "lapsed", "withdrawn", "ended")


class RunnerUp(Base):
    """Somebody who might have risen and for whom no seat was left, as the result was published.

    ``passed_*``: an admin passed them over, with a reason.
    """

    __tablename__ = "qunclub_season_runner_up"
    season_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_season.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_member.id"), primary_key=True)
    place: Mapped[int]
    points: Mapped[int]
    passed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    passed_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    passed_by: Mapped[str] = mapped_column(String(200), default="", server_default="")

    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (UniqueConstraint("season_id", "place"), Index(None, "member_id"))


class SeatOffer(Base):
    """The seat that somebody gave back, offered to one runner-up until a deadline: once a member and result.

    States: ``open``; ``accepted`` (``taken_id`` is their seat); ``declined`` by the member; ``lapsed`` at the deadline;
    ``withdrawn`` by an admin with a reason; ``ended`` when the running season was frozen.
    """

    __tablename__ = "qunclub_season_offer"
    id: Mapped[pk]
    season_id: Mapped[int] = mapped_column(ForeignKey("qunclub_season.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_core_seat.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    state: Mapped[str] = mapped_column(String(12), default="open")
    offered_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    until: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    taken_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_core_seat.id"))

    member: Mapped[Member] = relationship(lazy="raise")
    __table_args__ = (
        UniqueConstraint("season_id", "member_id"),
        Index(
            "uq_qunclub_season_offer_seat",
            "seat_id",
            unique=True,
            sqlite_where=text("state IN ('open', 'accepted')"),
            postgresql_where=text("state IN ('open', 'accepted')"),
        ),
        Index(None, "member_id"),
        Index(None, "state", "until"),
        Index(None, "taken_id"),
    )
