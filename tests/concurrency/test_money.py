"""Promises 3 and 5: one payment gives its passes once, and never more goes back than came."""

from __future__ import annotations

from sqlalchemy import func, select

from qunclub import orders
from qunclub.kernel import Actor, Invalid
from qunclub.orders import services_inbox
from qunclub.orders.models import GatewayEvent, Refund
from tests.concurrency.races import (
    Order,
    Pass,
    Payment,
    Plan,
    fetch,
    findings,
    meeting,
    number_of,
    pay,
    race_was_seen,
    refused,
    unexpected,
)
from tests.support.concurrency import concurrently, succeeded

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))


def test_the_same_notification_16_times_at_once(db, make, now):
    order = make.order(make.plan(stock=3, line=make.group_line()))
    note = make.told("paid", order)

    def deliver(session):
        return orders.handle_notification(session, notification=note, payload="{}", now=now)

    outcomes = concurrently(db, 16, deliver, retry=True)
    assert sorted(outcomes) == ["fulfilled", *["repeated"] * 15]
    assert (number_of(db, Pass), number_of(db, Payment), number_of(db, GatewayEvent)) == (1, 1, 1)
    assert findings(db, now) == []


def test_16_different_tellings_of_one_payment(db, make, now):
    """Webhooks of several kinds, the return page and the sweeper, all at once."""
    order = make.order(make.plan(stock=3))
    notes = [make.told("paid", order, event=f"evt_{index}") for index in range(16)]

    def tell(session, index):
        if index % 2:
            return pay(session, order, now).kind
        return orders.handle_notification(session, notification=notes[index], payload="{}", now=now)

    outcomes = concurrently(db, 16, tell, retry=True)
    assert sorted(outcomes) == [*["already"] * 15, "fulfilled"]
    assert (number_of(db, Pass), number_of(db, Payment)) == (1, 1)
    assert findings(db, now) == []


def test_16_different_payments_of_one_order(db, make, now):
    order = make.order(make.plan(stock=3))
    outcomes = concurrently(
        db, 16, lambda session, index: pay(session, order, now, ref=f"pi_{index}").kind, retry=True
    )
    assert sorted(outcomes) == [*["attention"] * 15, "fulfilled"]
    assert (number_of(db, Pass), number_of(db, Payment), number_of(db, Payment, Payment.fulfils)) == (
        1,
        16,
        1,
    )
    assert fetch(db, Order, order.id).state == "needs_attention"
    assert findings(db, now) == []


def two_payments_meet(db, make, now, *, locked):
    order = make.order(make.plan(stock=3))
    with meeting(Order, 16, locked=locked):
        return concurrently(db, 16, lambda session, index: pay(session, order, now, ref=f"pi_{index}").kind)


def test_16_payments_that_meet_at_one_order(db, make, now):
    outcomes = two_payments_meet(db, make, now, locked=True)
    assert sorted(outcomes) == [*["attention"] * 15, "fulfilled"]
    assert findings(db, now) == []


def test_control_without_the_lock_everybody_fulfils(db, make, now):
    outcomes = two_payments_meet(db, make, now, locked=False)
    # All of them read "pending" and take themselves for the payment that buys. Nobody sees the others: the database
    # has to refuse them (SQLite's snapshot 15; PostgreSQL by deadlocks and constraints) or lets several fulfil.
    assert "attention" not in outcomes
    assert outcomes.count("fulfilled") >= 1
    assert outcomes.count("fulfilled") + len(refused(outcomes)) == 16
    if db.kind == "sqlite":
        assert len(refused(outcomes)) == 15


def notification_met(db, make, now, *, locked):
    order = make.order(make.plan(stock=3))
    note = make.told("paid", order)
    with db.uow() as session:
        # It came before and could not be handled: the row is there, so nobody queues on its insertion.
        services_inbox.keep_failure(session, notification=note, payload="{}", error="x", now=now)

    def deliver(session):
        return orders.handle_notification(session, notification=note, payload="{}", now=now)

    with meeting(GatewayEvent, 16, locked=locked):
        return concurrently(db, 16, deliver)


def test_16_deliveries_that_meet_at_the_inbox(db, make, now):
    outcomes = notification_met(db, make, now, locked=True)
    assert sorted(outcomes) == ["fulfilled", *["repeated"] * 15]
    assert findings(db, now) == []


def test_control_without_the_lock_the_inbox_hands_out_one_event_twice(db, make, now):
    if db.kind == "sqlite":
        # The inbox begins with a write, and on SQLite that is the only lock there is: it cannot be turned off.
        return
    outcomes = notification_met(db, make, now, locked=False)
    assert outcomes.count("fulfilled") > 0
    assert "repeated" not in outcomes


def refunds(db, make, now, *, locked, meet):
    plan = make.plan(stock=3)
    order = make.paid_order(plan)
    payment = make.payment(order)
    part = payment.amount // 4

    def give_back(session, index):
        return orders.refund(
            session, payment_id=payment.id, amount=part, reason="", key=f"r{index}", actor=ADMIN, now=now
        ).amount

    if not meet:
        return plan, payment, concurrently(db, 16, give_back, retry=True)
    with meeting(Payment, 16, locked=locked):
        return plan, payment, concurrently(db, 16, give_back)


def given_back(db, payment):
    with db.session() as session:
        return session.scalar(select(func.sum(Refund.amount)).where(Refund.payment_id == payment.id))


def test_16_refunds_of_a_quarter(db, make, now):
    plan, payment, outcomes = refunds(db, make, now, locked=True, meet=False)
    assert unexpected(outcomes, Invalid) == []
    assert len(succeeded(outcomes)) == 4
    assert given_back(db, payment) == payment.amount == fetch(db, Payment, payment.id).refunded
    assert (fetch(db, Plan, plan.id).sold, number_of(db, Pass, Pass.state == "revoked")) == (0, 1)
    assert findings(db, now) == []


def test_16_refunds_that_meet(db, make, now):
    _, payment, outcomes = refunds(db, make, now, locked=True, meet=True)
    assert unexpected(outcomes, Invalid) == []
    assert given_back(db, payment) == payment.amount
    assert findings(db, now) == []


def test_control_without_the_lock_more_goes_back_than_came(db, make, now):
    _, payment, outcomes = refunds(db, make, now, locked=False, meet=True)
    assert race_was_seen(db, outcomes, lambda: given_back(db, payment) > payment.amount)
    if db.kind == "postgres":
        assert given_back(db, payment) > payment.amount
        assert findings(db, now) != []


def test_the_same_refund_clicked_16_times(db, make, now):
    payment = make.payment()

    def click(session):
        return orders.refund(
            session, payment_id=payment.id, amount=100, reason="", key="one", actor=ADMIN, now=now
        ).id

    outcomes = concurrently(db, 16, click, retry=True)
    assert len(set(outcomes)) == 1
    assert fetch(db, Payment, payment.id).refunded == 100
