"""The bell on the live database: the kept number equals the notices that were not read."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.members.models import Member

from .models import Notice

LIMIT = 50


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Kept numbers against the rows."""
    unread = (
        select(Notice.member_id, func.count().label("n"))
        .where(Notice.read_at.is_(None))
        .group_by(Notice.member_id)
        .subquery()
    )
    n = func.coalesce(unread.c.n, 0)
    rows = session.execute(
        select(Member.id, Member.notices_unread, n)
        .outerjoin(unread, unread.c.member_id == Member.id)
        .where(Member.notices_unread != n)
        .limit(LIMIT)
    )
    return [
        Finding(
            9,
            f"the bell of member {member} says {kept} unread notices; there are {count}",
            {"member_id": member, "kept": kept, "unread": count},
        )
        for member, kept, count in rows
    ]
