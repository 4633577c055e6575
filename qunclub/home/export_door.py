"""What the doors know of one person: shown tickets, doors they stood at, lists they took along."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.api.models import ApiToken
from qunclub.groups.models import Group
from qunclub.groups.models_hosts import GroupHost
from qunclub.passes.models_door import DoorList, TicketCheck

from .export_rows import Rows, plain

# Whose hand it was at the door is the other person's; which machine, too.
SHOWN = ("at", "outcome", "way", "reason")


def _shown(session: Session, member_id: int) -> Rows:
    query = (
        select(TicketCheck, Group.name)
        .outerjoin(Group, Group.id == TicketCheck.group_id)
        .where(TicketCheck.member_id == member_id)
        .order_by(TicketCheck.id)
    )
    return [_of(check, group) for check, group in session.execute(query)]


def _stood(session: Session, member_id: int) -> Rows:
    query = (
        select(TicketCheck, Group.name)
        .outerjoin(Group, Group.id == TicketCheck.group_id)
        .where(TicketCheck.by_id == member_id)
        .order_by(TicketCheck.id)
    )
    return [{**_of(check, group), "device": check.device} for check, group in session.execute(query)]


def _of(check: TicketCheck, group: str | None) -> dict[str, object]:
    return {"group": group, "at": check.at.isoformat(), **{name: getattr(check, name) for name in SHOWN[1:]}}


def _hosts(session: Session, member_id: int) -> Rows:
    query = (
        select(GroupHost.since, Group.name)
        .join(Group, Group.id == GroupHost.group_id)
        .where(GroupHost.member_id == member_id)
        .order_by(GroupHost.group_id)
    )
    return [{"group": name, "since": since.isoformat()} for since, name in session.execute(query)]


def _lists(session: Session, member_id: int) -> Rows:
    query = (
        select(DoorList, Group.name)
        .join(Group, Group.id == DoorList.group_id)
        .where(DoorList.host_id == member_id)
        .order_by(DoorList.id)
    )
    rows = [plain(row, group=group) for row, group in session.execute(query)]
    # The salt belongs to the codes of others.
    return [{name: value for name, value in row.items() if name not in ("salt", "host_id")} for row in rows]


def _tokens(session: Session, member_id: int) -> Rows:
    query = select(ApiToken).where(ApiToken.made_by == member_id).order_by(ApiToken.id)
    shown = ("name", "scopes", "made_at", "expires_at", "revoked_at", "last_used_at")
    return [
        {name: value for name, value in plain(row).items() if name in shown} for row in session.scalars(query)
    ]


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "ticket_checks": _shown,
    "door_duty": _stood,
    "hosted_groups": _hosts,
    "door_lists": _lists,
    "api_tokens": _tokens,
}
