"""What somebody reported, what was decided about them, their appeals, as their own data; never who reported them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group
from qunclub.house.models import Mute, MuteException, Report, Sanction, SanctionAppeal, Violation

from .export_rows import Rows, plain

# The club's own keys and who of the hosts acted; what hosts wrote for each other.
KEYS = (
    "author_id", "reporter_id", "found_by", "set_by", "lifted_by", "departure", "violation_id", "claimed_until",
    "excerpt",
)  # fmt: skip


def _own(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name not in KEYS} for row in rows]


def _reports(session: Session, member_id: int) -> Rows:
    query = (
        select(Report, Group.name)
        .join(Group, Group.id == Report.group_id)
        .where(Report.reporter_id == member_id)
        .order_by(Report.id)
    )
    return _own([plain(row, group=name) for row, name in session.execute(query)])


def _violations(session: Session, member_id: int) -> Rows:
    query = select(Violation).where(Violation.member_id == member_id).order_by(Violation.id)
    return _own([plain(row) for row in session.scalars(query)])


def _sanctions(session: Session, member_id: int) -> Rows:
    query = (
        select(Sanction, Group.name)
        .join(Group, Group.id == Sanction.group_id)
        .where(Sanction.member_id == member_id)
        .order_by(Sanction.id)
    )
    return _own([plain(row, group=name) for row, name in session.execute(query)])


def _appeals(session: Session, member_id: int) -> Rows:
    query = select(SanctionAppeal).where(SanctionAppeal.member_id == member_id).order_by(SanctionAppeal.id)
    return _own([plain(row) for row in session.scalars(query)])


def _mutes(session: Session, member_id: int) -> Rows:
    query = select(Mute).where(Mute.member_id == member_id).order_by(Mute.id)
    return _own([plain(row) for row in session.scalars(query)])


def _exceptions(session: Session, member_id: int) -> Rows:
    query = (
        select(MuteException, Group.name, Mute.reason)
        .join(Mute, Mute.id == MuteException.mute_id)
        .join(Group, Group.id == Mute.group_id)
        .where(MuteException.member_id == member_id)
        .order_by(MuteException.id)
    )
    return _own([plain(row, group=name, mute=why) for row, name, why in session.execute(query)])


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "reports": _reports,
    "violations": _violations,
    "sanctions": _sanctions,
    "sanction_appeals": _appeals,
    "mutes": _mutes,
    "mute_exceptions": _exceptions,
}
