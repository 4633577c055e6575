"""What happened at the doors: every try, what each door counted, and the lists that hosts took with them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk

WAYS = ("typed", "scan", "camera", "api", "offline", "chat")
ENTERED = ("admitted", "forced")


class TicketCheck(Base):
    """One try at a door: what was shown, to whom, and what came of it; refused ones too.

    Attributes:
        ticket_id, member_id: the ticket and whose it is; empty for a code that is no ticket.
        group_id: the door: the group at which the host stood, else the ticket's own.
        by_id, bot: the host; or the name of the token with which a program asked.
        claimed_at: of an uploaded check: when it was made by the clock of the host's phone.
        list_id: of an uploaded check: the list it was made with.
        outcome: ``admitted``, ``forced``, or why not (``rules.Door``, ``other_group``, ``unknown``).
        reason: of a forced entry: why.
        turn: the ticket's own at that moment; it is good for one admission each.
    """

    __tablename__ = "qunclub_ticket_check"
    id: Mapped[pk]
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_entry_ticket.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    claimed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    list_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_door_list.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    bot: Mapped[str] = mapped_column(String(80), default="")
    way: Mapped[str] = mapped_column(String(12))
    device: Mapped[str] = mapped_column(String(60), default="")
    client_key: Mapped[str | None] = mapped_column(String(140), unique=True)
    outcome: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text, default="")
    turn: Mapped[int] = mapped_column(default=1, server_default="1")
    __table_args__ = (
        # The database itself refuses a second admission of a ticket, whatever the code above it believes.
        Index(
            "uq_qunclub_ticket_check_admitted",
            "ticket_id",
            "turn",
            unique=True,
            sqlite_where=text("outcome = 'admitted'"),
            postgresql_where=text("outcome = 'admitted'"),
        ),
        Index(None, "ticket_id", "id"),
        Index(None, "group_id", "id"),
        Index(None, "member_id"),
        Index(None, "by_id"),
        Index(None, "list_id"),
    )


class DoorTally(Base):
    """What the door of a group has counted: kept with each check, never counted on a page."""

    __tablename__ = "qunclub_door_tally"
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"), primary_key=True)
    came: Mapped[int] = mapped_column(default=0)
    forced: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)


class DoorList(Base):
    """A list that a host took along for a meetup without a network; its checks are taken until ``closes_at``."""

    __tablename__ = "qunclub_door_list"
    id: Mapped[pk]
    group_id: Mapped[int] = mapped_column(ForeignKey("qunclub_group.id"))
    host_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    made_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    closes_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    salt: Mapped[str] = mapped_column(String(40))
    tickets: Mapped[int] = mapped_column(default=0)
    uploaded_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "host_id", "id"), Index(None, "group_id", "id"))
