"""A group split in two: announced to everybody in it, called off, or carried out at its moment, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, locks, store

from . import entry, queries_moving, rules, rules_moving, rules_split, services_moving, services_stir
from .models import Group, GroupLine, Seat
from .models_split import GroupSplit
from .queries_split import planned_of
from .rules_split import Sitting, SplitRule
from .services_merge import check_open, set_capacity
from .services_waiting import admit_waiting, open_group

MOST = 5000
GOING = N_("%(group)s is split in two on %(when)s: you go to the new group. The reason: %(reason)s")
STAYING = N_("%(group)s is split in two on %(when)s: you stay. The reason: %(reason)s")
OFF = N_("%(group)s is not split after all: %(reason)s")
NOBODY_LEFT = N_("%(group)s is not split: nobody who was to go is in it any more.")
NO_MORE_GROUPS = N_("%(group)s is not split: its line has as many groups as it may have.")


def people(session: Session, group_id: int) -> tuple[list[Sitting], dict[int, int]]:
    """Who is in a group, and their seats by their numbers: two statements.

    Raises:
        Conflict: when they are more than :data:`MOST`.
    """
    rows = queries_moving.seated_in(session, group_id, limit=MOST + 1)
    if len(rows) > MOST:
        raise Conflict(
            N_("A group of more than %(most)s is not split at once: merge and move instead."), most=MOST
        )
    purposes = entry.purposes_of(session, [seat.id for seat, _member in rows])
    sitting = [
        Sitting(
            seat.id, seat.admitted_at or seat.asked_at, member.city, purposes.get(seat.id, seat.allot_key)
        )
        for seat, member in rows
    ]
    return sitting, {member.number: seat.id for seat, member in rows if member.number is not None}


def announce(
    session: Session,
    *,
    group_id: int,
    rule: SplitRule,
    numbers: str = "",
    capacity: int,
    days: int,
    reason: str,
    seal: str,
    zone: dt.tzinfo,
    actor: Actor,
    now: dt.datetime,
) -> GroupSplit:
    """Announce a split and tell everybody in the group what becomes of them.

    Args:
        numbers: by hand: the numbers of those who go.
        capacity: seats of the new group.
        days: how many days before it happens.
        seal: of the list that the admin looked at (``rules_split.seal``).
        zone: the club's, in which the day is told.

    Raises:
        Invalid: naming the field.
        Stale: when somebody came or left since the list was looked at.
        Conflict: when the group is closed, one of its kind is not split, or a split is announced already.
    """
    reason = rules_moving.check_reason(reason)
    if not 1 <= days <= rules_split.MOST_DAYS:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."),
            field="days",
            least=1,
            most=rules_split.MOST_DAYS,
        )
    if not 1 <= capacity <= rules.MAX_CAPACITY:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."),
            field="capacity",
            least=1,
            most=rules.MAX_CAPACITY,
        )
    line, group = _locked(session, group_id)
    if line.kind in ("core", "spin_off"):
        raise Conflict(N_("A group of this kind is not split."))
    check_open(group)
    if planned_of(session, group.id) is not None:
        raise Conflict(N_("A split of %(group)s is announced. Call it off first."), group=group.name)
    stay, move = planned(session, group_id, rule, numbers, capacity)
    if rules_split.seal(move) != seal:
        raise Stale(N_("Somebody came or left since you looked. Look at the new list, then announce it."))
    split = GroupSplit(
        group_id=group.id,
        way=rule.way,
        key=rule.key.strip()[:80],
        seed=rule.seed[:20],
        movers=move,
        capacity=capacity,
        reason=reason,
        state="planned",
        announced_at=now,
        due_at=now + dt.timedelta(days=days),
        by_id=actor.member_id,
    )
    session.add(split)
    session.flush()
    services_stir.stir(session, group.id, f"split:{split.id}", now)
    when = f"{split.due_at.astimezone(zone):%Y-%m-%d %H:%M}"
    for text, seats in ((GOING, move), (STAYING, stay)):
        _tell(session, group, seats, text, f"split:{split.id}", now, when=when, reason=reason)
    store.record(
        session,
        actor=actor,
        action="group.split_announce",
        target=f"group:{group.id}",
        now=now,
        summary=group.name,
        details={
            "way": rule.way,
            "key": split.key,
            "seed": split.seed,
            "going": len(move),
            "staying": len(stay),
            "due": split.due_at.isoformat(),
            "reason": reason,
        },
    )
    return split


def planned(
    session: Session, group_id: int, rule: SplitRule, numbers: str, capacity: int
) -> tuple[list[int], list[int]]:
    """Seats that would stay and seats that would go, as the group is now.

    Raises:
        Invalid, Conflict: as :func:`rules_split.plan_split` and :func:`people`.
    """
    sitting, by_number = people(session, group_id)
    if rule.way == "hand":
        rule = SplitRule("hand", chosen=rules_split.chosen_by(numbers, by_number))
    return rules_split.plan_split(sitting, rule, capacity=capacity)


def call_off(session: Session, *, split_id: int, reason: str, actor: Actor, now: dt.datetime) -> GroupSplit:
    """Let everything stay as it is, and tell everybody why.

    Raises:
        NotFound: when there is no such split.
        Invalid: without a reason.
        Conflict: when it was carried out or called off already.
    """
    reason = rules_moving.check_reason(reason)
    _line, group, split = _split(session, split_id)
    if split.state != "planned":
        raise Conflict(N_("This was carried out or called off already."))
    split.state, split.ended_at, split.note = "called_off", now, reason
    services_stir.stir(session, group.id, f"split:{split.id}:over", now)
    seats = session.scalars(select(Seat.id).where(Seat.group_id == group.id, Seat.state == "admitted")).all()
    _tell(session, group, seats, OFF, f"split:{split.id}:off", now, reason=reason)
    store.record(
        session,
        actor=actor,
        action="group.split_off",
        target=f"group:{group.id}",
        now=now,
        summary=group.name,
        details={"reason": reason},
    )
    session.flush()
    return split


def due(session: Session, now: dt.datetime) -> int | None:
    """The id of a split whose moment has come, the longest due first: one statement along an index."""
    query = select(GroupSplit.id).where(GroupSplit.state == "planned", GroupSplit.due_at <= now)
    return session.scalar(query.order_by(GroupSplit.due_at, GroupSplit.id).limit(1))


def carry_out(session: Session, *, split_id: int, now: dt.datetime) -> bool:
    """Open the new group and move those who were to go; False when there was nothing left to do.

    Raises:
        NotFound: when there is no such split.
    """
    line, group, split = _split(session, split_id)
    if split.state != "planned" or split.due_at > now:
        return False
    seats = _movers(session, group, split.movers)
    index = (session.scalar(select(func.max(Group.index)).where(Group.line_id == line.id)) or 0) + 1
    if not seats or index > rules.MAX_GROUPS:
        _called_off_by_itself(session, group, split, NO_MORE_GROUPS if seats else NOBODY_LEFT, now)
        return True
    line.capacities = rules_moving.with_capacity(line.capacities, line.repeat_last, index, split.capacity)
    if split.way == line.allocation and split.key:
        line.labels = [*line.labels, *[""] * (index - 1 - len(line.labels)), split.key][:index]
    line.version += 1
    made = open_group(session, line, index, now)
    set_capacity(line, made, split.capacity)
    split.state, split.ended_at, split.made_id = "done", now, made.id
    services_stir.stir(session, group.id, f"split:{split.id}:over", now)
    session.flush()
    services_moving.carry(
        session, line, seats, made, how="split", reason=split.reason, by=split.by_id, now=now
    )
    store.record(
        session,
        actor=Actor.system("split"),
        action="group.split",
        target=f"group:{group.id}",
        now=now,
        summary=f"{group.name} → {made.name}",
        details={"made": made.id, "moved": len(seats), "split": split.id},
    )
    admit_waiting(session, line, now=now)
    return True


def forget_splits(session: Session, member_id: int) -> None:
    """Who left the club announced nothing."""
    session.execute(
        update(GroupSplit)
        .where(GroupSplit.by_id == member_id)
        .values(by_id=None)
        .execution_options(synchronize_session="fetch")
    )


def _called_off_by_itself(
    session: Session, group: Group, split: GroupSplit, why: str, now: dt.datetime
) -> None:
    """What was announced does not happen: whoever is in the group was told that it would, and is told."""
    split.state, split.ended_at, split.note = "called_off", now, why
    services_stir.stir(session, group.id, f"split:{split.id}:over", now)
    session.flush()
    here = session.scalars(select(Seat.id).where(Seat.group_id == group.id, Seat.state == "admitted")).all()
    _tell(session, group, here, why, f"split:{split.id}:off", now)
    store.record(
        session,
        actor=Actor.system("split"),
        action="group.split_off",
        target=f"group:{group.id}",
        now=now,
        summary=group.name,
        details={"reason": why % {"group": group.name}},
    )


def _movers(session: Session, group: Group, movers: Sequence[int]) -> list[Seat]:
    found: list[Seat] = []
    for start in range(0, len(movers), 500):
        found += session.scalars(
            select(Seat)
            .where(
                Seat.id.in_(movers[start : start + 500]),
                Seat.group_id == group.id,
                Seat.state.in_(("admitted", "offered")),
            )
            .order_by(Seat.id)
            .execution_options(populate_existing=True)
        )
    return found


def _locked(session: Session, group_id: int) -> tuple[GroupLine, Group]:
    line_id = session.scalar(select(Group.line_id).where(Group.id == group_id))
    if line_id is None:
        raise NotFound()
    line = locks.lock(session, GroupLine, line_id)
    return line, session.get_one(Group, group_id, populate_existing=True)


def _split(session: Session, split_id: int) -> tuple[GroupLine, Group, GroupSplit]:
    group_id = session.scalar(select(GroupSplit.group_id).where(GroupSplit.id == split_id))
    if group_id is None:
        raise NotFound()
    line, group = _locked(session, group_id)
    return line, group, session.get_one(GroupSplit, split_id, populate_existing=True)


def _tell(
    session: Session,
    group: Group,
    seat_ids: Sequence[int],
    text: str,
    source: str,
    now: dt.datetime,
    **facts: str,
) -> None:
    for start in range(0, len(seat_ids), 500):
        chunk = seat_ids[start : start + 500]
        notices.notify(
            session,
            members=session.scalars(
                select(Seat.member_id).where(Seat.id.in_(chunk), Seat.state == "admitted")
            ).all(),
            kind="seat",
            source=source,
            facts={"group": group.name, **facts},
            text=text,
            endpoint="qunclub.groups.show",
            values={"slug": group.slug},
            now=now,
        )
