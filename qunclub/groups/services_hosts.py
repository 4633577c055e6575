"""Hosts of groups: an admin says who stands at which door."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import Text, cast, delete, exists, func, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import N_, Actor, Invalid, NotFound, insert_for, store
from qunclub.members.models import Member

from .models import Group, GroupLine
from .models_hosts import GroupHost

MOST_HOSTS = 50
DOORS = GroupLine.kind != "spin_off"
"""SQL: groups of these lines have a door."""


def hosts_of(session: Session, group_id: int) -> Sequence[Member]:
    """The hosts of a group, in the order of their numbers: one statement."""
    query = (
        select(Member)
        .join(GroupHost, GroupHost.member_id == Member.id)
        .where(GroupHost.group_id == group_id)
        .order_by(Member.number, Member.id)
        .limit(MOST_HOSTS)
    )
    return session.scalars(query).all()


def hosted_by(session: Session, member_id: int) -> frozenset[int]:
    """The ids of the groups whose host a member is: one statement."""
    return frozenset(session.scalars(select(GroupHost.group_id).where(GroupHost.member_id == member_id)))


def doors_hosted_by(session: Session, member_id: int) -> frozenset[int]:
    """The same without spin-offs, which have no door: who hosts nothing else hosts at the doors of the whole club."""
    query = (
        select(GroupHost.group_id)
        .join(Group, Group.id == GroupHost.group_id)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .where(GroupHost.member_id == member_id, DOORS)
    )
    return frozenset(session.scalars(query))


def is_host_of(session: Session, *, group_id: int, member_id: int | None, roles: Collection[str]) -> bool:
    """Whether somebody with these roles hosts a group: an admin, a host of the group, or one of the whole club.

    A host with no group of their own is the whole club's. At most one statement.
    """
    if "admin" in roles:
        return True
    if "host" not in roles or member_id is None:
        return False
    mine = hosted_by(session, member_id)
    return not mine or group_id in mine


def add_host(
    session: Session, *, group_id: int, who: str, now: dt.datetime, actor: Actor
) -> tuple[Member, bool]:
    """Make somebody a host of the group; gives them, and whether they were not before.

    Args:
        who: the number or the e-mail address of a member who has the role of a host.
        now: aware UTC.

    Raises:
        Invalid: on ``who``, when there is no such member, they are no host, or the group has too many.
        NotFound: when there is no such group.
    """
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound()
    member = _meant(session, who.strip())
    if member is None:
        raise Invalid(N_("Nobody has this number or address."), field="who")
    if not {"host", "admin"} & set(member.roles):
        raise Invalid(
            N_("%(name)s is no host yet: give them the role on their page first."),
            field="who",
            name=member.shown_name,
        )
    if len(hosts_of(session, group_id)) >= MOST_HOSTS:
        raise Invalid(N_("A group has at most %(most)s hosts."), field="who", most=MOST_HOSTS)
    insert = insert_for(session, GroupHost).values(group_id=group_id, member_id=member.id, since=now)
    made = session.execute(
        insert.on_conflict_do_nothing(index_elements=[GroupHost.group_id, GroupHost.member_id]).returning(
            GroupHost.member_id
        )
    ).first()
    if made is not None:
        _record(session, "group.host_add", group, member, actor, now)
    return member, made is not None


def only_here(session: Session, group_id: int) -> frozenset[int]:
    """Hosts of the group who stand at no other door; taken off this one they are the whole club's: one statement."""
    other = aliased(GroupHost)
    elsewhere = exists().where(
        other.member_id == GroupHost.member_id,
        other.group_id != group_id,
        other.group_id.in_(select(Group.id).join(GroupLine, GroupLine.id == Group.line_id).where(DOORS)),
    )
    query = (
        select(GroupHost.member_id)
        .join(Member, Member.id == GroupHost.member_id)
        .where(GroupHost.group_id == group_id, ~elsewhere, cast(Member.roles, Text).contains('"host"'))
    )
    return frozenset(session.scalars(query))


def remove_host(session: Session, *, group_id: int, member_id: int, now: dt.datetime, actor: Actor) -> bool:
    """Take a host off the group's door; their role in the club stays. Harmless when they are none.

    Returns:
        Whether they have the role and no group of their own any more: then they stand at every door, this one too.

    Raises:
        NotFound: when there is no such group or member.
    """
    group, member = session.get(Group, group_id), session.get(Member, member_id)
    if group is None or member is None:
        raise NotFound()
    gone = session.execute(
        delete(GroupHost)
        .where(GroupHost.group_id == group_id, GroupHost.member_id == member_id)
        .returning(GroupHost.member_id)
    ).first()
    if gone is not None:
        _record(session, "group.host_remove", group, member, actor, now)
    return "host" in member.roles and not doors_hosted_by(session, member_id)


def forget_host(session: Session, member_id: int) -> None:
    """Who left the club stands at no door."""
    session.execute(delete(GroupHost).where(GroupHost.member_id == member_id))


def _meant(session: Session, who: str) -> Member | None:
    if who.isascii() and who.isdigit() and len(who) < 16:
        return session.scalars(select(Member).where(Member.number == int(who))).one_or_none()
    if "@" not in who:
        return None
    return session.scalars(
        select(Member).where(func.lower(Member.email) == who.lower()).limit(1)
    ).one_or_none()


def _record(
    session: Session, action: str, group: Group, member: Member, actor: Actor, now: dt.datetime
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"group:{group.id}",
        now=now,
        summary=f"{member.shown_name} · {group.name}",
        details={"member_id": member.id},
    )
