"""The life of an order, pair by pair, and what a payment means for it."""

from __future__ import annotations

import datetime as dt
from itertools import product

import pytest

from qunclub.kernel import Conflict, Invalid
from qunclub.orders import rules
from qunclub.orders.models import ORDER_STATES
from qunclub.orders.rules import Due, Money, Supply, judge_payment

STEPS = {
    ("pending", "paid"),
    ("pending", "expired"),
    ("pending", "cancelled"),
    ("pending", "needs_attention"),
    ("expired", "paid"),
    ("expired", "needs_attention"),
    ("expired", "cancelled"),
    ("cancelled", "needs_attention"),
    ("paid", "refunded"),
    ("paid", "needs_attention"),
    ("needs_attention", "paid"),
    ("needs_attention", "refunded"),
    ("refunded", "needs_attention"),
}
PAIRS = list(product(rules.STATES, rules.STATES))


def test_the_table_knows_every_state():
    assert set(rules.STATES) == set(ORDER_STATES) == set(rules.STATE_LABELS) == set(rules.BLOCKED)
    assert set().union(*rules.TRANSITIONS.values()) <= set(rules.STATES)
    assert len(PAIRS) == 36


@pytest.mark.parametrize(("state", "to"), PAIRS, ids=lambda name: name)
def test_every_pair_of_states(state, to):
    allowed = (state, to) in STEPS
    assert rules.may_move(state, to) is allowed
    if allowed:
        rules.check_move(state, to)
    else:
        with pytest.raises(Conflict):
            rules.check_move(state, to)


def due(state="pending", **changes):
    return Due(**{"state": state, "total": 19900, "currency": "CNY", "holds": state == "pending", **changes})


def test_the_right_money_in_time_fulfils():
    assert judge_payment(due(), amount=19900, currency="cny").fulfil


@pytest.mark.parametrize(
    ("order", "money", "reason"),
    [
        (due(), {"amount": 19800}, rules.WRONG_AMOUNT),
        (due(), {"amount": 20000}, rules.WRONG_AMOUNT),
        (due(), {"currency": "USD"}, rules.WRONG_CURRENCY),
        (due("paid"), {}, rules.DOUBLE),
        (due("refunded"), {}, rules.DOUBLE),
        (due("cancelled"), {}, rules.AFTER_CANCEL),
        (due("needs_attention"), {}, rules.MORE_MONEY),
        (due("needs_attention", holds=True), {}, rules.MORE_MONEY),
    ],
)
def test_odd_money_goes_to_an_admin(order, money, reason):
    verdict = judge_payment(order, **{"amount": 19900, "currency": "CNY", **money})
    assert not verdict.fulfil
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("supply", "reason"),
    [
        (Supply(1, stock=None, seats=None), ""),
        (Supply(1, stock=1, seats=1), ""),
        (Supply(1, stock=0, seats=5), rules.LATE_NO_STOCK),
        (Supply(2, stock=1, seats=5), rules.LATE_NO_STOCK),
        (Supply(1, stock=5, seats=0), rules.LATE_NO_SEAT),
        (Supply(1, stock=0, seats=0), rules.LATE_NO_STOCK),
    ],
)
def test_a_late_payment_is_honoured_when_stock_and_seat_allow(supply, reason):
    verdict = judge_payment(due("expired"), amount=19900, currency="CNY", supply=[supply])
    assert verdict.fulfil is (reason == "")
    assert verdict.reason == reason


def test_supply_does_not_matter_while_stock_is_held():
    assert judge_payment(due(), amount=19900, currency="CNY", supply=[Supply(1, 0, 0)]).fulfil


@pytest.mark.parametrize(
    ("payments", "entitled", "state"),
    [
        ([], False, None),
        ([Money(100, 0, True)], True, "paid"),
        ([Money(100, 40, True)], True, "paid"),
        ([Money(100, 100, True)], False, "refunded"),
        ([Money(0, 0, True)], True, "paid"),
        ([Money(100, 0, False)], False, None),
        ([Money(100, 100, False)], False, "refunded"),
        ([Money(100, 0, True), Money(100, 0, False)], True, None),
        ([Money(100, 0, True), Money(100, 100, False)], True, "paid"),
        ([Money(100, 100, True), Money(100, 0, False)], False, None),
        ([Money(60, 60, True), Money(40, 0, True)], True, "paid"),
        ([Money(60, 60, True), Money(40, 40, True)], False, "refunded"),
    ],
)
def test_what_the_money_says(payments, entitled, state):
    assert rules.entitled(payments) is entitled
    assert rules.settled_state(payments) == state


@pytest.mark.parametrize(
    ("amount", "left", "fine"),
    [(1, 1, True), (100, 100, True), (0, 5, False), (-1, 5, False), (6, 5, False), (1, 0, False)],
)
def test_never_more_than_is_left(amount, left, fine):
    if fine:
        rules.check_refund(amount, left)
    else:
        with pytest.raises(Invalid) as refused:
            rules.check_refund(amount, left)
        assert refused.value.field == "amount"


@pytest.mark.parametrize(
    ("answer", "minutes", "step"),
    [
        ("settled", 0, "fulfil"),
        ("settled", 900, "fulfil"),
        ("on_its_way", 900, "wait"),
        ("closed", 0, "expire"),
        ("silent", 1, "ask_later"),
        ("silent", 60, "expire"),
    ],
)
def test_what_the_sweeper_does(answer, minutes, step):
    found = rules.sweep_step(
        answer=answer, overdue=dt.timedelta(minutes=minutes), patience=dt.timedelta(minutes=15)
    )
    assert found == step


def test_minutes_left_are_rounded_up():
    now = dt.datetime(2026, 4, 15, tzinfo=dt.UTC)
    assert rules.minutes_left(now + dt.timedelta(seconds=61), now) == 2
    assert rules.minutes_left(now + dt.timedelta(minutes=35), now) == 35
    assert rules.minutes_left(now - dt.timedelta(minutes=1), now) == 0
    assert rules.minutes_left(None, now) == 0
