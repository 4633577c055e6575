"""The one question every writing route asks: may this member write in this group now?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Select, String, and_, bindparam, literal_column, or_, select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from qunclub.kernel import reads
from qunclub.kernel.actor import IMPLIED
from qunclub.members.models import Member

from . import rules, rules_windows
from .models import Mute, MuteException, Schedule
from .rules import Facts, Kind, Silence, Verdict

GRANTED = literal_column("'granted'", String)
LastPost = dt.datetime | Callable[[], dt.datetime | None] | None


def may_post(
    session: Session,
    *,
    group: Group,
    member: Member,
    now: dt.datetime,
    zone: dt.tzinfo,
    kind: Kind = "post",
    opened: bool = False,
    last_post_at: LastPost = None,
) -> Verdict:
    """Whether *member* may write in *group*, and if not, why and from when: three statements.

    Args:
        now: aware UTC.
        zone: the club's time zone, in which speaking windows are written.
        kind: ``post`` for one of one's own, ``reply`` for an answer.
        opened: whether staff opened the post that is answered for answers.
        last_post_at: when the member last wrote in the group, or what tells it; asked only in slow mode.
    """
    place = reads.one(session, _place(), line=group.line_id, member=member.id)
    windows, slow = schedule_of(session, line_id=group.line_id, group_id=group.id)
    if callable(last_post_at):
        last_post_at = last_post_at() if slow else None
    state = place.state or ""
    if state == "offered":
        state = "waiting"
    if state == "admitted" and place.group_id != group.id:
        state = ""
    return rules.may_post(
        Facts(
            posting=place.posting,
            now=now,
            zone=zone,
            kind=kind,
            offices=offices_of(member),
            seat=state,
            covenant=place.covenant is None or place.accepted is not None,
            suspended=member.suspended_at is not None,
            opened=opened,
            windows=windows,
            silences=silences(session, group_id=group.id, member_id=member.id, now=now),
            slow_seconds=slow,
            last_post_at=last_post_at,
        )
    )


def offices_of(member: Member) -> frozenset[str]:
    """The offices somebody holds, with those that go with them."""
    held = set(member.roles)
    return frozenset(held.union(*(IMPLIED.get(role, set()) for role in held)) - {"member"})


@cache
def _place() -> Select[*tuple[Any, ...]]:
    covenant = (
        select(Covenant.id)
        .where(Covenant.line_id == GroupLine.id)
        .order_by(Covenant.version.desc())
        .limit(1)
        .correlate(GroupLine)
        .scalar_subquery()
    )
    member: Any = bindparam("member")
    return (
        select(
            GroupLine.posting,
            Seat.state,
            Seat.group_id,
            covenant.label("covenant"),
            CovenantAcceptance.id.label("accepted"),
        )
        .select_from(GroupLine)
        .outerjoin(
            Seat,
            and_(
                Seat.line_id == GroupLine.id,
                Seat.member_id == member,
                Seat.state.in_(groups.LIVE),
            ),
        )
        .outerjoin(
            CovenantAcceptance,
            and_(CovenantAcceptance.covenant_id == covenant, CovenantAcceptance.member_id == member),
        )
        .where(GroupLine.id == bindparam("line"))
    )


@cache
def _schedules() -> Select[*tuple[Any, ...]]:
    return select(Schedule.group_id, Schedule.windows, Schedule.slow_seconds).where(
        Schedule.line_id == bindparam("line"),
        or_(Schedule.group_id.is_(None), Schedule.group_id == bindparam("group")),
    )


def schedule_of(
    session: Session, *, line_id: int, group_id: int
) -> tuple[tuple[rules_windows.Window, ...], int]:
    """The windows and the seconds of slow mode in force in a group: its own, else those of its line."""
    rows = reads.rows(session, _schedules(), line=line_id, group=group_id)
    rows.sort(key=lambda row: row.group_id is None)
    if not rows:
        return (), 0
    return rules_windows.from_json(rows[0].windows), rows[0].slow_seconds


@cache
def _silences() -> Select[*tuple[Any, ...]]:
    member: Any = bindparam("member")
    asked = and_(MuteException.mute_id == Mute.id, MuteException.member_id == member)
    return (
        select(
            Mute.id,
            Mute.member_id,
            Mute.role,
            Mute.starts_at,
            Mute.until,
            Mute.reason,
            Mute.set_office,
            MuteException.state.label("asked"),
        )
        .outerjoin(MuteException, asked)
        .where(
            Mute.group_id == bindparam("group"),
            Mute.lifted_at.is_(None),
            or_(Mute.member_id.is_(None), Mute.member_id == member),
            or_(Mute.until.is_(None), Mute.until > bindparam("now")),
            or_(MuteException.state.is_(None), MuteException.state != GRANTED),
        )
    )


def muted(
    session: Session, *, group_id: int, member_id: int, now: dt.datetime
) -> tuple[bool, dt.datetime | None]:
    """Whether a member themselves is muted in a group now, and until when (None: until it is lifted): one statement."""
    found = silences(session, group_id=group_id, member_id=member_id, now=now)
    return rules.stretch([one for one in found if one.whom == "member"], frozenset(), now)


def silenced(
    session: Session, *, group_id: int, member: Member, now: dt.datetime
) -> tuple[bool, dt.datetime | None]:
    """Whether any mute keeps a member from writing in a group now: their own, of their role, or of all; one statement.

    The second is until when (UTC), None: until it is lifted. Where an exception was granted them it does not count.
    """
    found = silences(session, group_id=group_id, member_id=member.id, now=now)
    return rules.stretch(found, offices_of(member), now)


def silences(session: Session, *, group_id: int, member_id: int, now: dt.datetime) -> list[Silence]:
    """The mutes of a group, in force or to come, that mean a role, everybody, or this member, without an exception."""
    rows = reads.rows(session, _silences(), group=group_id, member=member_id, now=now)
    return [
        Silence(
            "member" if row.member_id is not None else "role" if row.role else "all",
            row.starts_at,
            row.until,
            row.reason,
            row.role,
            row.id,
            row.set_office,
            row.asked or "",
        )
        for row in rows
    ]
