"""Reads of the lists that hosts took along: which there are, what came back, what was in conflict."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from qunclub.members.models import Member

from .models_door import DoorList, TicketCheck

LATEST = 50
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class TakenIn:
    """An uploaded check, and of a conflict the one that had arrived first."""

    check: TicketCheck
    member: Member | None
    first: TicketCheck | None
    first_host: Member | None

    @property
    def conflict(self) -> bool:
        """Whether somebody else let the same ticket in, too."""
        return self.check.outcome == "used"


def of_group(session: Session, group_id: int) -> list[tuple[DoorList, Member]]:
    """The latest lists of a door with the hosts who took them."""
    query = (
        select(DoorList, Member)
        .join(Member, Member.id == DoorList.host_id)
        .where(DoorList.group_id == group_id)
        .order_by(DoorList.id.desc())
        .limit(LATEST)
    )
    return [(made, host) for made, host in session.execute(query)]


def taken_in(session: Session, list_id: int) -> list[TakenIn]:
    """What was uploaded from a list, conflicts with both hosts: one statement."""
    first, host = aliased(TicketCheck), aliased(Member)
    query = (
        select(TicketCheck, Member, first, host)
        .join(Member, Member.id == TicketCheck.member_id, isouter=True)
        .join(
            first,
            and_(
                first.ticket_id == TicketCheck.ticket_id,
                # A ticket that was made good again was admitted once before.
                first.turn == TicketCheck.turn,
                first.outcome == "admitted",
            ),
            isouter=True,
        )
        .join(host, host.id == first.by_id, isouter=True)
        .where(TicketCheck.list_id == list_id)
        .order_by(TicketCheck.id)
        .limit(MOST_SHOWN)
    )
    return [TakenIn(*row) for row in session.execute(query)]
