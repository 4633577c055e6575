"""Taking a member out for cause, what keeps them from a seat afterwards, and lifting it."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from . import entry, services
from .models import Group, GroupLine, Seat
from .models_bar import Bar

Scope = Literal["none", "line", "club"]


def remove_member(
    session: Session,
    *,
    seat_id: int,
    reason: str,
    actor: Actor,
    now: dt.datetime,
    scope: Scope = "line",
    until: dt.datetime | None = None,
    tell: bool = True,
) -> Seat:
    """Take a member out of a group or off its waiting list; they are told why, what remains theirs, and until when.

    Args:
        scope: where they may take no new seat: ``none`` (anywhere they may), in this ``line``, in the whole ``club``
            (then their seats in other lines end too).
        until: when that ends (UTC); None: when an admin lifts it.
        tell: whether the mail that says so is sent; a caller who does not wish it writes one of its own.

    Raises:
        Conflict: when the seat has ended already.
        Invalid: for an end that is not in the future.
    """
    if until is not None and until <= now:
        raise Invalid(N_("Choose a moment in the future."), field="until")
    seat, admitted = services.end_seat(session, seat_id, "removed", reason, now)
    if admitted is None:
        raise Conflict(N_("This seat has ended already."))
    group = session.get(Group, seat.group_id) if seat.group_id else None
    line = session.get_one(GroupLine, seat.line_id)
    name = group.name if group else line.name
    member = session.get_one(Member, seat.member_id)
    bar = None
    if scope != "none":
        bar = Bar(
            member_id=member.id,
            line_id=line.id if scope == "line" else None,
            reason=reason,
            since=now,
            until=until,
        )
        session.add(bar)
        session.flush()
    store.record(
        session,
        actor=actor,
        action="seat.remove",
        target=f"seat:{seat.id}",
        now=now,
        summary=f"{member.shown_name} · {name}",
        details={
            "member_id": member.id,
            "line_id": line.id,
            "group_id": seat.group_id,
            "reason": reason,
            "bar": scope,
            "until": until.isoformat() if until else None,
        },
    )
    if tell:
        _tell(session, seat, member, (name, group.slug if group else line.slug), group, bar, now)
    if scope == "club":
        others = select(Seat.id).where(Seat.member_id == member.id, Seat.state.in_(services.LIVE))
        for other in session.scalars(others.order_by(Seat.line_id)).all():
            services.leave_seat(session, seat_id=other, state="removed", reason=reason, now=now)
    return seat


def bar_member(
    session: Session,
    *,
    member_id: int,
    line_id: int | None,
    reason: str,
    actor: Actor,
    now: dt.datetime,
    until: dt.datetime | None = None,
) -> Bar:
    """Bar a member from new seats in a line, or with None in the club; their live seats there end.

    For rooms that decide by themselves who has to go; the member is told of each seat they lose.

    Raises:
        NotFound: when there is no such member.
        Invalid: for an end that is not in the future.
    """
    if session.get(Member, member_id) is None:
        raise NotFound()
    if until is not None and until <= now:
        raise Invalid(N_("Choose a moment in the future."), field="until")
    live = select(Seat.id).where(Seat.member_id == member_id, Seat.state.in_(services.LIVE))
    if line_id is not None:
        live = live.where(Seat.line_id == line_id)
    for seat_id in session.scalars(live.order_by(Seat.line_id)).all():
        remove_member(session, seat_id=seat_id, reason=reason, actor=actor, now=now, scope="none")
    bar = Bar(member_id=member_id, line_id=line_id, reason=reason, since=now, until=until)
    session.add(bar)
    session.flush()
    store.record(
        session,
        actor=actor,
        action="bar.set",
        target=f"bar:{bar.id}",
        now=now,
        details={"member_id": member_id, "line_id": line_id, "reason": reason},
    )
    return bar


def lift_bar(
    session: Session, *, bar_id: int, reason: str, actor: Actor, now: dt.datetime, tell: bool = True
) -> Bar:
    """Let the member take seats again; the seat that was lost does not come back by itself.

    Args:
        tell: whether the mail that says so is sent; a caller who does not wish it writes one of its own.

    Raises:
        Conflict: when it was lifted, or its time is up.
    """
    bar = locks.lock(session, Bar, bar_id)
    if bar.lifted_at is not None or (bar.until is not None and bar.until <= now):
        raise Conflict(N_("This has ended already."))
    bar.lifted_at, bar.lift_reason = now, reason
    member = session.get_one(Member, bar.member_id)
    store.record(
        session,
        actor=actor,
        action="bar.lift",
        target=f"bar:{bar.id}",
        now=now,
        summary=member.shown_name,
        details={"member_id": member.id, "line_id": bar.line_id, "reason": reason},
    )
    if tell:
        line = session.get(GroupLine, bar.line_id) if bar.line_id else None
        notices.letter(
            session,
            member=member.id,
            template="bar_lifted",
            context={"name": member.shown_name, "line": line.name if line else "", "reason": reason},
            key=f"bar_lifted:{bar.id}",
            now=now,
        )
    session.flush()
    return bar


def _tell(
    session: Session,
    seat: Seat,
    member: Member,
    place: tuple[str, str],
    group: Group | None,
    bar: Bar | None,
    now: dt.datetime,
) -> None:
    name, slug = place
    notices.letter(
        session,
        member=member.id,
        template="seat_removed",
        context={
            "name": member.shown_name,
            "group": name,
            "slug": slug,
            "reason": seat.end_reason,
            "courses": entry.opened_by(session, group.id) if group else [],
            "bar": "" if bar is None else "line" if bar.line_id else "club",
            "until": bar.until.isoformat() if bar is not None and bar.until else "",
        },
        key=f"seat_removed:{seat.id}",
        source=f"seat:{seat.id}:{now.isoformat()}",
        now=now,
    )
