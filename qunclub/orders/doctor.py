"""Promises 3 and 5 on the live database, and the counters that orders keep.

What is held to be true:

- A fulfilled order is entitled while money that fulfilled it is left (or it cost nothing). When it is not entitled,
  nothing it gave is live.
- ``paid`` orders are entitled; ``refunded`` ones have no money left; open money lies only in ``needs_attention``.
- A payment's ``refunded`` is the sum of its refunds that did not fail, and never more than its amount.
- ``Plan.held`` is the sum of the lines of orders that hold stock, which only pending orders and those that need
  attention do; ``Plan.sold`` is the bought passes that are not revoked and the claim codes that are open.
- Nothing waits for ever: notifications are handled, refunds answered, expired orders swept, outside work done.

What was sold, and for how much, is looked at in ``doctor_selling``; refunds, memberships and takings have their own.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import Finding
from qunclub.kernel.outbox import OutboxMessage
from qunclub.passes.models import Pass, PassTerm, Plan

from . import doctor_recurring, doctor_referral, doctor_refunds, doctor_selling, doctor_takings, rules
from .doctor_selling import given_terms
from .models import GatewayEvent, Order, OrderLine, Payment, Refund
from .models_selling import ClaimCode
from .rules_selling import RENEWAL

SHOWN = 20
STUCK = dt.timedelta(days=1)


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """What is broken, in a constant number of statements."""
    return [
        *doctor_selling.check(session),
        *_access_without_money(session),
        *_money_and_states(session),
        *_refunds(session),
        *_stock(session),
        *doctor_refunds.check(session, now),
        *doctor_recurring.check(session, now),
        *doctor_takings.check(session),
        *doctor_referral.check(session, now),
        *_stuck(session, now),
    ]


def _entitled() -> ColumnElement[bool]:
    return (
        select(Payment.id)
        .where(
            Payment.order_id == Order.id,
            Payment.fulfils.is_(True),
            or_(Payment.refunded < Payment.amount, Payment.amount == 0),
        )
        .exists()
    )


def _access_without_money(session: Session) -> list[Finding]:
    query = (
        select(Order.code, Pass.id)
        .select_from(given_terms(session, all_times=True))
        .where(
            Order.paid_at.is_not(None),
            Order.state != rules.PAID,
            PassTerm.revoked_at.is_(None),
            Pass.state == "active",
            ~_entitled(),
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"The money for order {code} was given back, but its pass {pass_id} is still active.",
            {"order": code, "pass_id": pass_id},
        )
        for code, pass_id in session.execute(query)
    ]


def _money_and_states(session: Session) -> list[Finding]:
    extra = (
        select(Payment.id)
        .where(Payment.order_id == Order.id, Payment.fulfils.is_(False), Payment.refunded < Payment.amount)
        .exists()
    )
    wrong = case(
        (and_(Order.state == rules.PAID, ~_entitled()), "is paid, but no money is left of what paid for it"),
        (
            and_(Order.state != rules.PAID, Order.state != rules.ATTENTION, _entitled()),
            "has its money, but is not paid",
        ),
        (and_(Order.paid_at.is_(None), _entitled()), "has its money, but was never fulfilled"),
        (
            and_(Order.state.in_((rules.PENDING, rules.EXPIRED, rules.CANCELLED, rules.REFUNDED)), extra),
            "has money that nothing was given for, but does not ask for attention",
        ),
        else_=None,
    )
    query = select(Order.code, Order.state, wrong).where(wrong.is_not(None)).order_by(Order.id).limit(SHOWN)
    return [
        Finding(3, f"Order {code} {sentence}.", {"order": code, "state": state})
        for code, state, sentence in session.execute(query)
    ]


def _refunds(session: Session) -> list[Finding]:
    given = (
        select(func.coalesce(func.sum(Refund.amount), 0))
        .where(Refund.payment_id == Payment.id, Refund.state != "failed")
        .scalar_subquery()
    )
    query = (
        select(Payment.id, Payment.amount, Payment.refunded, given)
        .where(or_(Payment.refunded != given, Payment.refunded > Payment.amount))
        .order_by(Payment.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            5,
            f"Payment {ident} of {amount} says {kept} is given back; its refunds add up to {total}.",
            {"payment_id": ident, "amount": amount, "refunded": kept, "refunds": total},
        )
        for ident, amount, kept, total in session.execute(query)
    ]


def _stock(session: Session) -> list[Finding]:
    holding = (
        select(OrderLine.plan_id, func.sum(OrderLine.quantity).label("n"))
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.holds_stock.is_(True), OrderLine.kind != RENEWAL)
        .group_by(OrderLine.plan_id)
        .subquery()
    )
    bought = (
        select(Pass.plan_id, func.count().label("n"))
        .where(Pass.source.startswith(passes.SOLD_PREFIX), Pass.state != "revoked")
        .group_by(Pass.plan_id)
        .subquery()
    )
    codes = (
        select(OrderLine.plan_id, func.count().label("n"))
        .join(ClaimCode, ClaimCode.line_id == OrderLine.id)
        .where(ClaimCode.state == "open")
        .group_by(OrderLine.plan_id)
        .subquery()
    )
    held = func.coalesce(holding.c.n, 0)
    sold = func.coalesce(bought.c.n, 0) + func.coalesce(codes.c.n, 0)
    query = (
        select(Plan.slug, Plan.held, held, Plan.sold, sold)
        .join(holding, holding.c.plan_id == Plan.id, isouter=True)
        .join(bought, bought.c.plan_id == Plan.id, isouter=True)
        .join(codes, codes.c.plan_id == Plan.id, isouter=True)
        .where(or_(Plan.held != held, Plan.sold != sold))
        .order_by(Plan.id)
        .limit(SHOWN)
    )
    found = [
        Finding(
            3,
            f"Plan {slug} says {kept} are held and {gone} sold; its open orders add up to {total}, "
            f"its passes and open claim codes to {given}.",
            {"plan": slug, "held": kept, "orders": total, "sold": gone, "passes": given},
        )
        for slug, kept, total, gone, given in session.execute(query)
    ]
    ended = (
        select(Order.code, Order.state)
        .where(
            or_(
                and_(Order.holds_stock.is_(True), Order.state.not_in((rules.PENDING, rules.ATTENTION))),
                and_(Order.holds_stock.is_(False), Order.state == rules.PENDING),
            )
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return found + [
        Finding(
            3,
            f"Order {code} is {state}, which does not fit the stock it holds.",
            {"order": code, "state": state},
        )
        for code, state in session.execute(ended)
    ]


def _stuck(session: Session, now: dt.datetime) -> list[Finding]:
    before = now - STUCK
    events = select(func.count()).where(
        GatewayEvent.handled_at.is_(None),
        GatewayEvent.outcome != "waiting",
        GatewayEvent.received_at < before,
    )
    refunds = select(func.count()).where(
        Refund.state == "requested", Refund.provider_ref.is_(None), Refund.created_at < before
    )
    orders = select(func.count()).where(Order.state == rules.PENDING, Order.expires_at < before)
    given_up = select(func.count()).where(OutboxMessage.due_at.is_(None), OutboxMessage.done_at.is_(None))
    counts = (events, refunds, orders, given_up)
    row = session.execute(select(*(count.scalar_subquery() for count in counts))).one()
    sentences = (
        "{n} notification(s) of the gateway could not be handled for more than a day.",
        "{n} refund(s) have waited for the gateway's answer for more than a day.",
        "{n} order(s) expired more than a day ago and still hold stock: is the job worker running?",
        "{n} piece(s) of outside work (mail, refunds, pay pages) were given up after many tries.",
    )
    return [
        Finding(promise, sentence.format(n=n), {"count": n})
        for promise, sentence, n in zip((3, 5, 3, 3), sentences, row, strict=True)
        if n
    ]
