"""Whose points a group's ranking counts, and whom the sweep has to look at again."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, pk


class BoardMember(Base):
    """That a member's points count in the ranking of a scope (``group:7``); kept by the sweep, after the seats."""

    __tablename__ = "qunclub_board_member"
    member_id: Mapped[int] = mapped_column(BigInt, ForeignKey("qunclub_member.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    __table_args__ = (Index(None, "scope"),)


class BoardLook(Base):
    """A member may have come into a scope or left it; whether they did is asked when the sweep comes."""

    __tablename__ = "qunclub_board_look"
    id: Mapped[pk]
    scope: Mapped[str] = mapped_column(String(40))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    __table_args__ = (Index(None, "member_id"),)
