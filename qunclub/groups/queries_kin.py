"""What a group's page says of the groups around it, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from . import queries_moving, queries_split
from .models import Group, GroupLine
from .models_moving import MoveRequest
from .models_split import GroupSplit
from .queries_mine import MySeat
from .queries_moving import Moved


@dataclass(frozen=True, slots=True)
class Kin:
    """The groups around one.

    Attributes:
        merged: closed groups whose members are here; told to those inside, for their boards.
        moved: how the reader came here, when they were moved.
        wish: what the reader asks for, with the name of the group.
        may_wish: whether the line lets the reader go to another group, and there is one.
        split: announced for the group; ``goes`` when the reader goes into the new one.
    """

    merged: Sequence[Group] = field(default_factory=tuple)
    moved: Moved | None = None
    wish: tuple[MoveRequest, str] | None = None
    may_wish: bool = False
    split: GroupSplit | None = None
    goes: bool = False


def kin(session: Session, line: GroupLine, group: Group | None, mine: MySeat | None, *, staff: bool) -> Kin:
    """What surrounds *group* for a reader with the seat *mine*."""
    if group is None:
        return Kin()
    inside = mine is not None and mine.group is not None and mine.group.id == group.id
    if not (inside or staff):
        return Kin()
    merged = queries_moving.merged_into(session, group.id)
    split = queries_split.planned_of(session, group.id)
    if mine is None or not inside or mine.seat.state != "admitted":
        return Kin(merged, split=split)
    moves = queries_moving.history(session, mine.seat.id, limit=1)
    return Kin(
        merged,
        moves[0] if moves else None,
        queries_moving.open_request(session, mine.seat.id),
        line.moving != "no" and line.kind not in ("core", "spin_off"),
        split,
        split is not None and mine.seat.id in split.movers,
    )
