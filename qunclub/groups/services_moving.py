"""Seats moved to another group of their line, under the lock of the line; the seat stays one and the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub import notices, points
from qunclub.kernel import N_, Actor, Conflict, Forbidden, NotFound, locks, store
from qunclub.members.models import Member

from . import entry, rules_moving
from .changes import changed
from .models import Group, GroupLine, Seat
from .models_moving import MoveRequest, SeatMove
from .services_hosts import hosted_by
from .services_waiting import admit_waiting, open_due

OWN_WISH = N_("You wished to move.")
BATCH = 500


def move(
    session: Session,
    *,
    seat_id: int,
    to_id: int,
    reason: str,
    actor: Actor,
    now: dt.datetime,
    how: str = "hand",
) -> Seat:
    """Move a seated member to another group of the line that has room; they are told why. Twice is once.

    Number, priority, covenant, points and the seat itself stay; what it frees goes to those who wait.

    Args:
        how: one of ``models_moving.HOW``.
        actor: an admin, a host of both groups, or whoever the caller has let do it (``how`` other than ``hand``).

    Raises:
        NotFound: when there is no such seat.
        Invalid: without a reason.
        Conflict: when they have no seat, or the group is none they can come into.
        Forbidden: to whoever is host of one of the groups only.
    """
    reason = rules_moving.check_reason(reason)
    line, seat = locked(session, seat_id)
    target = session.get(Group, to_id, populate_existing=True)
    if seat.state != "admitted" or seat.group_id is None:
        raise Conflict(N_("Only who has a seat in a group can be moved."))
    if line.kind in ("core", "spin_off"):
        raise Conflict(N_("From this group nobody is moved to another."))
    if target is None or target.line_id != line.id:
        raise Conflict(N_("Choose a group of the same line."))
    if target.id == seat.group_id:
        return seat
    if how == "hand":
        check_may_move(session, actor, seat.group_id, target.id)
    if target.closed_at is not None:
        raise Conflict(N_("%(group)s is closed. Choose another group."), group=target.name)
    if target.seated >= target.capacity:
        raise Conflict(N_("%(group)s has no free seat. Choose another group."), group=target.name)
    old = session.get_one(Group, seat.group_id)
    carry(session, line, [seat], target, how=how, reason=reason, by=actor.member_id, now=now)
    store.record(
        session,
        actor=actor,
        action="seat.move",
        target=f"seat:{seat.id}",
        now=now,
        summary=f"{old.name} → {target.name}",
        details={"member_id": seat.member_id, "from": old.id, "to": target.id, "reason": reason, "how": how},
    )
    admit_waiting(session, line, now=now)
    return seat


def locked(session: Session, seat_id: int) -> tuple[GroupLine, Seat]:
    """A seat under its line's lock.

    Raises:
        NotFound: when there is none.
    """
    line_id = session.scalar(select(Seat.line_id).where(Seat.id == seat_id))
    if line_id is None:
        raise NotFound()
    line = locks.lock(session, GroupLine, line_id)
    return line, session.get_one(Seat, seat_id, populate_existing=True)


def check_may_move(session: Session, actor: Actor, *group_ids: int) -> None:
    """Refuse who may not move members between these groups.

    Raises:
        Forbidden: saying who may.
    """
    host = actor.has("host") and actor.member_id is not None
    hosted = hosted_by(session, actor.member_id) if host and actor.member_id is not None else frozenset[int]()
    if not rules_moving.may_move(admin=actor.has("admin"), host=host, hosted=hosted, groups=group_ids):
        raise Forbidden(
            N_("Members are moved by a host of both groups."), how=N_("An admin moves them anywhere.")
        )


def carry(
    session: Session,
    line: GroupLine,
    seats: Sequence[Seat],
    target: Group,
    *,
    how: str,
    reason: str,
    by: int | None,
    now: dt.datetime,
) -> None:
    """Move *seats*, admitted or on offer, into *target*, which has the room; *line* is locked by the caller.

    The caller then lets in whoever waits. A few statements for each :data:`BATCH` of them, and one for each group.
    """
    came = {seat.group_id for seat in seats if seat.group_id is not None}
    sources = {one.id: one for one in session.scalars(select(Group).where(Group.id.in_(came)))}
    moves: list[tuple[Seat, Group]] = []
    for seat in seats:
        assert seat.group_id is not None
        source = sources[seat.group_id]
        moves.append((seat, source))
        _moved(session, seat, source, target, now)
        session.add(
            SeatMove(
                seat_id=seat.id, from_id=source.id, to_id=target.id, how=how, reason=reason, by_id=by, at=now
            )
        )
    session.flush()
    ids = [seat.id for seat in seats]
    for start in range(0, len(ids), BATCH):
        session.execute(
            update(MoveRequest)
            .where(MoveRequest.seat_id.in_(ids[start : start + BATCH]), MoveRequest.state == "open")
            .values(state="over", answered_at=now)
            .execution_options(synchronize_session="fetch")
        )
    entry.moved(session, ids)
    for source in sources.values():
        gone = [seat.member_id for seat, was in moves if was is source and seat.state == "admitted"]
        for scope in (points.group_scope(source.id), points.group_scope(target.id)):
            points.look_again(session, scope=scope, member_ids=gone)
        if how != "free":
            _tell(session, source, target, [seat for seat, was in moves if was is source], reason, now)
    if target.seated >= target.capacity:
        open_due(session, line, now)


def _moved(session: Session, seat: Seat, from_group: Group, to_group: Group, now: dt.datetime) -> None:
    """The one place where a seat changes its group; the rooms above hear that it left one and came into the other."""
    here = seat.state == "admitted"
    if here:
        changed(session, seat, "left", now)
    seat.group_id = to_group.id
    from_group.seated -= 1
    to_group.seated += 1
    if here:
        seat.stirred_at = now
        changed(session, seat, "admitted", now)


def _tell(
    session: Session, source: Group, target: Group, seats: Sequence[Seat], reason: str, now: dt.datetime
) -> None:
    """At the bell and by mail; who has a seat on offer reads the group's name on the page of the offer."""
    seated = {seat.member_id: seat.id for seat in seats if seat.state == "admitted"}
    ids = sorted(seated)
    for start in range(0, len(ids), BATCH):
        letters = [
            notices.Letter(
                one.id,
                {
                    "name": one.shown_name,
                    "old": source.name,
                    "group": target.name,
                    "slug": target.slug,
                    "reason": reason,
                    "wished": reason == OWN_WISH,
                },
                key=f"seat_moved:{seated[one.id]}:{now.isoformat()}",
            )
            for one in session.scalars(select(Member).where(Member.id.in_(ids[start : start + BATCH])))
        ]
        notices.letters(session, letters, template="seat_moved", now=now)
