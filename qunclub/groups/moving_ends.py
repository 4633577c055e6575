"""What ends with a seat: the wish to move it, seats in spin-offs of its line, and leading one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_

from .models import Seat
from .models_hosts import GroupHost
from .models_moving import MoveRequest
from .models_spin_off import SpinOff

LIVE = ("waiting", "offered", "admitted")
NO_TICKETS = N_(
    "A group of members has no tickets and no door: who has a seat is in, and its leader says how to get into its chat."
)
PARENT_ENDED = N_("The seat in the parent group has ended.")
SPIN_OFF_ENDED = N_("The group has ended.")
LEADER_LEFT = N_("Whoever led it has left the group. An admin names somebody else.")


def close_request(session: Session, seat_id: int, state: str, now: dt.datetime) -> None:
    """End what was asked for the seat and is not answered."""
    session.execute(
        update(MoveRequest)
        .where(MoveRequest.seat_id == seat_id, MoveRequest.state == "open")
        .values(state=state, answered_at=now)
        .execution_options(synchronize_session="fetch")
    )


def spin_off_seats(session: Session, seat: Seat) -> Sequence[int]:
    """The live seats in spin-offs that a seat which has ended had opened, in the order of their lines."""
    query = (
        select(Seat.id)
        .join(SpinOff, SpinOff.line_id == Seat.line_id)
        .where(SpinOff.parent_line_id == seat.line_id, Seat.member_id == seat.member_id, Seat.state.in_(LIVE))
        .order_by(Seat.line_id)
    )
    return session.scalars(query).all()


def is_spin_off(session: Session, group_id: int) -> bool:
    """Whether a group is a spin-off: then its seats have no tickets and it has no door."""
    return session.scalar(select(SpinOff.id).where(SpinOff.group_id == group_id)) is not None


def has_ended(session: Session, line_id: int) -> bool:
    """Whether a line is that of a spin-off that was ended: nobody comes in; read under the line's lock."""
    query = select(SpinOff.id).where(SpinOff.line_id == line_id, SpinOff.state == "ended")
    return session.scalar(query) is not None


def close_ended(session: Session, seat: Seat, *, spin_off: bool, now: dt.datetime) -> None:
    """What was asked for a seat that has ended is over; a spin-off whose leader's it was has no leader.

    Args:
        spin_off: whether it is a seat of one.
    """
    close_request(session, seat.id, "over", now)
    if not spin_off:
        return
    left = session.execute(
        update(SpinOff)
        .where(SpinOff.line_id == seat.line_id, SpinOff.leader_id == seat.member_id)
        .values(leader_id=None, leader_note=LEADER_LEFT)
        .returning(SpinOff.group_id)
        .execution_options(synchronize_session="fetch")
    ).first()
    if left is not None:
        session.execute(
            delete(GroupHost).where(
                GroupHost.group_id == left.group_id, GroupHost.member_id == seat.member_id
            )
        )
