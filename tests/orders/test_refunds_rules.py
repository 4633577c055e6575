"""What is worked out without a database: shares of codes, the promise of a plan, which payment pays."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Invalid
from qunclub.orders import rules, rules_refunds
from qunclub.orders.rules_refunds import OwnFacts

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PAID = OwnFacts(
    state=rules.PAID,
    disputed=False,
    total=19_900,
    days=7,
    limit=30,
    paid_at=NOW,
    lessons=10,
    done=0,
    payments=1,
    refunded=0,
)

amounts = st.integers(0, 10**9)


@given(amounts, st.lists(st.integers(0, 10**7), min_size=1, max_size=60))
def test_shares_add_up_and_are_fair(total, weights):
    parts = rules_refunds.shares(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        # Nobody is off by a whole minor unit.
        assert all(
            abs(part * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True)
        )
    for n, weight in enumerate(weights):
        for m in range(n + 1, len(weights)):
            if weights[m] == weight:
                assert 0 <= parts[n] - parts[m] <= 1


def test_shares_of_nothing():
    assert rules_refunds.shares(100, []) == []
    assert rules_refunds.shares(10, [0, 0, 0]) == [4, 3, 3]


@given(amounts, st.dictionaries(st.integers(1, 99), amounts, max_size=6))
def test_spread_takes_all_of_it_or_refuses(amount, left):
    if amount > sum(left.values()):
        with pytest.raises(Invalid):
            rules_refunds.spread(amount, left)
        return
    taken = rules_refunds.spread(amount, left)
    assert sum(taken.values()) == amount
    assert all(0 < part <= left[ident] for ident, part in taken.items())


@given(st.integers(0, 500), st.integers(1, 500), st.integers(0, 100))
def test_the_percent_shown_is_the_percent_compared(done, lessons, limit):
    done = min(done, lessons)
    assert (rules_refunds.percent_done(done, lessons) <= limit) == (done * 100 <= limit * lessons)


def test_without_lessons_nothing_is_done():
    assert rules_refunds.percent_done(0, 0) == 0


@given(
    st.builds(
        OwnFacts,
        state=st.sampled_from(rules.STATES),
        disputed=st.booleans(),
        total=st.sampled_from((0, 1, 19_900)),
        days=st.none() | st.integers(0, 30),
        limit=st.integers(0, 100),
        paid_at=st.none() | st.integers(-40, 0).map(lambda days: NOW + days * DAY),
        lessons=st.integers(0, 20),
        done=st.integers(0, 20),
        payments=st.integers(0, 3),
        refunded=st.sampled_from((0, 5)),
        claimed=st.integers(0, 2),
    )
)
def test_whoever_may_has_the_promise_on_their_side(facts):
    answer = rules_refunds.may_give_back(facts, NOW)
    assert bool(answer.reason) or answer.may or not answer.shown
    if not answer.may:
        return
    assert facts.state == rules.PAID
    assert not facts.disputed
    assert facts.total > 0
    assert facts.days is not None
    assert facts.paid_at is not None
    assert facts.paid_at <= NOW < facts.paid_at + facts.days * DAY
    assert facts.done * 100 <= facts.limit * facts.lessons or not facts.lessons
    assert (facts.payments, facts.refunded, facts.claimed) == (1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"days": None}, rules_refunds.NO_PROMISE),
        ({"days": 0}, rules_refunds.TOO_LATE),
        ({"paid_at": NOW - 7 * DAY}, rules_refunds.TOO_LATE),
        ({"paid_at": NOW - 7 * DAY + dt.timedelta(seconds=1)}, ""),
        ({"done": 3}, ""),
        ({"done": 4}, rules_refunds.TOO_FAR),
        ({"claimed": 1}, rules_refunds.CLAIMED),
        ({"refunded": 1}, rules_refunds.IN_PARTS),
        ({"payments": 2}, rules_refunds.IN_PARTS),
        ({"disputed": True}, rules_refunds.IN_HANDS),
        ({"state": rules.ATTENTION}, rules_refunds.IN_HANDS),
    ],
)
def test_each_reason(changes, reason):
    answer = rules_refunds.may_give_back(replace(PAID, **changes), NOW)
    assert (answer.may, answer.reason) == (not reason, reason)


@pytest.mark.parametrize(
    "changes", [{"state": "pending"}, {"state": "refunded"}, {"total": 0}, {"paid_at": None}]
)
def test_of_some_orders_nothing_is_said(changes):
    answer = rules_refunds.may_give_back(replace(PAID, **changes), NOW)
    assert (answer.may, answer.shown) == (False, False)
