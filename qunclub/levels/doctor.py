"""What must hold of the path on a live database: a reason for every level, the core as it sits, counts as they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding

from .models import LevelChange, LevelCount, MemberLevel

SHOWN = 20
LATE = dt.timedelta(days=3)


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """A constant number of statements, however many members there are."""
    checks: list[tuple[str, Select[Any]]] = [
        ("members whose level is not what the last step of their history says", _unexplained()),
        ("steps on the path that do not begin where the one before ended", _broken()),
        ("members who lost a level on the path without having been told before", _untold()),
        (f"members not looked at for {LATE.days} days (is the job worker running?)", _forgotten(now)),
    ]
    findings = []
    for what, query in checks:
        found = list(session.scalars(query.limit(SHOWN)))
        if found:
            many = f"{SHOWN} or more" if len(found) == SHOWN else str(len(found))
            findings.append(Finding(9, f"{many} {what}: {found}.", {"ids": found}))
    kept = {
        level: members for level, members in session.execute(select(LevelCount.level, LevelCount.members))
    }
    counted = {
        level: members
        for level, members in session.execute(
            select(MemberLevel.level, func.count()).group_by(MemberLevel.level)
        )
    }
    if {level: n for level, n in kept.items() if n} != counted:
        findings.append(
            Finding(
                9,
                f"the kept numbers of members by level are {kept}, but there are {counted}.",
                {"kept": kept, "counted": counted},
            )
        )
    return findings


def _unexplained() -> Select[Any]:
    last = aliased(LevelChange)
    told = and_(last.member_id == MemberLevel.member_id, last.n == MemberLevel.changes)
    return (
        select(MemberLevel.member_id)
        .outerjoin(last, told)
        .where(
            or_(
                and_(MemberLevel.changes == 0, MemberLevel.level != "participant"),
                and_(MemberLevel.changes > 0, or_(last.id.is_(None), last.to_level != MemberLevel.level)),
            )
        )
        .order_by(MemberLevel.member_id)
    )


def _broken() -> Select[Any]:
    before = aliased(LevelChange)
    joined = and_(before.member_id == LevelChange.member_id, before.n == LevelChange.n - 1)
    return (
        select(LevelChange.id)
        .outerjoin(before, joined)
        .where(
            or_(
                and_(LevelChange.n == 1, LevelChange.from_level != "participant"),
                and_(LevelChange.n > 1, or_(before.id.is_(None), before.to_level != LevelChange.from_level)),
            )
        )
        .order_by(LevelChange.id)
    )


def _untold() -> Select[Any]:
    warned = exists().where(MemberLevel.member_id == LevelChange.member_id, MemberLevel.warnings > 0)
    return (
        select(LevelChange.member_id)
        .where(LevelChange.why == "lost", ~warned)
        .order_by(LevelChange.member_id)
    )


def _forgotten(now: dt.datetime) -> Select[Any]:
    return (
        select(MemberLevel.member_id)
        .where(MemberLevel.due_at < now - LATE)
        .order_by(MemberLevel.due_at, MemberLevel.member_id)
    )
