"""Closed groups hold nobody and lead on; wishes to move are those of seats that stand where they say."""

from __future__ import annotations

from sqlalchemy import and_, case, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding

from .models import Group, GroupLine, Seat
from .models_moving import MoveRequest
from .models_spin_off import SpinOff

LIMIT = 50
LIVE = ("waiting", "offered", "admitted")


def check(session: Session) -> list[Finding]:
    """What moving and merging promise."""
    return [*_closed(session), *_wishes(session), *_spin_offs(session), *_came_from(session)]


def _closed(session: Session) -> list[Finding]:
    into = aliased(Group)
    held = select(Seat.id).where(Seat.group_id == Group.id, Seat.state.in_(LIVE)).exists()
    shut = Group.closed_at.is_not(None)
    ended = select(SpinOff.id).where(SpinOff.group_id == Group.id, SpinOff.state == "ended")
    wrong = case(
        (and_(shut, or_(Group.capacity != 0, Group.seated != 0)), "is closed and counts seats"),
        (and_(shut, held), "is closed and somebody has a seat in it"),
        (and_(shut, Group.into_id.is_(None), ~ended.exists()), "is closed and leads nowhere"),
        (and_(~shut, Group.into_id.is_not(None)), "leads to another group and is not closed"),
        (
            and_(shut, or_(into.closed_at.is_not(None), into.line_id != Group.line_id)),
            "leads to no open group",
        ),
        else_=None,
    )
    rows = session.execute(
        select(Group.id, wrong)
        .join(into, into.id == Group.into_id, isouter=True)
        .where(or_(shut, Group.into_id.is_not(None)), wrong.is_not(None))
        .limit(LIMIT)
    )
    return [Finding(2, f"group {group} {what}", {"group_id": group}) for group, what in rows]


def _wishes(session: Session) -> list[Finding]:
    rows = session.scalars(
        select(MoveRequest.id)
        .join(Seat, Seat.id == MoveRequest.seat_id)
        .where(
            MoveRequest.state == "open",
            or_(
                Seat.state != "admitted",
                Seat.group_id != MoveRequest.from_id,
                MoveRequest.member_id != Seat.member_id,
            ),
        )
        .limit(LIMIT)
    )
    return [
        Finding(9, f"the wish {wish} to move is open and its seat is not where it says", {"request_id": wish})
        for wish in rows
    ]


def _spin_offs(session: Session) -> list[Finding]:
    """Every spin-off has a parent, and a leader inside it, or says why it has none; one that has ended is closed."""
    leads = select(Seat.id).where(
        Seat.member_id == SpinOff.leader_id, Seat.line_id == SpinOff.line_id, Seat.state == "admitted"
    )
    there, ended = SpinOff.state == "approved", SpinOff.state == "ended"
    own = aliased(Group)
    wrong = case(
        (SpinOff.id.is_(None), "has no parent"),
        (and_(there, own.closed_at.is_not(None)), "is there and its group is closed"),
        (
            and_(there, SpinOff.leader_id.is_(None), SpinOff.leader_note == ""),
            "has no leader and does not say why",
        ),
        (and_(there, SpinOff.leader_id.is_not(None), ~leads.exists()), "is led by somebody who is not in it"),
        (and_(there, Group.closed_at.is_not(None)), "belongs to a group that is closed"),
        (
            and_(there, Group.line_id != SpinOff.parent_line_id),
            "belongs to a group of another line than it says",
        ),
        (and_(ended, own.closed_at.is_(None)), "has ended and its group is open"),
        (and_(ended, GroupLine.waiting_count != 0), "has ended and somebody waits for it"),
        (and_(ended, SpinOff.leader_note == ""), "has ended and does not say why"),
        else_=None,
    )
    rows = session.execute(
        select(GroupLine.id, wrong)
        .outerjoin(SpinOff, and_(SpinOff.line_id == GroupLine.id, or_(there, ended)))
        .outerjoin(own, own.id == SpinOff.group_id)
        .outerjoin(Group, Group.id == SpinOff.parent_group_id)
        .where(GroupLine.kind == "spin_off", wrong.is_not(None))
        .limit(LIMIT)
    )
    return [Finding(9, f"the spin-off of line {line} {what}", {"line_id": line}) for line, what in rows]


def _came_from(session: Session) -> list[Finding]:
    """Who sits in a spin-off sits in the line it belongs to."""
    above = aliased(Seat)
    there = select(above.id).where(
        above.line_id == SpinOff.parent_line_id, above.member_id == Seat.member_id, above.state == "admitted"
    )
    rows = session.scalars(
        select(Seat.id)
        .join(SpinOff, SpinOff.line_id == Seat.line_id)
        .where(Seat.state.in_(LIVE), ~there.exists())
        .limit(LIMIT)
    )
    return [
        Finding(
            4, f"seat {seat} is in a spin-off and its member has no seat in the parent", {"seat_id": seat}
        )
        for seat in rows
    ]
