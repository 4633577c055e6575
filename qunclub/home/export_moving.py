"""Where somebody's seats were moved, and what they asked for, as their own data; never who moved them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Group, Seat
from qunclub.groups.models_moving import MoveRequest, SeatMove
from qunclub.groups.models_spin_off import SpinOff

from .export_rows import Rows, plain

KEYS = (
    "by_id", "answered_by", "from_id", "to_id", "proposer_id", "leader_id", "leader_note", "parent_line_id",
    "parent_group_id",
)  # fmt: skip
Old, New = aliased(Group), aliased(Group)


def _own(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name not in KEYS} for row in rows]


def _moves(session: Session, member_id: int) -> Rows:
    query = (
        select(SeatMove, Old.name, New.name)
        .join(Seat, Seat.id == SeatMove.seat_id)
        .join(Old, Old.id == SeatMove.from_id)
        .join(New, New.id == SeatMove.to_id)
        .where(Seat.member_id == member_id)
        .order_by(SeatMove.id)
    )
    return _own([plain(row, old=old, new=new) for row, old, new in session.execute(query)])


def _wishes(session: Session, member_id: int) -> Rows:
    query = (
        select(MoveRequest, Old.name, New.name)
        .join(Old, Old.id == MoveRequest.from_id)
        .join(New, New.id == MoveRequest.to_id)
        .where(MoveRequest.member_id == member_id)
        .order_by(MoveRequest.id)
    )
    return _own([plain(row, old=old, new=new) for row, old, new in session.execute(query)])


def _spin_offs(session: Session, member_id: int) -> Rows:
    query = (
        select(SpinOff, Old.name, New.closed_at)
        .join(Old, Old.id == SpinOff.parent_group_id)
        .outerjoin(New, New.id == SpinOff.group_id)
        .where(or_(SpinOff.proposer_id == member_id, SpinOff.leader_id == member_id))
        .order_by(SpinOff.id)
    )
    return _own(
        [
            plain(
                row,
                parent=parent,
                proposed=row.proposer_id == member_id,
                leads=row.leader_id == member_id and row.state == "approved",
                led_last=row.leader_id == member_id and row.state == "ended",
                ended_at=ended_at.isoformat() if ended_at else None,
                end_reason=row.leader_note if row.state == "ended" else "",
            )
            for row, parent, ended_at in session.execute(query)
        ]
    )


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "moves": _moves,
    "wishes_to_move": _wishes,
    "spin_offs": _spin_offs,
}
