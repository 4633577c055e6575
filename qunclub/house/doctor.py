"""The books of the house on the live database: kept counts, and that what was decided is in force."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub import groups
from qunclub.groups.models import Seat
from qunclub.kernel import Finding

from . import services_reports
from .models import Mute, MuteException, Report, Sanction, SanctionAppeal

LIMIT = 50
# Nothing asks for trust: why somebody is muted or removed, until when, how to appeal.
PROMISE = 9


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Kept counts against the rows; mutes and removals against their sanctions."""
    return [
        *_counts(session),
        *_mutes(session),
        *_exceptions(session),
        *_removals(session),
        *_reports(session),
    ]


def _counts(session: Session) -> list[Finding]:
    appeals = select(func.count()).select_from(SanctionAppeal).where(SanctionAppeal.state == "open")
    wishes = select(func.count()).select_from(MuteException).where(MuteException.state == "open")
    asked = session.scalars(appeals).one() + session.scalars(wishes).one()
    found = []
    for name, what, rows in (
        (services_reports.REPORTS, "reports", services_reports.counted(session)),
        (services_reports.APPEALS, "appeals against sanctions and mutes", asked),
    ):
        kept = services_reports.waiting(session, name)
        if kept != rows:
            found.append(
                Finding(
                    PROMISE, f"{kept} open {what} are kept; {rows} are open", {"kept": kept, "rows": rows}
                )
            )
    return found


def _mutes(session: Session) -> list[Finding]:
    back = aliased(Sanction)
    rows = session.execute(
        select(Sanction.id, Mute.id, back.id)
        .outerjoin(Mute, Mute.sanction_id == Sanction.id)
        .outerjoin(back, back.overturns_id == Sanction.id)
        .where(
            Sanction.kind == "mute",
            or_(Mute.id.is_(None), and_(back.id.is_not(None), Mute.lifted_at.is_(None))),
        )
        .limit(LIMIT)
    )
    return [
        Finding(
            PROMISE,
            f"sanction {line} has no mute" if mute is None else f"mute {mute} outlived its sanction {line}",
            {"sanction_id": line, "mute_id": mute},
        )
        for line, mute, _back in rows
    ]


def _exceptions(session: Session) -> list[Finding]:
    """A wish for an exception is answered with a reason, and by another than whoever set the mute."""
    rows = session.execute(
        select(MuteException.id, MuteException.state)
        .join(Mute, Mute.id == MuteException.mute_id)
        .where(
            MuteException.state.in_(("granted", "declined")),
            or_(MuteException.decided_at.is_(None), MuteException.decided_by == Mute.set_by),
        )
        .limit(LIMIT)
    )
    return [
        Finding(
            PROMISE,
            f"exception {ident} is {state} by nobody, or by who set the mute",
            {"exception_id": ident},
        )
        for ident, state in rows
    ]


def _removals(session: Session) -> list[Finding]:
    """Somebody who was taken out by a sanction that stands sits in that very seat."""
    back = aliased(Sanction)
    rows = session.execute(
        select(Sanction.id, Seat.id)
        .join(Seat, Seat.id == Sanction.seat_id)
        .outerjoin(back, back.overturns_id == Sanction.id)
        .where(Sanction.kind == "removal", Seat.state.in_(groups.LIVE), back.id.is_(None))
        # The same seat may have been given back and taken once more: its last removal counts.
        .where(
            Sanction.id
            == select(func.max(Sanction.id))
            .where(Sanction.seat_id == Seat.id, Sanction.kind == "removal")
            .correlate(Seat)
            .scalar_subquery()
        )
        .limit(LIMIT)
    )
    return [
        Finding(
            PROMISE,
            f"seat {seat} is held though sanction {line}, which stands, has ended it",
            {"sanction_id": line, "seat_id": seat},
        )
        for line, seat in rows
    ]


def _reports(session: Session) -> list[Finding]:
    rows = session.execute(
        select(Report.id, Report.state)
        .where(
            or_(
                and_(Report.state == "sanctioned", Report.violation_id.is_(None)),
                and_(Report.state != "open", Report.decided_at.is_(None)),
            )
        )
        .limit(LIMIT)
    )
    return [
        Finding(PROMISE, f"report {ident} is {state} without a decision", {"report_id": ident})
        for ident, state in rows
    ]
