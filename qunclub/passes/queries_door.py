"""Reads for the door: where a host may stand, who came, what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from qunclub import groups
from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import Actor, Page
from qunclub.members.models import Member

from .models import EntryTicket
from .models_door import DoorTally, TicketCheck
from .rules_door import Doors
from .seen import TicketSeen

MOST_DOORS = 200
PER_PAGE = 50
LOG_HEADER = (
    "check", "at", "claimed_at", "group", "number", "name", "outcome", "reason", "way", "device", "host", "bot",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One line of the door's log: the check, whose ticket it was, who stood there, at which group's door."""

    check: TicketCheck
    member: Member | None
    host: Member | None
    group: Group | None


def doors_of(session: Session, actor: Actor, at: int | None) -> Doors:
    """At which doors *actor* may stand; *at* is forgotten when it is none of them.

    Who stood at the door of a group that was merged stands at the other's, as its own hosts and programs do.
    """
    allowed = None
    if not actor.has("admin") and actor.member_id is not None:
        # A host with no group of their own is the whole club's.
        allowed = groups.doors_hosted_by(session, actor.member_id) or None
    if allowed is not None and len(allowed) == 1:
        (at,) = allowed
    if at is not None:
        at = session.scalar(select(func.coalesce(Group.into_id, Group.id)).where(Group.id == at))
    doors = Doors(allowed, at)
    return doors if at is None or doors.may(at) else Doors(allowed)


def choices(session: Session, doors: Doors) -> list[tuple[int, str]]:
    """(id, name) of the doors somebody may choose, newest first; of very many the newest.

    Closed groups have none, nor have spin-offs: their members have no tickets.
    """
    query = (
        select(Group.id, Group.name)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .where(Group.closed_at.is_(None), GroupLine.kind != "spin_off")
        .order_by(Group.id.desc())
        .limit(MOST_DOORS)
    )
    if doors.allowed is not None:
        query = query.where(Group.id.in_(doors.allowed))
    return [(ident, name) for ident, name in session.execute(query)]


def tally(session: Session, group_id: int) -> DoorTally:
    """What the door of a group has counted."""
    return session.get(DoorTally, group_id) or DoorTally(group_id=group_id, came=0, forced=0, refused=0)


def _log(group_id: int) -> Select[*tuple[Any, ...]]:
    host = aliased(Member)
    return (
        select(TicketCheck, Member, host, Group)
        .join(Member, Member.id == TicketCheck.member_id, isouter=True)
        .join(host, host.id == TicketCheck.by_id, isouter=True)
        .join(Group, Group.id == TicketCheck.group_id, isouter=True)
        .where(TicketCheck.group_id == group_id)
        .order_by(TicketCheck.id.desc())
    )


def log(
    session: Session, group_id: int, *, before: int | None = None, per_page: int = PER_PAGE
) -> Page[CheckRow]:
    """The door's checks, the latest first, those before the check *before*; read along the index (group_id, id)."""
    query = _log(group_id)
    if before is not None:
        query = query.where(TicketCheck.id < before)
    rows = [CheckRow(*row) for row in session.execute(query.limit(per_page + 1))]
    shown = rows[:per_page]
    more = str(shown[-1].check.id) if len(rows) > per_page else ""
    return Page(items=shown, per_page=per_page, has_next=bool(more), more=more)


def log_rows(session: Session, group_id: int) -> Iterator[list[Any]]:
    """The same as a table of record."""
    for row in session.execute(_log(group_id).execution_options(yield_per=500)):
        one = CheckRow(*row)
        # As on the page: whose another group's ticket is, the hosts of this one do not learn.
        told = one.member if one.check.outcome != "other_group" else None
        yield [
            one.check.id, one.check.at, one.check.claimed_at, one.group.name if one.group else "",
            told.number if told else "", told.shown_name if told else "", one.check.outcome,
            one.check.reason, one.check.way, one.check.device, one.host.shown_name if one.host else "", one.check.bot,
        ]  # fmt: skip


def first_entry(session: Session, ticket: EntryTicket | TicketSeen) -> CheckRow | None:
    """The check that used the ticket up, with who stood there; None for one used before checks were written down.

    Of a ticket that was made good again (after a move, say) the check since then.
    """
    host = aliased(Member)
    row = session.execute(
        select(TicketCheck, Member, host, Group)
        .join(Member, Member.id == TicketCheck.member_id, isouter=True)
        .join(host, host.id == TicketCheck.by_id, isouter=True)
        .join(Group, Group.id == TicketCheck.group_id, isouter=True)
        .where(
            TicketCheck.ticket_id == ticket.id,
            TicketCheck.turn == ticket.turn,
            TicketCheck.outcome.in_(("admitted", "forced")),
        )
        .order_by(TicketCheck.id)
        .limit(1)
    ).first()
    return CheckRow(*row) if row is not None else None
