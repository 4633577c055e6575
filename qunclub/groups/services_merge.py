"""Two groups of a line become one: in one transaction under the line's lock, all of it or nothing."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, NotFound, insert_for, locks, store

from . import entry, rules_moving, services_moving, services_stir
from .models import Group, GroupLine, Seat
from .models_hosts import GroupHost
from .models_moving import MoveRequest
from .models_spin_off import SpinOff
from .queries_split import planned_of
from .services_waiting import admit_waiting, open_due


def merge(
    session: Session,
    *,
    from_id: int,
    into_id: int,
    capacity: int | None,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> int:
    """Move everybody from a group into another of its line and close the emptied one; twice is once.

    The closed group keeps its address, which leads to the other, and its board, which the members read on.

    Args:
        capacity: seats of the group they come into from now on; None: as many as it has.

    Returns:
        How many seats were moved; 0 when it was done before.

    Raises:
        NotFound: when there is no such group.
        Invalid: on ``capacity`` when they do not fit, on ``reason`` without one.
        Conflict: when one of them is closed, they are not of one line, or a split of one is announced.
    """
    reason = rules_moving.check_reason(reason)
    line, source, target = _locked(session, from_id, into_id)
    if source.closed_at is not None and source.into_id == target.id:
        return 0
    _check(session, line, source, target)
    size = rules_moving.merged_capacity(
        capacity=target.capacity, seated=target.seated, coming=source.seated, wanted=capacity
    )
    set_capacity(line, target, size)
    seats = list(
        session.scalars(
            select(Seat)
            .where(Seat.group_id == source.id, Seat.state.in_(("admitted", "offered")))
            .order_by(Seat.id)
            .execution_options(populate_existing=True)
        )
    )
    session.flush()
    services_moving.carry(
        session, line, seats, target, how="merge", reason=reason, by=actor.member_id, now=now
    )
    source.capacity, source.closed_at, source.into_id = 0, now, target.id
    for one in (source, target):
        services_stir.stir(session, one.id, f"merge:{source.id}", now)
    # Whoever came here by way of another closed group goes on.
    session.execute(
        update(Group)
        .where(Group.into_id == source.id)
        .values(into_id=target.id)
        .execution_options(synchronize_session="fetch")
    )
    # Who is in the other group already and wished to come here is where they wished to be.
    session.execute(
        update(MoveRequest)
        .where(MoveRequest.from_id == target.id, MoveRequest.to_id == source.id, MoveRequest.state == "open")
        .values(state="over", answered_at=now)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        update(MoveRequest)
        .where(MoveRequest.to_id == source.id, MoveRequest.state == "open")
        .values(to_id=target.id)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        update(SpinOff)
        .where(SpinOff.parent_group_id == source.id)
        .values(parent_group_id=target.id)
        .execution_options(synchronize_session="fetch")
    )
    _hosts(session, source, target)
    entry.merged(session, source.id, target.id)
    session.flush()
    store.record(
        session,
        actor=actor,
        action="group.merge",
        target=f"group:{source.id}",
        now=now,
        summary=f"{source.name} → {target.name}",
        details={"into": target.id, "moved": len(seats), "capacity": size, "reason": reason},
    )
    open_due(session, line, now)
    admit_waiting(session, line, now=now)
    return len(seats)


def set_capacity(line: GroupLine, group: Group, capacity: int) -> None:
    """Give an open group so many seats, and the line's list too; *line* is locked by the caller."""
    line.capacities = rules_moving.with_capacity(line.capacities, line.repeat_last, group.index, capacity)
    if group.capacity != capacity:
        line.version += 1
    group.capacity = capacity


def check_open(group: Group) -> None:
    """Refuse a group that is closed.

    Raises:
        Conflict: saying so.
    """
    if group.closed_at is not None:
        raise Conflict(N_("%(group)s is closed already."), group=group.name)


def _locked(session: Session, from_id: int, into_id: int) -> tuple[GroupLine, Group, Group]:
    line_id = session.scalar(select(Group.line_id).where(Group.id == from_id))
    if line_id is None:
        raise NotFound()
    line = locks.lock(session, GroupLine, line_id)
    source = session.get_one(Group, from_id, populate_existing=True)
    target = session.get(Group, into_id, populate_existing=True)
    if target is None or target.line_id != line.id or target.id == source.id:
        raise Conflict(N_("Choose another group of the same line."))
    return line, source, target


def _check(session: Session, line: GroupLine, source: Group, target: Group) -> None:
    if line.kind in ("core", "spin_off"):
        raise Conflict(N_("This line has one group; there is nothing to merge."))
    check_open(source)
    check_open(target)
    for group in (source, target):
        if planned_of(session, group.id) is not None:
            raise Conflict(N_("A split of %(group)s is announced. Call it off first."), group=group.name)


def _hosts(session: Session, source: Group, target: Group) -> None:
    """Who stood at the door of the closed group stands at that of the other."""
    rows = session.execute(
        delete(GroupHost)
        .where(GroupHost.group_id == source.id)
        .returning(GroupHost.member_id, GroupHost.since)
    ).all()
    if rows:
        insert = insert_for(session, GroupHost)
        session.execute(
            insert.values(
                [{"group_id": target.id, "member_id": row.member_id, "since": row.since} for row in rows]
            ).on_conflict_do_nothing()
        )
