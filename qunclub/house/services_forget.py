"""What the house forgets of somebody who leaves: words by and about them; lines and dates stay, without a name."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from . import services_reports
from .models import Mute, MuteException, Report, SanctionAppeal


def forget(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """Take away what they wrote and what was quoted of them; what is open about them or by them ends."""
    either = or_(Report.author_id == member_id, Report.reporter_id == member_id)
    ended = session.scalars(
        update(Report)
        .where(either, Report.state == "open")
        .values(state="gone", decided_at=now, claimed_by=None, claimed_until=None)
        .returning(Report.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    if ended:
        services_reports.count(session, services_reports.REPORTS, -len(ended))
    session.execute(update(Report).where(either).values(reason="", excerpt="", answer=""))
    lapsed = session.scalars(
        select(SanctionAppeal.id).where(SanctionAppeal.member_id == member_id, SanctionAppeal.state == "open")
    ).all()
    if lapsed:
        services_reports.count(session, services_reports.APPEALS, -len(lapsed))
        session.execute(
            update(SanctionAppeal).where(SanctionAppeal.id.in_(lapsed)).values(state="lapsed", decided_at=now)
        )
    session.execute(
        update(SanctionAppeal).where(SanctionAppeal.member_id == member_id).values(reason="", answer="")
    )
    wished = update(MuteException).where(MuteException.member_id == member_id)
    gone = session.scalars(
        wished.where(MuteException.state == "open")
        .values(state="lapsed", decided_at=now)
        .returning(MuteException.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    if gone:
        services_reports.count(session, services_reports.APPEALS, -len(gone))
    session.execute(wished.values(reason="", answer=""))
    mine = update(Mute).where(Mute.member_id == member_id)
    session.execute(mine.values(reason=""))
    session.execute(mine.where(Mute.lifted_at.is_(None)).values(lifted_at=now))
