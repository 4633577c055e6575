"""What the doors wrote down agrees with the tickets and with what they counted."""

from __future__ import annotations

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from .models import EntryTicket
from .models_door import ENTERED, DoorTally, TicketCheck

LIMIT = 50


def check(session: Session) -> list[Finding]:
    """Nobody was let in on a ticket that is still good; the counts of the doors are those of their logs."""
    return [*_entered(session), *_tallies(session)]


def _entered(session: Session) -> list[Finding]:
    rows = session.scalars(
        select(EntryTicket.id)
        .join(TicketCheck, TicketCheck.ticket_id == EntryTicket.id)
        .where(
            TicketCheck.outcome.in_(ENTERED),
            EntryTicket.state == "valid",
            TicketCheck.turn == EntryTicket.turn,
        )
        .distinct()
        .limit(LIMIT)
    )
    return [
        Finding(4, f"ticket {ticket} let its member in and is valid still", {"ticket_id": ticket})
        for ticket in rows
    ]


def _tallies(session: Session) -> list[Finding]:
    counted = (
        select(
            TicketCheck.group_id,
            func.sum(case((TicketCheck.outcome == "admitted", 1), else_=0)).label("came"),
            func.sum(case((TicketCheck.outcome == "forced", 1), else_=0)).label("forced"),
            func.count().label("all"),
        )
        .where(TicketCheck.group_id.is_not(None))
        .group_by(TicketCheck.group_id)
        .subquery()
    )
    refused = counted.c.all - counted.c.came - counted.c.forced
    rows = session.execute(
        select(counted.c.group_id, DoorTally.group_id)
        .join(DoorTally, DoorTally.group_id == counted.c.group_id, isouter=True, full=True)
        .where(
            or_(
                counted.c.group_id.is_(None),
                DoorTally.group_id.is_(None),
                and_(
                    DoorTally.group_id.is_not(None),
                    or_(
                        DoorTally.came != counted.c.came,
                        DoorTally.forced != counted.c.forced,
                        DoorTally.refused != refused,
                    ),
                ),
            )
        )
        .limit(LIMIT)
    )
    return [
        Finding(
            4,
            f"the door of group {first or second} counted otherwise than its log",
            {"group_id": first or second},
        )
        for first, second in rows
    ]
