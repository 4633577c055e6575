"""The house on other rooms' pages: on a group's whether and when one may write, on a member's how to report."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor
from qunclub.kernel.ports import Part
from qunclub.members.models import Member

from . import posting
from .rules import Verdict
from .rules_windows import Hours, grouped


@dataclass(frozen=True, slots=True)
class InGroup:
    """Of a group: its address, when it is open, how slowly one writes, and whether the reader may write now."""

    slug: str
    verdict: Verdict
    hours: tuple[Hours, ...]
    slow: int
    host: bool
    group_id: int


def of_group(
    session: Session, *, group: Group, actor: Actor | None, now: dt.datetime, zone: dt.tzinfo
) -> list[Part]:
    """For who sits in the group, and for hosts: six statements at most."""
    if actor is None or actor.member_id is None:
        return []
    member = session.get_one(Member, actor.member_id)
    verdict = posting.may_post(session, group=group, member=member, now=now, zone=zone)
    if verdict.code in ("no_seat", "waiting"):
        return []
    windows, slow = posting.schedule_of(session, line_id=group.line_id, group_id=group.id)
    facts = InGroup(group.slug, verdict, tuple(grouped(windows)), slow, actor.has("host"), group.id)
    return [Part("qunclub/house/_in_group.html", facts)]


@dataclass(frozen=True, slots=True)
class Shared:
    """A group that the reader shares with a member, or any of theirs for a host."""

    seat_id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class OfMember:
    """Of a member's page."""

    number: int
    groups: tuple[Shared, ...]
    host: bool


def of_member(session: Session, *, number: int, actor: Actor | None) -> list[Part]:
    """Where the reader can report the member to the hosts; hosts can act: one statement."""
    if actor is None or actor.member_id is None:
        return []
    mine = aliased(Seat)
    query = (
        select(Seat.id, Group.slug, Group.name)
        .join(Member, Member.id == Seat.member_id)
        .join(Group, Group.id == Seat.group_id)
        .where(Member.number == number, Seat.state == "admitted", Member.id != actor.member_id)
        .order_by(Seat.id)
    )
    if not actor.has("host"):
        query = query.join(mine, mine.group_id == Seat.group_id).where(
            mine.member_id == actor.member_id, mine.state == "admitted"
        )
    groups = tuple(Shared(*row) for row in session.execute(query))
    if not groups:
        return []
    return [Part("qunclub/house/_of_member.html", OfMember(number, groups, actor.has("host")))]
