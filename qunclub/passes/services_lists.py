"""Lists that hosts take along: made, filled, and what was checked with them taken in later.

Of two checks of one ticket the one that ARRIVES first admits: which was made first, two phones' clocks cannot say.
The other is a conflict, shown with both hosts.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, ids, store
from qunclub.kernel.keys import Secret
from qunclub.members.models import Member

from . import rules, rules_lists, services_door
from .models import EntryTicket, Pass
from .models_door import DoorList
from .rules_door import ENDED, Doors
from .services_door import DoorResult, Way

ENDED_WITHIN = dt.timedelta(days=365)
MOST_ENDED = 1000


def make_list(
    session: Session, *, group_id: int, hours: int, doors: Doors, actor: Actor, now: dt.datetime
) -> DoorList:
    """A list of a group's tickets for the phone of the host who asks.

    Args:
        hours: for how long it may be used, one of ``rules_lists.HOURS``.
        doors: where the host may stand.

    Raises:
        Forbidden: when they may not stand at that door.
        Invalid: for other hours.
        NotFound: when there is no such group.
    """
    if session.get(Group, group_id) is None:
        raise NotFound()
    if not doors.may(group_id) or actor.member_id is None:
        raise Forbidden(N_("This is for the hosts of groups."))
    if hours not in rules_lists.HOURS:
        raise Invalid(N_("Choose one of the times."), field="hours")
    expires = now + dt.timedelta(hours=hours)
    made = DoorList(
        group_id=group_id,
        host_id=actor.member_id,
        made_at=now,
        expires_at=expires,
        closes_at=expires + rules_lists.UPLOADS,
        salt=ids.token(16),
        tickets=session.scalar(
            select(func.count())
            .select_from(EntryTicket)
            .join(Seat, Seat.id == EntryTicket.seat_id)
            .where(Seat.group_id == group_id, Seat.state == "admitted")
        )
        or 0,
    )
    session.add(made)
    session.flush()
    store.record(
        session,
        actor=actor,
        action="door.list",
        target=f"group:{group_id}",
        now=now,
        summary=str(made.tickets),
        details={"list_id": made.id, "expires_at": expires.isoformat()},
    )
    return made


def entries(session: Session, made: DoorList) -> list[dict[str, Any]]:
    """What the list carries: hashes in place of codes, the names that a host sees at the door, who may come in.

    Of who may not it says what the door would say, and ``why`` as a msgid (the reason that the door shows a host).
    After the tickets of those who are in the group come those of seats in it that ended within :data:`ENDED_WITHIN`
    before the list was made, at most :data:`MOST_ENDED`: left, removed, given back. Four statements, whatever the
    group's size.
    """
    line = session.execute(
        select(GroupLine).join(Group, Group.line_id == GroupLine.id).where(Group.id == made.group_id)
    ).scalar_one()
    here = (Seat.group_id == made.group_id, Seat.state == "admitted")
    states: dict[int | None, set[str]] = {}
    for seat_id, state in session.execute(
        select(Pass.seat_id, Pass.state).join(Seat, Seat.id == Pass.seat_id).where(*here)
    ):
        states.setdefault(seat_id, set()).add(state)
    rows = (
        select(EntryTicket, Member, Seat)
        .join(Seat, Seat.id == EntryTicket.seat_id)
        .join(Member, Member.id == Seat.member_id)
    )
    inside = rows.where(*here).order_by(EntryTicket.id)
    ended = (
        rows.where(Seat.group_id == made.group_id, Seat.state.in_(("left", "removed")))
        .where(Seat.ended_at > made.made_at - ENDED_WITHIN)
        .order_by(Seat.id.desc())
        .limit(MOST_ENDED)
    )
    return [
        _entry(made, line, ticket, member, seat, states.get(ticket.seat_id, set()))
        for query in (inside, ended)
        for ticket, member, seat in session.execute(query)
    ]


def _entry(
    made: DoorList, line: GroupLine, ticket: EntryTicket, member: Member, seat: Seat, passes: set[str]
) -> dict[str, Any]:
    door = rules.admission(
        ticket=ticket.state,
        seat=seat.state,
        suspended=member.suspended_at is not None,
        disputed="suspended" in passes and "active" not in passes,
    )
    why = ""
    if door in ENDED:
        why = ticket.void_reason or seat.end_reason
    elif door == "suspended":
        why = member.suspend_reason
    return {
        "h": rules_lists.digest(ticket.code, made.salt),
        "name": groups.nickname(
            line.nickname_rule, number=member.number, nickname=member.shown_name, city=member.city
        ),
        "number": member.number,
        "door": door,
        "why": why,
    }


def at_my_door(session: Session, list_id: int, actor: Actor, doors: Doors) -> DoorList:
    """A list of the host's own, of a door at which they still may stand.

    Raises:
        NotFound: when it is not.
    """
    made = mine(session, list_id, actor)
    if not doors.may(made.group_id):
        raise NotFound()
    return made


def mine(session: Session, list_id: int, actor: Actor) -> DoorList:
    """A list of the host's own.

    Raises:
        NotFound: when it is not, or there is none.
    """
    made = session.get(DoorList, list_id)
    if made is None or made.host_id != actor.member_id:
        raise NotFound()
    return made


def take_in(
    session: Session,
    *,
    list_id: int,
    key: str,
    code: str,
    at: str,
    device: str,
    secret: Secret,
    actor: Actor,
    now: dt.datetime,
) -> DoorResult:
    """One check that was made without a network: the same again for the same key.

    Args:
        key: the phone's own name of it.
        at: ISO 8601, by the phone's clock.

    Raises:
        Conflict: when the list's uploads are closed.
        Invalid: for a key that is none.
        NotFound: when the list is not the host's own.
    """
    made = mine(session, list_id, actor)
    if now > made.closes_at:
        raise Conflict(N_("The time for uploads of this list is over."))
    if not 8 <= len(key) <= 60:
        raise Invalid(N_("Between 8 and 60 characters."), field="key")
    made.uploaded_at = now
    return services_door.check(
        session,
        text=code,
        secret=secret,
        doors=Doors(frozenset({made.group_id}), made.group_id),
        way=Way(
            "offline",
            device=device,
            key=f"list:{made.id}:{key}",
            claimed_at=rules_lists.claimed(at, made_at=made.made_at, now=now),
            list_id=made.id,
        ),
        actor=actor,
        now=now,
    )
