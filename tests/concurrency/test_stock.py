"""Promise 3: however many order at once, no more is sold than there is."""

from __future__ import annotations

from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Conflict
from qunclub.orders.models import OrderEvent
from tests.concurrency.races import (
    GATEWAY,
    Order,
    Pass,
    Plan,
    fetch,
    findings,
    meeting,
    number_of,
    pay,
    place,
    race_was_seen,
    refused,
    unexpected,
)
from tests.support.concurrency import concurrently, succeeded


def test_24_buyers_and_the_last_5(db, make, now):
    plan = make.plan(stock=5, line=make.group_line(capacities=(100,)))
    buyers = [make.member() for _ in range(24)]

    def buy(session, index):
        order = place(session, plan, buyers[index], now)
        return order.id

    outcomes = concurrently(db, 24, buy, retry=True)
    assert unexpected(outcomes, Conflict) == []
    assert len(succeeded(outcomes)) == 5
    assert fetch(db, Plan, plan.id).held == 5

    bought = [fetch(db, Order, ident) for ident in succeeded(outcomes)]
    paid = concurrently(db, 5, lambda session, index: pay(session, bought[index], now).kind, retry=True)
    assert paid == ["fulfilled"] * 5
    kept = fetch(db, Plan, plan.id)
    assert (kept.held, kept.sold) == (0, 5)
    assert number_of(db, Pass) == 5
    assert findings(db, now) == []


def test_one_buyer_clicking_16_times_has_one_order(db, make, now):
    plan = make.plan(stock=5)
    buyer = make.member()
    outcomes = concurrently(db, 16, lambda session: place(session, plan, buyer, now).code, retry=True)
    assert unexpected(outcomes) == []
    assert len(set(outcomes)) == 1
    assert fetch(db, Plan, plan.id).held == 1
    assert findings(db, now) == []


def last_one(db, make, now, *, locked):
    plan = make.plan(stock=1)
    buyers = [make.member() for _ in range(16)]
    with meeting(Plan, 16, locked=locked):
        outcomes = concurrently(db, 16, lambda session, index: place(session, plan, buyers[index], now).id)
    return plan, outcomes


def test_16_buyers_who_meet_at_the_last_one(db, make, now):
    _, outcomes = last_one(db, make, now, locked=True)
    assert unexpected(outcomes, Conflict) == []
    assert len(succeeded(outcomes)) == 1
    assert findings(db, now) == []


def test_control_without_the_lock_it_is_sold_more_than_once(db, make, now):
    _, outcomes = last_one(db, make, now, locked=False)
    if db.kind == "sqlite":
        # Everybody read the same snapshot, so SQLite lets one write and refuses the others.
        assert len(refused(outcomes)) == 15
    else:
        # How many got through before the first commit was seen is the machine's business; one would be right.
        assert len(succeeded(outcomes)) > 1
        assert findings(db, now) != []


def expire_against_pay(db, make, now, *, rounds, third_buyer):
    """In each round one order is paid and expired at the same moment, and somebody else wants its stock."""
    plan = make.plan(stock=rounds)
    made = [make.order(plan) for _ in range(rounds)]
    others = [make.member() for _ in range(rounds)]

    def act(session, index):
        order, step = made[index // 3], index % 3
        if step == 0:
            return pay(session, order, now).kind
        if step == 1:
            return orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
        return place(session, plan, others[index // 3], now).code if third_buyer else None

    return plan, concurrently(db, rounds * 3, act, retry=True)


def test_expiry_and_payment_at_the_same_moment(db, make, now):
    plan, outcomes = expire_against_pay(db, make, now, rounds=8, third_buyer=True)
    assert unexpected(outcomes, Conflict) == []
    kept = fetch(db, Plan, plan.id)
    assert kept.held + kept.sold <= 8
    assert findings(db, now) == []
    with db.session() as session:
        for order in session.scalars(select(Order).where(Order.paid_at.is_not(None))):
            assert order.state == "paid"
        # Nobody's money is lost: what was paid is paid, or before an admin.
        states = set(session.scalars(select(Order.state).where(Order.payments.any())))
    assert states <= {"paid", "needs_attention"}


def pay_meets_expiry(db, make, now, *, locked):
    plan = make.plan(stock=1)
    order = make.order(plan)

    def act(session, index):
        if index == 0:
            return pay(session, order, now).kind
        return orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)

    with meeting(Order, 2, locked=locked):
        return plan, concurrently(db, 2, act)


def left_pending(db):
    """How often an order left ``pending``: it can only once, whatever comes after."""
    return number_of(db, OrderEvent, OrderEvent.from_state == "pending")


def test_payment_and_expiry_that_meet(db, make, now):
    _, outcomes = pay_meets_expiry(db, make, now, locked=True)
    assert unexpected(outcomes) == []
    assert outcomes[0] == "fulfilled"
    assert left_pending(db) == 1
    assert findings(db, now) == []


def test_control_without_the_lock_an_order_is_paid_and_expired(db, make, now):
    _, outcomes = pay_meets_expiry(db, make, now, locked=False)
    assert race_was_seen(db, outcomes, lambda: left_pending(db) > 1 or findings(db, now) != [])
