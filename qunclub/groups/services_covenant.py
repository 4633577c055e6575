"""Telling the members of a line about its new covenant: in batches, each in its own transaction, once to each."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.members.models import Member

from .models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from .models_bar import CovenantNotice

BATCH = 200


def announce(session: Session, covenant: Covenant, *, now: dt.datetime) -> None:
    """Have the members told of a version; whoever was not told of an older one yet hears of this one only."""
    older = select(Covenant.id).where(Covenant.line_id == covenant.line_id, Covenant.id != covenant.id)
    session.execute(
        update(CovenantNotice)
        .where(CovenantNotice.covenant_id.in_(older), CovenantNotice.done_at.is_(None))
        .values(done_at=now)
        .execution_options(synchronize_session=False)
    )
    session.add(CovenantNotice(covenant_id=covenant.id, after_id=0))
    session.flush()


def tell_next(session: Session, *, now: dt.datetime, limit: int = BATCH) -> int | None:
    """Write to the next members of one line; how many seats were looked at, None when everybody was told.

    The place where it stopped is kept with the letters: after a crash it goes on there.
    """
    notice = session.scalars(
        select(CovenantNotice)
        .where(CovenantNotice.done_at.is_(None))
        .order_by(CovenantNotice.covenant_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if notice is None:
        return None
    covenant = session.get_one(Covenant, notice.covenant_id)
    accepted = select(CovenantAcceptance.id).where(
        CovenantAcceptance.covenant_id == covenant.id, CovenantAcceptance.member_id == Seat.member_id
    )
    rows = session.execute(
        select(Seat.id, Seat.admitted_at, Group.name, Group.slug, Member, accepted.exists())
        .join(Member, Member.id == Seat.member_id)
        .join(Group, Group.id == Seat.group_id)
        .where(Seat.line_id == covenant.line_id, Seat.state == "admitted", Seat.id > notice.after_id)
        .order_by(Seat.id)
        .limit(limit)
    ).all()
    line = session.get_one(GroupLine, covenant.line_id)
    asked = [row for row in rows if not row[5] and row[1] is not None and row[1] <= covenant.published_at]
    letters = [
        notices.Letter(
            member=member.id,
            context={
                "name": member.shown_name,
                "group": group,
                "slug": slug,
                "line_slug": line.slug,
                "version": covenant.version,
            },
            key=f"covenant:{covenant.id}:{member.id}",
            source=f"covenant:{covenant.id}",
        )
        for _, _admitted_at, group, slug, member, _accepted in asked
    ]
    notices.letters(session, letters, template="covenant_new", now=now)
    if rows:
        notice.after_id = rows[-1][0]
    if len(rows) < limit:
        notice.done_at = now
    session.flush()
    return len(rows)
