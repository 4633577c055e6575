"""A member's own seats: the group, the covenant, the place in the queue, and whether the way in is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from qunclub.members.models import Member

from . import entry, rules_entry
from .models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from .models_ritual import Introduction, LineRitual
from .queries import covenants
from .rules_entry import Closed, EntryFacts
from .services import LIVE

COUNTED_PLACES = 1_000
"""A place behind this many is told as "more than": counting it would cost with the list's length."""
TOLD = dt.timedelta(days=365)
"""How long a seat that was taken back stands on its member's page."""


@dataclass(frozen=True, slots=True)
class MySeat:
    """A seat of the reader, with what its page needs.

    Attributes:
        accepted_at: when the version in force was accepted.
        place: on the waiting list, from 1; beyond :data:`COUNTED_PLACES` it is that many and more.
        closed: why the way in is closed, empty when it is open.
    """

    seat: Seat
    line: GroupLine
    group: Group | None
    covenant: Covenant | None
    accepted_at: dt.datetime | None
    place: int | None = None
    closed: Closed = ""

    @property
    def may_enter(self) -> bool:
        """Whether the way in is shown."""
        return self.closed == ""

    @property
    def why(self) -> str:
        """Why not, as a msgid."""
        return rules_entry.CLOSED_WORDS[self.closed]

    @property
    def far(self) -> bool:
        """Whether the place is only known to be behind so many."""
        return self.place is not None and self.place > COUNTED_PLACES


def waiting_places(session: Session, seats: Iterable[Seat]) -> dict[int, int]:
    """The places of those of these that wait, from 1, by their id: one statement, each count bounded."""
    ids = [seat.id for seat in seats if seat.state == "waiting" and seat.position is not None]
    if not ids:
        return {}
    other = aliased(Seat)
    ahead = (
        select(other.id)
        .where(
            other.line_id == Seat.line_id,
            other.state == "waiting",
            tuple_(other.turn, other.position) < tuple_(Seat.turn, Seat.position),
        )
        .limit(COUNTED_PLACES)
        .correlate(Seat)
        .subquery()
    )
    count = select(func.count()).select_from(ahead).scalar_subquery()
    rows = session.execute(select(Seat.id, count).where(Seat.id.in_(ids)))
    return {ident: 1 + before for ident, before in rows}


def waiting_place(session: Session, seat: Seat) -> int | None:
    """The seat's place on the waiting list, from 1; None when it does not wait. Counted up to COUNTED_PLACES."""
    return waiting_places(session, [seat]).get(seat.id)


def _owes_introduction() -> ColumnElement[bool]:
    """SQL: whether the line asks questions of the seat's holder that are not answered; see ``rules_ritual.asked``."""
    # Correlated by name: the inner one would else look at everybody's seats.
    given = (
        select(Introduction.id)
        .where(Introduction.line_id == Seat.line_id, Introduction.member_id == Seat.member_id)
        .correlate(Seat)
        .exists()
    )
    return (
        select(LineRitual.line_id)
        .where(
            LineRitual.line_id == Seat.line_id,
            cast(LineRitual.questions, String) != "[]",
            LineRitual.asked_since <= Seat.asked_at,
            ~given,
        )
        .correlate(Seat)
        .exists()
    )


def _seats() -> Select[*tuple[Any, ...]]:
    return (
        select(Seat, GroupLine, Group, Member.suspended_at, _owes_introduction().label("silent"))
        .join(GroupLine, GroupLine.id == Seat.line_id)
        .join(Member, Member.id == Seat.member_id)
        .join(Group, Group.id == Seat.group_id, isouter=True)
    )


def my_seats(session: Session, member_id: int) -> list[MySeat]:
    """The member's live seats with covenant and waiting place, in a constant number of statements."""
    query = _seats().where(Seat.member_id == member_id, Seat.state.in_(LIVE)).order_by(Seat.id)
    return _known(session, member_id, session.execute(query).all())


def my_seat(session: Session, *, line_id: int, member_id: int) -> MySeat | None:
    """The member's live seat in one line."""
    query = _seats().where(Seat.line_id == line_id, Seat.member_id == member_id, Seat.state.in_(LIVE))
    found = _known(session, member_id, session.execute(query).all())
    return found[0] if found else None


def seat_of(session: Session, seat_id: int) -> MySeat | None:
    """One seat, live or ended, as its owner sees it."""
    rows = session.execute(_seats().where(Seat.id == seat_id)).all()
    return _known(session, rows[0][0].member_id, rows)[0] if rows else None


def taken_back(session: Session, member_id: int, now: dt.datetime) -> list[tuple[Seat, str]]:
    """Seats that were taken from the member within a year, the newest first, with the name of the group or line."""
    query = (
        select(Seat, Group.name, GroupLine.name)
        .join(GroupLine, GroupLine.id == Seat.line_id)
        .join(Group, Group.id == Seat.group_id, isouter=True)
        .where(Seat.member_id == member_id, Seat.state == "removed", Seat.ended_at > now - TOLD)
        .order_by(Seat.ended_at.desc(), Seat.id.desc())
        .limit(5)
    )
    return [(seat, group or line) for seat, group, line in session.execute(query)]


def _known(session: Session, member_id: int, rows: Sequence[Any]) -> list[MySeat]:
    if not rows:
        return []
    in_force = covenants(session, [line.id for _, line, *_rest in rows])
    accepted: dict[int, dt.datetime] = {}
    if in_force:
        accepted = {
            covenant_id: at
            for covenant_id, at in session.execute(
                select(CovenantAcceptance.covenant_id, CovenantAcceptance.accepted_at).where(
                    CovenantAcceptance.member_id == member_id,
                    CovenantAcceptance.covenant_id.in_([one.id for one in in_force.values()]),
                )
            )
        }
    places = waiting_places(session, [seat for seat, *_rest in rows])
    disputed = entry.disputed_among(session, [seat.id for seat, *_rest in rows])
    result = []
    for seat, line, group, suspended_at, silent in rows:
        covenant = in_force.get(line.id)
        accepted_at = accepted.get(covenant.id) if covenant else None
        facts = EntryFacts(
            seat=seat.state,
            covenant=covenant is None or accepted_at is not None,
            introduced=not silent,
            suspended=suspended_at is not None,
            disputed=seat.id in disputed,
        )
        result.append(
            MySeat(
                seat=seat,
                line=line,
                group=group,
                covenant=covenant,
                accepted_at=accepted_at,
                place=places.get(seat.id),
                closed=rules_entry.why_closed(facts),
            )
        )
    return result
