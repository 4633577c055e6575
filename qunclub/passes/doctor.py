"""Promises 3 and 4 on the live database: stock, passes, seats and tickets agree."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Seat
from qunclub.kernel import Finding
from qunclub.members.models import Member

from .models import EntryTicket, Pass, Plan
from .rules import SOLD_PREFIX

LIMIT = 50
PATIENCE = dt.timedelta(hours=1)
"""How long the sweeper may take to follow a seat that a host changed."""


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Kept stock, exactly-once passes, seats behind passes, tickets behind seats."""
    return [
        *_stock(session),
        *_passes(session, now),
        *_units(session),
        *_tickets(session, now),
        *_without_ticket(session, now),
    ]


def _stock(session: Session) -> list[Finding]:
    bought = (
        select(Pass.plan_id, func.count().label("n"))
        .where(Pass.source.startswith(SOLD_PREFIX), Pass.state != "revoked")
        .group_by(Pass.plan_id)
        .subquery()
    )
    n = func.coalesce(bought.c.n, 0)
    rows = session.execute(
        select(Plan.id, Plan.sold, Plan.held, Plan.stock, n)
        .join(bought, bought.c.plan_id == Plan.id, isouter=True)
        .where(or_(Plan.sold != n, Plan.held < 0, Plan.held + Plan.sold > Plan.stock))
        .limit(LIMIT)
    )
    return [
        Finding(
            3,
            f"plan {plan} says {sold} are sold and {held} held of {stock or 'no limit'}; {count} bought passes count",
            {"plan_id": plan, "sold": sold, "held": held, "stock": stock, "passes": count},
        )
        for plan, sold, held, stock, count in rows
    ]


def _passes(session: Session, now: dt.datetime) -> list[Finding]:
    wrong = case(
        (Member.number.is_(None), "belongs to a member without a number"),
        (
            and_(Pass.state == "active", Plan.group_line_id.is_not(None), Pass.seat_id.is_(None)),
            "leads to a group line but has neither a seat nor a waiting place",
        ),
        (Seat.member_id != Pass.member_id, "holds the seat of somebody else"),
        (
            and_(Seat.id.is_not(None), Plan.group_line_id != Seat.line_id),
            "holds a seat of another line than its plan's",
        ),
        (
            and_(Pass.state == "active", Pass.ends_at <= now - PATIENCE),
            "should have expired",
        ),
        (and_(Pass.state != "active", Pass.ended_at.is_(None)), "ended at no time"),
        else_=None,
    )
    rows = session.execute(
        select(Pass.id, wrong)
        .join(Member, Member.id == Pass.member_id)
        .join(Plan, Plan.id == Pass.plan_id)
        .join(Seat, Seat.id == Pass.seat_id, isouter=True)
        .where(wrong.is_not(None))
        .limit(LIMIT)
    )
    return [Finding(4, f"pass {held} {what}", {"pass_id": held}) for held, what in rows]


def _units(session: Session) -> list[Finding]:
    rows = session.execute(
        select(Pass.source, func.count()).group_by(Pass.source).having(func.count() > 1).limit(LIMIT)
    )
    return [
        Finding(3, f"{count} passes came of one source, {source}", {"source": source, "passes": count})
        for source, count in rows
    ]


def _tickets(session: Session, now: dt.datetime) -> list[Finding]:
    live = aliased(Pass)
    kept = select(live.id).where(live.seat_id == EntryTicket.seat_id, live.state == "active").exists()
    wrong = case(
        (Seat.member_id != EntryTicket.member_id, "belongs to another member than its seat"),
        (and_(EntryTicket.state == "used", EntryTicket.used_at.is_(None)), "was used at no time"),
        (
            and_(
                EntryTicket.state == "valid",
                Seat.state.in_(("left", "removed")),
                Seat.ended_at <= now - PATIENCE,
            ),
            "is valid although its seat has ended",
        ),
        (
            and_(EntryTicket.state == "void", Seat.state == "admitted", kept),
            "is void although its seat stands and a pass keeps it",
        ),
        else_=None,
    )
    rows = session.execute(
        select(EntryTicket.id, wrong)
        .join(Seat, Seat.id == EntryTicket.seat_id)
        .where(wrong.is_not(None))
        .limit(LIMIT)
    )
    return [Finding(4, f"ticket {ticket} {what}", {"ticket_id": ticket}) for ticket, what in rows]


def _without_ticket(session: Session, now: dt.datetime) -> list[Finding]:
    rows = session.scalars(
        select(Seat.id)
        .join(Pass, and_(Pass.seat_id == Seat.id, Pass.state == "active"))
        .join(EntryTicket, EntryTicket.seat_id == Seat.id, isouter=True)
        .where(Seat.state == "admitted", Seat.admitted_at <= now - PATIENCE, EntryTicket.id.is_(None))
        .distinct()
        .limit(LIMIT)
    )
    return [Finding(4, f"seat {seat} has no ticket", {"seat_id": seat}) for seat in rows]
