"""Memberships and disputes on the live database.

What is held to be true:

- A live membership (``active``, ``past_due``) has its pass, a live one, whose end is the end of what is paid and which
  renews exactly when it will be charged again. A membership that is not live leaves no pass that renews.
- ``past_due`` names since when and until when the pass stays open, and does not outlive that by more than two days.
- Each invoice of the gateway paid for one renewal, and each renewal names its membership and its invoice.
- ``Order.disputed`` says whether a dispute of one of its payments is open. While it is, nothing that the order bought
  is open, and every suspended pass has such a dispute. Disputes that ended say when.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.passes.models import Pass, PassTerm

from . import rules, rules_disputes
from . import rules_subscriptions as own
from .models import Order, OrderLine, Payment
from .models_money import Dispute
from .models_selling import Subscription
from .services_fulfil import MOST_TIMES

SHOWN = 20
OVERDUE = dt.timedelta(days=2)
LIVE_PASS = ("active", "suspended")


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """What is broken, in a constant number of statements."""
    return [
        *_passes(session, now),
        *_grace(session, now),
        *_renewals(session),
        *_flags(session),
        *_suspended(session),
    ]


def _passes(session: Session, now: dt.datetime) -> list[Finding]:
    live = Subscription.state.in_(own.LIVE)
    renews = and_(live, Subscription.cancel_at_end.is_(False))
    # The sweeper closes what is over a moment later.
    closed = or_(Pass.state == "expired", Pass.state == "revoked")
    late = and_(Subscription.grace_until.is_not(None), Subscription.grace_until <= now)
    ended = and_(Subscription.period_ends_at <= now, Subscription.cancel_at_end.is_(True))
    wrong = case(
        (and_(live, Pass.id.is_(None)), "is live, but has no pass"),
        (
            and_(live, Pass.state == "expired", Pass.ended_at < now - OVERDUE, ~late, ~ended),
            "is live, but its pass has expired",
        ),
        (
            and_(live, ~closed, Pass.ends_at != Subscription.period_ends_at),
            "is paid until another moment than its pass is good for",
        ),
        (and_(renews, ~closed, Pass.renews.is_(False)), "renews, but its pass does not know"),
        (and_(~renews, ~closed, Pass.renews.is_(True)), "is not charged again, but its pass says it renews"),
        else_=None,
    )
    query = (
        select(Subscription.id, wrong)
        .join(Pass, Pass.id == Subscription.pass_id, isouter=True)
        .where(wrong.is_not(None))
        .order_by(Subscription.id)
        .limit(SHOWN)
    )
    found = [
        Finding(3, f"Membership {ident} {sentence}.", {"subscription_id": ident})
        for ident, sentence in session.execute(query)
    ]
    alone = (
        select(Pass.id)
        .join(Subscription, Subscription.pass_id == Pass.id, isouter=True)
        .where(Pass.renews.is_(True), Pass.state.in_(LIVE_PASS), Subscription.id.is_(None))
        .order_by(Pass.id)
        .limit(SHOWN)
    )
    return found + [
        Finding(3, f"Pass {ident} says it renews, but no membership names it.", {"pass_id": ident})
        for ident in session.scalars(alone)
    ]


def _grace(session: Session, now: dt.datetime) -> list[Finding]:
    due = Subscription.state == own.PAST_DUE
    named = and_(Subscription.past_due_since.is_not(None), Subscription.grace_until.is_not(None))
    wrong = case(
        (and_(due, ~named), "failed to renew, but does not say until when its pass stays open"),
        (and_(due, Subscription.grace_until < now - OVERDUE), "outlived its days of grace"),
        (
            and_(~due, or_(Subscription.grace_until.is_not(None), Subscription.past_due_since.is_not(None))),
            "has days of grace without a failed renewal",
        ),
        (and_(Subscription.state == own.ENDED, Subscription.ended_at.is_(None)), "ended, but not when"),
        (
            and_(Subscription.state.in_(own.LIVE), Subscription.ref.is_(None)),
            "is live, but the gateway has no name for it",
        ),
        else_=None,
    )
    query = select(Subscription.id, wrong).where(wrong.is_not(None)).order_by(Subscription.id).limit(SHOWN)
    return [
        Finding(3, f"Membership {ident} {sentence}.", {"subscription_id": ident})
        for ident, sentence in session.execute(query)
    ]


def _renewals(session: Session) -> list[Finding]:
    wrong = case(
        (
            and_(Order.invoice_ref.is_not(None), Order.subscription_id.is_(None)),
            "was charged by an invoice, but names no membership",
        ),
        (
            and_(
                Order.invoice_ref.is_not(None),
                Order.state.not_in((rules.PAID, rules.ATTENTION, rules.REFUNDED)),
            ),
            "was charged by an invoice, but is not paid",
        ),
        (
            and_(Order.invoice_ref.is_not(None), Order.member_id != Subscription.member_id),
            "renews the membership of somebody else",
        ),
        else_=None,
    )
    query = (
        select(Order.code, wrong)
        .join(Subscription, Subscription.id == Order.subscription_id, isouter=True)
        .where(wrong.is_not(None))
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(3, f"Order {code} {sentence}.", {"order": code}) for code, sentence in session.execute(query)
    ]


def _open_dispute() -> ColumnElement[bool]:
    return (
        select(Dispute.id)
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(Payment.order_id == Order.id, Dispute.state == rules_disputes.OPEN)
        .exists()
    )


def _flags(session: Session) -> list[Finding]:
    query = (
        select(Order.code, Order.disputed)
        .where(
            or_(
                and_(Order.disputed.is_(True), ~_open_dispute()),
                and_(Order.disputed.is_(False), _open_dispute()),
            )
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    found = [
        Finding(
            5,
            f"Order {code} says it is {'disputed' if disputed else 'not disputed'}; its disputes say otherwise.",
            {"order": code},
        )
        for code, disputed in session.execute(query)
    ]
    closed = Dispute.state.in_(rules_disputes.CLOSED)
    undated = (
        select(Dispute.ref)
        .where(or_(and_(closed, Dispute.closed_at.is_(None)), and_(~closed, Dispute.closed_at.is_not(None))))
        .order_by(Dispute.id)
        .limit(SHOWN)
    )
    return found + [
        Finding(5, f"Dispute {ref} does not say when it ended, or says so too early.", {"dispute": ref})
        for ref in session.scalars(undated)
    ]


def _numbers(most: int, name: str) -> Any:
    """The numbers 1 to *most* as a table."""
    first = select(literal(1).label("n")).cte(name, recursive=True)
    return first.union_all(select(first.c.n + 1).where(first.c.n < most))


def _under_dispute(session: Session) -> Any:
    """The passes that disputed orders gave or made longer, found by the names of what the orders bought."""
    disputed = Order.disputed.is_(True)
    most = session.execute(
        select(func.max(OrderLine.quantity)).join(Order, Order.id == OrderLine.order_id).where(disputed)
    ).scalar()
    units, times = _numbers(most or 1, "dispute_units"), _numbers(MOST_TIMES, "dispute_times")
    suffix = case((times.c.n == 1, ""), else_=literal(":") + cast(times.c.n, String))
    source = literal("order:") + cast(OrderLine.id, String) + ":" + cast(units.c.n, String) + suffix
    return (
        select(PassTerm.pass_id, Order.code)
        .select_from(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(units, units.c.n <= OrderLine.quantity)
        .join(times, literal(True))
        .join(PassTerm, PassTerm.source == source)
        .where(disputed, PassTerm.revoked_at.is_(None))
        .subquery()
    )


def _suspended(session: Session) -> list[Finding]:
    disputed = _under_dispute(session)
    suspended = (
        select(Pass.id)
        .where(Pass.state == "suspended", Pass.id.not_in(select(disputed.c.pass_id)))
        .order_by(Pass.id)
        .limit(SHOWN)
    )
    found = [
        Finding(5, f"Pass {ident} is suspended, but no open dispute is about it.", {"pass_id": ident})
        for ident in session.scalars(suspended)
    ]
    still_open = (
        select(disputed.c.code, Pass.id)
        .join(Pass, Pass.id == disputed.c.pass_id)
        .where(Pass.state == "active")
        .order_by(Pass.id)
        .limit(SHOWN)
    )
    return found + [
        Finding(
            5,
            f"The payment of order {code} is disputed, but its pass {ident} is open.",
            {"order": code, "pass_id": ident},
        )
        for code, ident in session.execute(still_open)
    ]
