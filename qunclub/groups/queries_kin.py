"""What a group's page says of the groups around it, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from qunclub.kernel import Actor

from . import queries_moving, queries_spin_off, queries_split, rules_spin_off, services
from .models import Group, GroupLine
from .models_moving import MoveRequest
from .models_split import GroupSplit
from .queries_mine import MySeat
from .queries_moving import Moved
from .queries_spin_off import SpinRow


@dataclass(frozen=True, slots=True)
class Kin:
    """The groups around one.

    Attributes:
        merged: closed groups whose members are here; told to those inside, for their boards.
        moved: how the reader came here, when they were moved.
        wish: what the reader asks for, with the name of the group.
        may_wish: whether the line lets the reader go to another group, and there is one.
        spin: the group itself, when it is a spin-off; ``may_join`` and ``leads`` of the reader.
        was_in: how the reader stood in a spin-off when it ended: ``seated``, ``listed``, or not at all.
        children: spin-offs beside the line; ``may_propose`` one more.
        split: announced for the group; ``goes`` when the reader goes into the new one.
    """

    merged: Sequence[Group] = field(default_factory=tuple)
    moved: Moved | None = None
    wish: tuple[MoveRequest, str] | None = None
    may_wish: bool = False
    spin: SpinRow | None = None
    may_join: bool = False
    leads: bool = False
    was_in: Literal["", "listed", "seated"] = ""
    children: Sequence[SpinRow] = field(default_factory=tuple)
    may_propose: bool = False
    split: GroupSplit | None = None
    goes: bool = False


def kin(
    session: Session,
    line: GroupLine,
    group: Group | None,
    mine: MySeat | None,
    actor: Actor | None,
) -> Kin:
    """What surrounds *group* (None: the line's own page) for a reader with the seat *mine*."""
    if line.kind == "spin_off":
        return _of_spin_off(session, line, mine, actor)
    children = queries_spin_off.children(session, line.id)
    if group is None:
        return Kin(children=children)
    inside = mine is not None and mine.group is not None and mine.group.id == group.id
    if not (inside or (actor is not None and actor.has("host"))):
        return Kin(children=children)
    merged = queries_moving.merged_into(session, group.id)
    split = queries_split.planned_of(session, group.id)
    if mine is None or not inside or mine.seat.state != "admitted":
        return Kin(merged, split=split, children=children)
    moves = queries_moving.history(session, mine.seat.id, limit=1)
    return Kin(
        merged,
        moves[0] if moves else None,
        queries_moving.open_request(session, mine.seat.id),
        line.moving != "no" and line.kind != "core",
        children=children,
        may_propose=True,
        split=split,
        goes=split is not None and mine.seat.id in split.movers,
    )


def _of_spin_off(session: Session, line: GroupLine, mine: MySeat | None, actor: Actor | None) -> Kin:
    spin = queries_spin_off.of_line(session, line.id)
    if spin is None or actor is None or actor.member_id is None:
        return Kin(spin=spin)
    if spin.spin.state == "ended":
        if spin.group is None:
            return Kin(spin=spin)
        return Kin(spin=spin, was_in=queries_spin_off.at_the_end(session, spin.group, actor.member_id))
    parent = (
        services.live_seat(session, line_id=spin.spin.parent_line_id, member_id=actor.member_id)
        if mine is None
        else None
    )
    admitted = parent is not None and parent.state == "admitted"
    return Kin(
        spin=spin,
        may_join=mine is None
        and rules_spin_off.may_join(
            spin.spin.open_to,
            parent_group=spin.spin.parent_group_id,
            parent_line=spin.spin.parent_line_id,
            group=parent.group_id if parent is not None and admitted else None,
            line=parent.line_id if parent is not None else None,
        ),
        leads=actor.has("admin") or spin.spin.leader_id == actor.member_id,
    )
