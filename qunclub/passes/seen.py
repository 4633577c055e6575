"""A ticket and what stands beside it, as the door sees them: one statement, columns only, under the ticket's lock.

On PostgreSQL a row that somebody changed meanwhile is locked as it is *now*, while what is joined to it is as it was
when the statement began. So the statement says whether that happened, and is asked again under the lock it holds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, select, true
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import locks, reads
from qunclub.members.models import Member

from . import rules
from .models import EntryTicket, Pass
from .models_door import TicketCheck
from .rules import Door


@dataclass(frozen=True, slots=True)
class TicketSeen:
    """The ticket itself, as ``models.EntryTicket`` says."""

    id: int
    code: str
    member_id: int
    seat_id: int
    state: str
    used_at: dt.datetime | None
    used_by: str
    void_reason: str
    turn: int


@dataclass(frozen=True, slots=True)
class HolderSeen:
    """Whose ticket it is."""

    id: int
    number: int | None
    name: str
    nickname: str
    city: str
    suspend_reason: str

    @property
    def shown_name(self) -> str:
        """What others call them, as ``Member.shown_name``."""
        return self.nickname or self.name


@dataclass(frozen=True, slots=True)
class SeatSeen:
    """The seat it is bound to."""

    id: int
    group_id: int | None
    state: str
    end_reason: str


@dataclass(frozen=True, slots=True)
class LineSeen:
    """The line of groups of the seat."""

    name: str
    nickname_rule: str


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """The group it admits to."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TicketResult:
    """What a host sees of a ticket.

    Attributes:
        door: ``admit`` (valid; after a check-in: just admitted), or why not.
        admitted_now: whether this very check let the member in.
        before: the check that has the key which was asked for; None when there is none, or no key was.
    """

    door: Door
    admitted_now: bool
    ticket: TicketSeen
    member: HolderSeen
    line: LineSeen
    group: GroupSeen | None
    seat: SeatSeen
    before: int | None = None


def see(session: Session, code: str, *, key: str | None = None, lock: bool = False) -> TicketResult | None:
    """The ticket with this *code*, None when there is none.

    Args:
        code: as it is kept (``tickets.verify``).
        key: the caller's own name of a check that may have been made before.
        lock: nobody else changes the ticket before this unit of work ends.

    Raises:
        NoTransaction: for a lock outside a writing unit of work.
    """
    if lock:
        locks.demand(session, EntryTicket)
    postgres = session.get_bind().dialect.name == "postgresql"
    statement = _statement(locking=lock and postgres and locks.enabled())
    row = reads.one(session, statement, code=code, key=key)
    if row is not None and not row[0]:
        row = reads.one(session, statement, code=code, key=key)
    return None if row is None else _result(row)


def _result(row: Any) -> TicketResult:
    (
        _current, before, ticket, code, owner, seat, state, used_at, used_by, void_reason, turn,
        member, number, name, nickname, city, suspended_at, suspend_reason, group, seat_state, end_reason,
        line_name, nickname_rule, group_slug, group_name, held, active,
    ) = row  # fmt: skip
    door = rules.admission(
        ticket=state, seat=seat_state, suspended=suspended_at is not None, disputed=held and not active
    )
    return TicketResult(
        door,
        False,
        TicketSeen(ticket, code, owner, seat, state, used_at, used_by, void_reason, turn),
        HolderSeen(member, number, name, nickname, city, suspend_reason),
        LineSeen(line_name, nickname_rule),
        GroupSeen(group, group_slug, group_name) if group is not None else None,
        SeatSeen(seat, group, seat_state, end_reason),
        before,
    )


# Made once and kept (``kernel.reads``): the door is in a hurry.
@cache
def _statement(*, locking: bool) -> Select[*tuple[Any, ...]]:
    ticket, seat, holder = EntryTicket.__table__, Seat.__table__.c, Member.__table__.c
    line, group, held_by = GroupLine.__table__.c, Group.__table__.c, Pass.__table__.c
    made, one = TicketCheck.__table__.c, ticket.c
    # As in ``tickets.disputed_among``, without a statement of its own.
    of_seat = select(held_by.id).where(held_by.seat_id == seat.id, held_by.seat_id.is_not(None))
    held, active = (
        of_seat.where(held_by.state == state).correlate(Seat.__table__).exists()
        for state in ("suspended", "active")
    )
    before = select(made.id).where(made.client_key == bindparam("key")).scalar_subquery()
    # As the statement's own snapshot has it, beside the row that was locked. PostgreSQL's ``xmin`` says which version
    # of a row one sees.
    seen = ticket.alias("seen")
    version: Any = literal_column("seen.xmin") == literal_column(f"{EntryTicket.__tablename__}.xmin")
    current = select(version).select_from(seen).where(seen.c.id == one.id).scalar_subquery()
    query = (
        select(
            (current if locking else true()).label("current"),
            before.label("before"),
            one.id, one.code, one.member_id, one.seat_id, one.state, one.used_at, one.used_by,
            one.void_reason, one.turn,
            holder.id, holder.number, holder.name, holder.nickname, holder.city, holder.suspended_at,
            holder.suspend_reason,
            seat.group_id, seat.state, seat.end_reason,
            line.name, line.nickname_rule, group.slug, group.name,
            held, active,
        )
        .join_from(ticket, Seat.__table__, seat.id == one.seat_id)
        .join(Member.__table__, holder.id == seat.member_id)
        .join(GroupLine.__table__, line.id == seat.line_id)
        .join(Group.__table__, group.id == seat.group_id, isouter=True)
        .where(one.code == bindparam("code"))
    )  # fmt: skip
    return query.with_for_update(of=ticket) if locking else query
