"""A spin-off ends: its leader or an admin ends it, once, with a reason; an admin may bring it back as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from qunclub import notices, points
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, store
from qunclub.members.models import Member

from . import rules_moving, services_spin_off, services_stir
from .changes import changed
from .models import Group, GroupLine, Seat
from .models_hosts import GroupHost
from .models_spin_off import SpinOff
from .moving_ends import LEADER_LEFT, LIVE, SPIN_OFF_ENDED
from .queries_bars import barred_among
from .services_waiting import admit_waiting

TOLD = N_("The group %(group)s has ended. Its board stays for you to read. The reason: %(reason)s")
BACK = N_("The group %(group)s is there again, and you have your seat in it.")
BACK_LIST = N_("The group %(group)s is there again; you are on its waiting list.")
BACK_LEADER = N_("The group %(group)s is there again, and you lead it.")


def end(session: Session, *, ident: int, reason: str, actor: Actor, now: dt.datetime) -> SpinOff:
    """Its leader or an admin ends the group for good; twice is once.

    Every seat and place in it ends, with everything that hangs on a seat: who writes, the way into its chat, the
    leader's door. Its page, its parent and its board stay; who sat in it at the end reads the board on. All are told.

    Raises:
        NotFound: when there is no such group.
        Forbidden: to whoever does not lead it.
        Invalid: on ``reason``, without one.
    """
    _line, made = _locked(session, ident)
    if made.state == "ended":
        services_spin_off.check_is_leader(made, actor)
        return made
    services_spin_off.check_leads(made, actor)
    reason = rules_moving.check_reason(reason)
    line = session.get_one(GroupLine, made.line_id)
    group = session.get_one(Group, made.group_id, populate_existing=True)
    seats = session.scalars(
        select(Seat)
        .where(Seat.line_id == line.id, Seat.state.in_(LIVE))
        .order_by(Seat.id)
        .execution_options(populate_existing=True)
    ).all()
    inside = [seat for seat in seats if seat.state == "admitted"]
    for seat in seats:
        seat.state, seat.ended_at, seat.end_reason = "left", now, SPIN_OFF_ENDED
        seat.position, seat.offered_until = None, None
        seat.stirred_at = now if seat.group_id is not None else None
    # First the seats are gone, then the room: the database refuses more seats than room.
    line.waiting_count = group.seated = 0
    session.flush()
    group.capacity, group.closed_at = 0, now
    # The leader's name stays with it: an admin who brings it back brings them back.
    made.state, made.leader_note = "ended", reason
    made.version += 1
    services_stir.stir(session, group.id, f"spin_off:{made.version}", now)
    session.execute(delete(GroupHost).where(GroupHost.group_id == group.id))
    session.flush()
    points.look_again(
        session, scope=points.group_scope(group.id), member_ids=[seat.member_id for seat in inside]
    )
    for seat in inside:
        changed(session, seat, "left", now)
    store.record(
        session,
        actor=actor,
        action="spin_off.end",
        target=f"group:{group.id}",
        now=now,
        summary=made.name,
        details={"spin_off": made.id, "members": len(inside), "reason": reason},
    )
    _tell(session, made, group, [seat.member_id for seat in seats], TOLD, now, reason=reason)
    return made


def restore(session: Session, *, ident: int, actor: Actor, now: dt.datetime) -> tuple[SpinOff, int]:
    """An admin brings an ended group back: its room, its leader, and everybody who still sits in the parent's line.

    Whoever may take no seat there any more stays out; who led it and is not back leaves it without a leader.

    Returns:
        The group, and how many have their seats again.

    Raises:
        NotFound: when there is no such group.
        Conflict: when it is there, or its parent group is closed.
    """
    line, made = _locked(session, ident)
    if made.state != "ended":
        raise Conflict(N_("This group has not ended."))
    group = session.get_one(Group, made.group_id, populate_existing=True)
    parent = session.get_one(Group, made.parent_group_id)
    if parent.closed_at is not None:
        raise Conflict(N_("%(group)s is closed already."), group=parent.name)
    seats = _coming_back(session, made, group, now)
    inside = [seat for seat in seats if seat.group_id is not None and seat.admitted_at is not None]
    group.closed_at, group.capacity = None, max(line.capacities[0], len(inside))
    line.capacities = [group.capacity]
    made.state, made.leader_note = "approved", ""
    made.version += 1
    services_stir.stir(session, group.id, f"spin_off:{made.version}", now)
    session.flush()
    waiting = []
    for seat in seats:
        seat.ended_at, seat.end_reason = None, ""
        if seat in inside:
            seat.state, seat.stirred_at = "admitted", now
            group.seated += 1
        else:
            # A place, or a seat that was on offer: they wait, in the order in which they did.
            seat.state, seat.group_id, seat.stirred_at = "waiting", None, None
            seat.position = line.next_position
            line.next_position += 1
            line.waiting_count += 1
            waiting.append(seat)
    session.flush()
    points.look_again(
        session, scope=points.group_scope(group.id), member_ids=[seat.member_id for seat in inside]
    )
    for seat in inside:
        changed(session, seat, "admitted", now)
    leader = made.leader_id
    if leader is not None and any(seat.member_id == leader for seat in inside):
        services_spin_off.make_leader(session, made, session.get_one(Member, leader), now)
    else:
        made.leader_id, made.leader_note, leader = None, LEADER_LEFT, None
    session.flush()
    store.record(
        session,
        actor=actor,
        action="spin_off.restore",
        target=f"group:{group.id}",
        now=now,
        summary=made.name,
        details={"spin_off": made.id, "members": len(inside), "leader": leader},
    )
    _tell(session, made, group, [one.member_id for one in inside if one.member_id != leader], BACK, now)
    _tell(session, made, group, [one.member_id for one in waiting], BACK_LIST, now)
    _tell(session, made, group, [leader] if leader is not None else [], BACK_LEADER, now)
    admit_waiting(session, line, now=now)
    return made, len(inside)


def _locked(session: Session, ident: int) -> tuple[GroupLine, SpinOff]:
    """The group's line and itself, locked behind the parent's line as whoever comes in locks them."""
    found = session.get(SpinOff, ident)
    if found is None or found.line_id is None:
        raise NotFound()
    locks.lock(session, GroupLine, found.parent_line_id)
    line = locks.lock(session, GroupLine, found.line_id)
    return line, locks.lock(session, SpinOff, ident)


def _coming_back(session: Session, made: SpinOff, group: Group, now: dt.datetime) -> Sequence[Seat]:
    """The seats and places that its end ended, of those who may still come in, in the order in which they waited."""
    parent, live = aliased(Seat), aliased(Seat)
    sits = select(parent.id).where(
        parent.line_id == made.parent_line_id, parent.member_id == Seat.member_id, parent.state == "admitted"
    )
    held = select(live.id).where(
        live.line_id == Seat.line_id, live.member_id == Seat.member_id, live.state.in_(LIVE)
    )
    rows = session.scalars(
        select(Seat)
        .where(Seat.line_id == made.line_id, Seat.state == "left", Seat.ended_at == group.closed_at)
        .where(sits.exists(), ~held.exists())
        .order_by(Seat.turn, Seat.id)
    ).all()
    out = barred_among(session, group_id=group.id, member_ids=[seat.member_id for seat in rows], now=now)
    return [seat for seat in rows if seat.member_id not in out]


def _tell(
    session: Session,
    made: SpinOff,
    group: Group,
    members: list[int],
    text: str,
    now: dt.datetime,
    **facts: str,
) -> None:
    notices.notify(
        session,
        members=members,
        kind="seat",
        source=f"spin_off:{made.id}:{made.state}:{made.version}",
        facts={"group": made.name, **facts},
        text=text,
        endpoint="qunclub.groups.show",
        values={"slug": group.slug},
        now=now,
    )
