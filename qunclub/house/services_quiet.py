"""Hosts set when a group is open, how slowly it is written in, and mute a role or all of it for a while."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks, store, watch

from . import rules, rules_windows
from .models import Mute, Schedule
from .rules_windows import Window

STALE = N_("Somebody else saved this in the meantime. Look at the new state, then save again.")


def host_of(actor: Actor) -> int:
    """The member who acts as a host.

    Raises:
        Forbidden: for whoever is none.
    """
    if not actor.has("host") or actor.member_id is None:
        raise Forbidden(N_("This is for the hosts of groups."), how=N_("An admin can make you a host."))
    return actor.member_id


def office_of(actor: Actor) -> str:
    """In which office somebody mutes, as those whom it concerns read it."""
    return "admin" if actor.has("admin") else "host"


def set_schedule(
    session: Session,
    *,
    line_id: int,
    group_id: int | None,
    windows: Sequence[Window],
    slow_seconds: int,
    version: int,
    actor: Actor,
    now: dt.datetime,
) -> Schedule:
    """Set the windows and slow mode of a line, or with *group_id* of one group, which then has its own.

    Args:
        version: of the schedule that was changed; 0 when there was none.

    Raises:
        Stale: when somebody else saved meanwhile.
        Invalid: naming the field.
        NotFound: when the group is not of the line.
    """
    if not actor.has("host"):
        raise Forbidden(N_("This is for the hosts of groups."), how=N_("An admin can make you a host."))
    kept = rules_windows.checked(windows)
    if not 0 <= slow_seconds <= rules.MOST_SLOW:
        raise Invalid(
            N_("Write the seconds between two posts, from 0 to %(most)s."),
            field="slow_seconds",
            most=rules.MOST_SLOW,
        )
    name = _name(session, line_id, group_id)
    row = _locked(session, line_id, group_id)
    if (row.version if row else 0) != version:
        raise Stale(STALE)
    if row is None:
        row = Schedule(line_id=line_id, group_id=group_id, version=0, windows=[], slow_seconds=0)
        session.add(row)
    before = {"windows": row.windows, "slow_seconds": row.slow_seconds}
    row.windows = [[one.weekday, one.opens, one.closes] for one in kept]
    row.slow_seconds, row.updated_at = slow_seconds, now
    row.version += 1
    session.flush()
    after = {"windows": row.windows, "slow_seconds": row.slow_seconds}
    _record(session, actor, "house.schedule", _target(line_id, group_id), name, now, before, after)
    return row


def windows_of(row: Schedule) -> tuple[Window, ...]:
    """The windows a schedule keeps."""
    return rules_windows.from_json(row.windows)


def follow_line(session: Session, *, group_id: int, version: int, actor: Actor, now: dt.datetime) -> None:
    """Give a group's own schedule up: it follows its line again.

    Raises:
        Stale: when somebody else saved meanwhile.
    """
    host_of(actor)
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound()
    row = _locked(session, group.line_id, group_id)
    if row is None or row.version != version:
        raise Stale(STALE)
    before = {"windows": row.windows, "slow_seconds": row.slow_seconds}
    session.delete(row)
    session.flush()
    _record(session, actor, "house.follow", _target(group.line_id, group_id), group.name, now, before, {})


def mute(
    session: Session,
    *,
    group_id: int,
    role: str,
    reason: str,
    starts_at: dt.datetime,
    until: dt.datetime | None,
    actor: Actor,
    now: dt.datetime,
) -> Mute:
    """Mute a role of a group, or with an empty *role* everybody but its hosts; one member is muted by a sanction.

    Raises:
        Invalid: naming the field: no reason, an unknown role, an end that is over or before the beginning.
        Forbidden: when somebody who is no admin means the hosts.
    """
    by = host_of(actor)
    if role not in ("", *rules.ROLES):
        raise Invalid(N_("Choose who is muted."), field="role")
    if role == "host" and not actor.has("admin"):
        raise Forbidden(N_("Only an admin mutes hosts."))
    text = checked_reason(reason)
    if until is not None and (until <= now or until <= starts_at):
        raise Invalid(N_("The end lies in the future and after the beginning."), field="until")
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound()
    row = Mute(
        group_id=group_id, role=role, reason=text, starts_at=max(starts_at, now), until=until, set_by=by,
        set_office=office_of(actor),
    )  # fmt: skip
    session.add(row)
    session.flush()
    tell_mute(session, row, on=True, now=now)
    after = {"role": role, "until": until.isoformat() if until else None, "reason": text}
    _record(session, actor, "house.mute", f"group:{group_id}", group.name, now, {}, after)
    return row


def lift(session: Session, *, mute_id: int, actor: Actor, now: dt.datetime) -> Mute:
    """End a mute before its time; what it came of stays in the record.

    Raises:
        Forbidden: for one's own.
        Conflict: when it has ended already.
    """
    by = host_of(actor)
    row = locks.lock(session, Mute, mute_id)
    if row.member_id == by:
        raise Forbidden(N_("This is your own mute."), how=N_("Another host can lift it, or you appeal."))
    if row.role == "host" and not actor.has("admin"):
        raise Forbidden(N_("Only an admin lifts a mute of hosts."))
    if row.lifted_at is not None or (row.until is not None and row.until <= now):
        raise Conflict(N_("This mute has ended already."))
    row.lifted_at, row.lifted_by = now, by
    session.flush()
    tell_mute(session, row, on=False, now=now)
    name = _name(session, None, row.group_id)
    _record(session, actor, "house.lift", f"group:{row.group_id}", name, now, {"mute_id": row.id}, {})
    return row


def tell_mute(session: Session, row: Mute, *, on: bool, now: dt.datetime) -> None:
    """Tell the rooms above of a mute that was set or lifted: of a member, of a role, or of all."""
    watch.mutes.tell(session, watch.MuteChange(row.id, row.group_id, row.member_id, on, now))


def follow_seat(session: Session, change: watch.SeatChange) -> None:
    """Let a member's own mutes come along into another group of the line: moved, merged, split, or left and come back.

    One statement along the index by member. Those of roles and of all stay with their group.
    """
    if change.what != "admitted":
        return
    line = select(Group.line_id).where(Group.id == change.group_id).scalar_subquery()
    session.execute(
        update(Mute)
        .where(
            Mute.member_id == change.member_id,
            Mute.lifted_at.is_(None),
            or_(Mute.until.is_(None), Mute.until > change.now),
            Mute.group_id != change.group_id,
            Mute.group_id.in_(select(Group.id).where(Group.line_id == line)),
        )
        .values(group_id=change.group_id)
        .execution_options(synchronize_session="fetch")
    )


def checked_reason(text: str, *, field: str = "reason", most: int = rules.MOST_REASON) -> str:
    """A reason that members read.

    Raises:
        Invalid: on *field*, when it is empty or longer than *most* characters.
    """
    kept = text.replace("\r\n", "\n").strip()
    if not kept:
        raise Invalid(N_("Say why; whom it concerns reads it."), field=field)
    if len(kept) > most:
        raise Invalid(N_("At most %(most)s characters, please."), field=field, most=most)
    return kept


def _name(session: Session, line_id: int | None, group_id: int | None) -> str:
    if group_id is None:
        line = session.get(GroupLine, line_id) if line_id else None
        if line is None:
            raise NotFound()
        return line.name
    group = session.get(Group, group_id)
    if group is None or line_id not in (None, group.line_id):
        raise NotFound()
    return group.name


def _locked(session: Session, line_id: int, group_id: int | None) -> Schedule | None:
    query = select(Schedule.id).where(Schedule.line_id == line_id)
    own = Schedule.group_id.is_(None) if group_id is None else Schedule.group_id == group_id
    ident = session.scalar(query.where(own))
    return None if ident is None else locks.lock(session, Schedule, ident)


def _target(line_id: int, group_id: int | None) -> str:
    return f"group_line:{line_id}" if group_id is None else f"group:{group_id}"


def _record(
    session: Session,
    actor: Actor,
    action: str,
    target: str,
    summary: str,
    now: dt.datetime,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    details = {"before": dict(before), "after": dict(after)}
    store.record(
        session, actor=actor, action=action, target=target, now=now, summary=summary, details=details
    )
