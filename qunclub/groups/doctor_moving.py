"""Closed groups hold nobody and lead on; wishes to move are those of seats that stand where they say."""

from __future__ import annotations

from sqlalchemy import and_, case, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding

from .models import Group, Seat
from .models_moving import MoveRequest

LIMIT = 50
LIVE = ("waiting", "offered", "admitted")


def check(session: Session) -> list[Finding]:
    """What moving and merging promise."""
    return [*_closed(session), *_wishes(session)]


def _closed(session: Session) -> list[Finding]:
    into = aliased(Group)
    held = select(Seat.id).where(Seat.group_id == Group.id, Seat.state.in_(LIVE)).exists()
    shut = Group.closed_at.is_not(None)
    wrong = case(
        (and_(shut, or_(Group.capacity != 0, Group.seated != 0)), "is closed and counts seats"),
        (and_(shut, held), "is closed and somebody has a seat in it"),
        (and_(shut, Group.into_id.is_(None)), "is closed and leads nowhere"),
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
