"""Promises 3 and 4 on the live database: stock, passes, seats and tickets agree."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Seat
from qunclub.groups.models_bar import Bar
from qunclub.kernel import Finding
from qunclub.members.models import Member

from . import doctor_door
from .models import EntryTicket, Pass, PassTerm, Plan
from .rules import LIVE

LIMIT = 50
PATIENCE = dt.timedelta(hours=1)
"""How long the sweeper may take to follow a seat that a host changed."""


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Kept stock, exactly-once passes, seats behind passes, tickets behind seats."""
    return [
        *_stock(session),
        *_passes(session, now),
        *_units(session),
        *_terms(session),
        *_tickets(session, now),
        *_without_ticket(session, now),
        *doctor_door.check(session),
    ]


def _stock(session: Session) -> list[Finding]:
    rows = session.execute(
        select(Plan.id, Plan.sold, Plan.held, Plan.stock)
        .where(or_(Plan.sold < 0, Plan.held < 0, Plan.held + Plan.sold > Plan.stock))
        .limit(LIMIT)
    )
    return [
        Finding(
            3,
            f"plan {plan} says {sold} are sold and {held} held of {'no limit' if stock is None else stock}",
            {"plan_id": plan, "sold": sold, "held": held, "stock": stock},
        )
        for plan, sold, held, stock in rows
    ]


def _terms(session: Session) -> list[Finding]:
    live = (
        select(
            PassTerm.pass_id,
            func.count().label("n"),
            func.count(PassTerm.ends_at).label("ending"),
            func.max(PassTerm.ends_at).label("last"),
        )
        .where(PassTerm.revoked_at.is_(None))
        .group_by(PassTerm.pass_id)
        .subquery()
    )
    first = aliased(PassTerm)
    stands = Pass.state != "revoked"
    wrong = case(
        (first.id.is_(None), "has no term of what paid for it"),
        (and_(Pass.state == "revoked", live.c.n.is_not(None)), "is revoked, but a term of it is not"),
        (and_(stands, live.c.n.is_(None)), "is not revoked, but all its terms are"),
        (
            and_(stands, live.c.ending < live.c.n, Pass.ends_at.is_not(None)),
            "ends, but a term of it does not",
        ),
        (
            and_(
                stands,
                live.c.ending == live.c.n,
                or_(Pass.ends_at.is_(None), Pass.ends_at != live.c.last),
            ),
            "does not end with its last term",
        ),
        else_=None,
    )
    rows = session.execute(
        select(Pass.id, wrong)
        .join(live, live.c.pass_id == Pass.id, isouter=True)
        .join(first, and_(first.source == Pass.source, first.pass_id == Pass.id), isouter=True)
        .where(wrong.is_not(None))
        .limit(LIMIT)
    )
    return [Finding(3, f"pass {held} {what}", {"pass_id": held}) for held, what in rows]


def _passes(session: Session, now: dt.datetime) -> list[Finding]:
    # Whoever was taken out for cause when the pass came has no seat of it.
    barred = exists().where(
        Bar.member_id == Pass.member_id,
        or_(Bar.line_id.is_(None), Bar.line_id == Plan.group_line_id),
        Bar.since <= Pass.starts_at,
    )
    wrong = case(
        (Member.number.is_(None), "belongs to a member without a number"),
        (
            and_(Pass.state.in_(LIVE), Plan.group_line_id.is_not(None), Pass.seat_id.is_(None), ~barred),
            "leads to a group line but has neither a seat nor a waiting place",
        ),
        (Seat.member_id != Pass.member_id, "holds the seat of somebody else"),
        (
            and_(Seat.id.is_not(None), Plan.group_line_id != Seat.line_id),
            "holds a seat of another line than its plan's",
        ),
        (
            and_(
                Pass.state == "active",
                Pass.ends_at <= now - PATIENCE,
                or_(Pass.grace_until.is_(None), Pass.grace_until <= now - PATIENCE),
            ),
            "should have expired",
        ),
        (and_(Pass.state.not_in(LIVE), Pass.ended_at.is_(None)), "ended at no time"),
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
    return [
        Finding(3, f"{count} {what} came of one source, {source}", {"source": source, what: count})
        for what, column in (("passes", Pass.source), ("terms", PassTerm.source))
        for source, count in session.execute(
            select(column, func.count()).group_by(column).having(func.count() > 1).limit(LIMIT)
        )
    ]


def _tickets(session: Session, now: dt.datetime) -> list[Finding]:
    live = aliased(Pass)
    kept = select(live.id).where(live.seat_id == EntryTicket.seat_id, live.state.in_(LIVE)).exists()
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
        .join(Pass, and_(Pass.seat_id == Seat.id, Pass.state.in_(LIVE)))
        .join(EntryTicket, EntryTicket.seat_id == Seat.id, isouter=True)
        .where(Seat.state == "admitted", Seat.admitted_at <= now - PATIENCE, EntryTicket.id.is_(None))
        .distinct()
        .limit(LIMIT)
    )
    return [Finding(4, f"seat {seat} has no ticket", {"seat_id": seat}) for seat in rows]
