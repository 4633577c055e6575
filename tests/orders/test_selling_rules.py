"""The arithmetic of a purchase: never below zero, and the same however its coupons are typed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Invalid
from qunclub.orders import rules_selling as rules
from qunclub.orders.rules_selling import Details, Discount, PaidTerm

NOW = dt.datetime(2026, 4, 15, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Terms:
    id: int = 1
    code: str = "SPRING"
    kind: str = "percent"
    percent: int | None = 20
    amount: int | None = None
    currency: str = ""
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    max_uses: int | None = None
    per_member: int | None = None
    stackable: bool = True
    active: bool = True
    held: int = 0
    used: int = 0


def fixed(amount, ident=1, currency="CNY"):
    return Terms(ident, f"F{ident}", "fixed", None, amount, currency)


coupons = st.lists(
    st.one_of(
        st.integers(1, 100).map(lambda percent: Terms(percent=percent)),
        st.integers(1, 10**9).map(fixed),
    ),
    max_size=5,
).map(lambda found: [replace(one, id=n, code=f"C{n}") for n, one in enumerate(found, start=1)])


@given(st.integers(0, 10**9), st.integers(1, 50), st.integers(-5, 10**9), coupons, st.randoms())
def test_the_sum_of_any_purchase(price, quantity, worth, found, random):
    summed = rules.sum_up(unit_price=price, quantity=quantity, worth=worth, coupons=found)
    assert summed.subtotal == price * quantity
    assert 0 <= summed.reduction <= summed.subtotal
    assert all(one.amount >= 0 for one in summed.discounts)
    assert 0 <= summed.discount <= summed.subtotal - summed.reduction
    assert summed.total == summed.subtotal - summed.reduction - summed.discount >= 0
    assert len(summed.discounts) == len(found)
    mixed = list(found)
    random.shuffle(mixed)
    assert rules.sum_up(unit_price=price, quantity=quantity, worth=worth, coupons=mixed) == summed


@given(st.integers(0, 10**12), st.integers(1, 100))
def test_percent_rounds_half_up(amount, percent):
    off = rules.percent_of(amount, percent)
    assert 0 <= off <= amount
    assert -100 < 2 * (off * 100 - amount * percent) <= 100


@pytest.mark.parametrize(
    ("amount", "found", "off"),
    [
        (19_900, [Terms(percent=15)], [2_985]),
        (101, [Terms(percent=50)], [51]),  # 50.5 rounds up
        (19_900, [fixed(5_000)], [5_000]),
        (3_000, [fixed(5_000)], [3_000]),
        (19_900, [Terms(percent=100)], [19_900]),
        # Percent first, whatever the ids say; then what is left is lowered by the fixed amount.
        (10_000, [fixed(5_000, 1), Terms(2, "P", percent=20)], [2_000, 5_000]),
        (10_000, [Terms(1, "A", percent=50), Terms(2, "B", percent=50)], [5_000, 2_500]),
        (10_000, [Terms(1, "A", percent=60), fixed(9_000, 2)], [6_000, 4_000]),
        (500, [Terms(percent=10)], [50]),  # yen and its like have no minor unit: the same integers
    ],
)
def test_what_coupons_take_off(amount, found, off):
    assert [one.amount for one in rules.discounts_of(amount, found)] == off


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"active": False}, rules.COUPON_OFF),
        ({"starts_at": NOW + DAY}, rules.COUPON_EARLY),
        ({"ends_at": NOW}, rules.COUPON_OVER),
        ({"max_uses": 3, "held": 1, "used": 2}, rules.COUPON_GONE),
        ({"per_member": 1}, rules.COUPON_YOURS_GONE),
        ({"kind": "fixed", "percent": None, "amount": 1, "currency": "USD"}, rules.COUPON_CURRENCY),
    ],
)
def test_why_a_coupon_is_refused(changes, message):
    with pytest.raises(Invalid) as refused:
        rules.check_coupon(
            Terms(**changes), plan_id=1, plan_ids=frozenset(), currency="CNY", by_member=1, now=NOW
        )
    assert (refused.value.message, refused.value.field, refused.value.params) == (
        message,
        "coupon",
        {"code": "SPRING"},
    )


def test_a_coupon_for_chosen_plans():
    terms = Terms(starts_at=NOW, ends_at=NOW + DAY, max_uses=1, per_member=1)
    for plans in (frozenset(), frozenset({1, 2})):
        rules.check_coupon(terms, plan_id=1, plan_ids=plans, currency="CNY", by_member=0, now=NOW)
    with pytest.raises(Invalid) as refused:
        rules.check_coupon(terms, plan_id=3, plan_ids=frozenset({1, 2}), currency="CNY", by_member=0, now=NOW)
    assert refused.value.message == rules.COUPON_ELSEWHERE


def test_two_only_when_all_allow_it():
    alone = Terms(2, "ALONE", stackable=False)
    rules.check_together([alone])
    rules.check_together([Terms(1), Terms(3)])
    with pytest.raises(Invalid) as refused:
        rules.check_together([Terms(1), alone])
    assert refused.value.params == {"code": "ALONE"}


def test_codes_as_they_are_typed():
    assert rules.coupon_codes([" spring-10", "", "SPRING-10 ", "a b"]) == ("AB", "SPRING-10")
    with pytest.raises(Invalid):
        rules.coupon_codes([f"C{n}" for n in range(6)])


def test_a_coupon_that_takes_nothing_off_is_not_spent():
    rules.check_worked([Discount(1, "A", 5)])
    with pytest.raises(Invalid):
        rules.check_worked([Discount(1, "A", 5), Discount(2, "B", 0)])


@pytest.mark.parametrize(
    ("terms", "worth"),
    [
        ([], 0),
        ([PaidTerm(19_900, NOW - 300 * DAY, None)], 19_900),
        ([PaidTerm(10_000, NOW - 10 * DAY, NOW + 20 * DAY)], 6_666),
        ([PaidTerm(10_000, NOW, NOW + 30 * DAY)], 10_000),
        ([PaidTerm(10_000, NOW - 30 * DAY, NOW)], 0),
        ([PaidTerm(10_000, NOW - 30 * DAY, NOW - DAY)], 0),
        # A renewal bought early has not begun: it is whole.
        (
            [
                PaidTerm(10_000, NOW - 15 * DAY, NOW + 15 * DAY),
                PaidTerm(8_000, NOW + 15 * DAY, NOW + 45 * DAY),
            ],
            13_000,
        ),
        ([PaidTerm(10_000, NOW, NOW)], 0),
    ],
)
def test_what_a_pass_is_worth(terms, worth):
    assert rules.worth_of(terms, NOW) == worth


@given(st.integers(0, 10**9), st.integers(0, 4000), st.integers(1, 4000))
def test_worth_is_a_share_of_what_was_paid(paid, passed, length):
    start = NOW - passed * DAY
    worth = rules.worth_of([PaidTerm(paid, start, start + length * DAY)], NOW)
    assert worth == paid * max(0, length - passed) // length


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 20)), min_size=1, max_size=4),
)
def test_the_shares_of_the_units_never_exceed_what_was_paid(paid, lines):
    nets = [price * quantity for price, quantity in lines]
    shares = [
        rules.share_of_line(paid, line=net, lines=sum(nets), quantity=quantity) * quantity
        for net, (_, quantity) in zip(nets, lines, strict=True)
    ]
    assert 0 <= sum(shares) <= paid


def test_only_what_is_asked_for_is_kept():
    said = Details(" Ann ", "123", "Road 1")
    assert rules.check_details(said, "") == Details()
    assert rules.check_details(said, "name, address") == Details("Ann", "", "Road 1")
    for asks, field in (("phone", "phone"), ("name,phone", "phone")):
        with pytest.raises(Invalid) as refused:
            rules.check_details(Details(name="Ann", phone=" "), asks)
        assert refused.value.field == field
    with pytest.raises(Invalid):
        rules.check_details(Details(name="x" * 121), "name")
