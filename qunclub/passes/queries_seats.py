"""Which passes lead into a line of groups, held and on sale."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from .models import Pass, Plan
from .queries import Offer, catalogue


def pass_into(session: Session, *, line_id: int, member_id: int, now: dt.datetime) -> int | None:
    """The newest live pass of the member that leads into the line, by id."""
    return session.scalar(
        select(Pass.id)
        .join(Plan, Plan.id == Pass.plan_id)
        .where(
            Pass.member_id == member_id,
            Pass.state == "active",
            Plan.group_line_id == line_id,
            or_(Pass.ends_at.is_(None), Pass.ends_at > now, Pass.grace_until > now),
        )
        .order_by(Pass.id.desc())
        .limit(1)
    )


def offers_into(session: Session, line_id: int, now: dt.datetime) -> list[Offer]:
    """What is on the shelf and brings a seat in the line, what can be bought now first."""
    return [one for one in catalogue(session, now) if one.line is not None and one.line.id == line_id]
