"""However many buy at once: no more passes than there are, no more discounts than were promised, nobody charged for
nothing."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor, Conflict, Invalid, store
from qunclub.orders import services_fulfil
from qunclub.orders.models_selling import Coupon, CouponUse
from qunclub.passes.models import PlanUpgrade
from tests.concurrency.races import (
    GATEWAY,
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


def order_of(session, plan, buyer, now, *codes):
    return orders.place(
        session,
        member_id=buyer.id,
        purchase=orders.Purchase(plan.id, coupon_codes=codes),
        email=buyer.email,
        locale="en",
        now=now,
        actor=Actor(buyer.user_key, buyer.name, member_id=buyer.id),
        hold_minutes=35,
    )


class Till:
    """A payment service: it charges whoever comes to its page, and remembers what and whom."""

    def __init__(self):
        self.charged: dict[str, int] = {}
        self._lock = threading.Lock()

    def charge(self, order):
        with self._lock:
            assert order.code not in self.charged
            self.charged[order.code] = order.total


def crowd(db, n, act):
    """*act* by *n* buyers at the same moment, each with transactions of their own; what came of each."""
    outcomes: list[Any] = [None] * n
    gate = threading.Barrier(n)

    def one(index):
        gate.wait(timeout=60)
        try:
            outcomes[index] = act(index)
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return outcomes


def patiently(db, command):
    """As a buyer does who is told to try again: 50 at once are more than the three tries of one request."""
    for _ in range(9):
        outcome = attempt(db, command)
        if not refused([outcome]):
            break
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def attempt(db, command):
    try:
        return db.transact(command)
    except Exception as error:
        return error


def test_50_buyers_the_last_5_passes_and_a_coupon_good_for_3(db, make, now):
    plan = make.plan(stock=5, line=make.group_line(capacities=(100,)))
    coupon = make.coupon("THREE", percent=50, max_uses=3)
    buyers = [make.member() for _ in range(50)]
    till = Till()

    def buy(index):
        buyer = buyers[index]
        try:
            order = patiently(db, lambda work: order_of(work, plan, buyer, now, "THREE"))
        except Invalid as told:
            assert told.field == "coupon"
            # The page says that the coupon is used up, and shows the full price; this buyer wants it all the same.
            order = patiently(db, lambda work: order_of(work, plan, buyer, now))
        till.charge(order)
        # The webhook and the return page, one after the other.
        kinds = [patiently(db, lambda work: pay(work, order, now).kind) for _ in range(2)]
        return order.code, order.total, kinds

    outcomes = crowd(db, 50, buy)
    assert unexpected(outcomes, Conflict) == []
    bought = succeeded(outcomes)
    assert Counter(total for _, total, _ in bought) == {9_950: 3, 19_900: 2}
    assert all(kinds == ["fulfilled", "already"] for _, _, kinds in bought)
    # Nobody was charged for nothing: each charge has its order, its payment and its pass.
    assert till.charged == {code: total for code, total, _ in bought}
    assert (number_of(db, Pass, Pass.state == "active"), number_of(db, Payment)) == (5, 5)
    kept, used = fetch(db, Plan, plan.id), fetch(db, Coupon, coupon.id)
    assert (kept.held, kept.sold) == (0, 5)
    assert (used.held, used.used, used.overshot) == (0, 3, 0)
    with db.session() as session:
        assert sorted(session.scalars(select(Order.receipt_no))) == [1, 2, 3, 4, 5]
    assert findings(db, now) == []


def test_control_without_the_locks_50_buyers_get_more_than_there_is(db, make, now):
    plan, coupon = make.plan(stock=5), make.coupon("THREE", percent=50, max_uses=3)
    buyers = [make.member() for _ in range(50)]
    with meeting(Plan, 50, locked=False):
        outcomes = crowd(
            db,
            50,
            lambda index: attempt(db, lambda work: order_of(work, plan, buyers[index], now, "THREE").id),
        )
    if db.kind == "sqlite":
        # Everybody read the same snapshot, so SQLite lets one write and refuses the others until they look again.
        assert refused(outcomes) != []
    else:
        assert number_of(db, Order) > 5 or uses(db, "held") > 3
        assert findings(db, now) != []
    assert fetch(db, Coupon, coupon.id).used == 0


def one_use(db, make, now, *, locked):
    """16 buyers of 16 plans, so that only the coupon's own lock stands between them."""
    coupon = make.coupon("ONE", max_uses=1)
    buyers = [(make.member(), make.plan()) for _ in range(16)]

    def buy(session, index):
        buyer, plan = buyers[index]
        return order_of(session, plan, buyer, now, "ONE").id

    with meeting(Coupon, 16, locked=locked):
        return coupon, concurrently(db, 16, buy)


def test_16_buyers_who_meet_at_the_last_use(db, make, now):
    coupon, outcomes = one_use(db, make, now, locked=True)
    assert unexpected(outcomes, Invalid) == []
    assert len(succeeded(outcomes)) == 1
    assert fetch(db, Coupon, coupon.id).held == 1
    assert findings(db, now) == []


def test_control_without_the_lock_it_is_used_more_than_once(db, make, now):
    coupon, outcomes = one_use(db, make, now, locked=False)
    if db.kind == "sqlite":
        assert len(refused(outcomes)) == 15
    else:
        assert len(succeeded(outcomes)) > 1
        assert number_of(db, CouponUse) > fetch(db, Coupon, coupon.id).held
        assert findings(db, now) != []


def late_payers(db, make, now, *, locked, meet):
    """8 orders that had the same 3 uses one after the other, all paid after their time."""
    coupon = make.coupon("LATE", max_uses=3)
    made = []
    for _ in range(8):
        order = make.order(make.plan(), coupons=["LATE"])
        with db.uow() as session:
            orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
        made.append(order)

    def arrive(session, index):
        return pay(session, made[index], now).kind

    if not meet:
        return coupon, concurrently(db, 8, arrive, retry=True)
    with meeting(Coupon, 8, locked=locked):
        return coupon, concurrently(db, 8, arrive)


def uses(db, state):
    return number_of(db, CouponUse, CouponUse.state == state)


def test_8_late_payments_of_3_uses(db, make, now):
    coupon, outcomes = late_payers(db, make, now, locked=True, meet=False)
    assert outcomes == ["fulfilled"] * 8
    kept = fetch(db, Coupon, coupon.id)
    assert (kept.held, kept.used, kept.overshot) == (0, 3, 5)
    assert (uses(db, "used"), uses(db, "overshot"), number_of(db, Pass)) == (3, 5, 8)
    assert findings(db, now) == []


def test_control_without_the_lock_late_payments_use_it_up_together(db, make, now):
    coupon, outcomes = late_payers(db, make, now, locked=False, meet=True)
    assert race_was_seen(db, outcomes, lambda: uses(db, "used") > 3)
    if db.kind == "postgres":
        assert findings(db, now) != [] or uses(db, "used") != fetch(db, Coupon, coupon.id).used


def test_expiry_and_payment_and_another_buyer_at_once(db, make, now):
    """Whoever comes first: the coupon's counts are those of its uses, and it is not used more often than it may be."""
    coupon = make.coupon("BUSY", max_uses=4)
    made = [make.order(make.plan(), coupons=["BUSY"]) for _ in range(4)]
    others = [(make.member(), make.plan()) for _ in range(4)]

    def act(session, index):
        order, step = made[index // 3], index % 3
        if step == 0:
            return pay(session, order, now).kind
        if step == 1:
            return orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
        buyer, plan = others[index // 3]
        return order_of(session, plan, buyer, now, "BUSY").code

    outcomes = concurrently(db, 12, act, retry=True)
    assert unexpected(outcomes, Invalid) == []
    kept = fetch(db, Coupon, coupon.id)
    assert kept.held + kept.used <= 4
    assert findings(db, now) == []


def test_16_clicks_with_a_coupon_hold_one_use(db, make, now):
    coupon, plan, buyer = make.coupon("CLICK"), make.plan(stock=9), make.member()
    outcomes = concurrently(
        db, 16, lambda session: order_of(session, plan, buyer, now, "CLICK").code, retry=True
    )
    assert unexpected(outcomes) == []
    assert len(set(outcomes)) == 1
    assert fetch(db, Coupon, coupon.id).held == 1
    assert findings(db, now) == []


def one_base(db, make, now, *, locked):
    """One pass, and 8 dearer plans that it could be upgraded to, all ordered at once."""
    ordinary, buyer = make.plan(), make.member()
    base = make.paid_order(ordinary, buyer)
    targets = [make.plan(price=50_000) for _ in range(8)]
    with db.uow() as session:
        session.add_all([PlanUpgrade(plan_id=plan.id, from_plan_id=ordinary.id) for plan in targets])

    def upgrade(session, index):
        order = order_of(session, targets[index], buyer, now)
        return order.total

    with meeting(Pass, 8, locked=locked):
        return base, concurrently(db, 8, upgrade)


def test_8_upgrades_that_meet_at_one_pass(db, make, now):
    _, outcomes = one_base(db, make, now, locked=True)
    assert unexpected(outcomes, Conflict) == []
    # One for the difference; who looked when it was taken already is asked the full price.
    assert succeeded(outcomes).count(30_100) == 1
    assert set(succeeded(outcomes)) <= {30_100, 50_000}
    assert findings(db, now) == []


def test_control_without_the_lock_one_pass_carries_several_upgrades(db, make, now):
    _, outcomes = one_base(db, make, now, locked=False)
    if db.kind == "sqlite":
        assert len(refused(outcomes)) == 7
    else:
        assert succeeded(outcomes).count(30_100) > 1
        assert findings(db, now) != []


def test_8_renewals_of_one_pass_add_up(db, make, now):
    """Eight payments at once for eight orders of more time: each adds its days, none is lost."""
    plan, buyer = make.plan(validity_days=30), make.member()
    make.paid_order(plan, buyer)
    with db.session() as session:
        held = session.scalars(select(Pass)).one()
    made = []
    for _ in range(4):
        order = make.order(plan, buyer)
        with db.uow() as session:
            orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
        made.append(order)
    outcomes = concurrently(
        db, 8, lambda session, index: pay(session, made[index // 2], now).kind, retry=True
    )
    assert Counter(outcomes) == {"fulfilled": 4, "already": 4}
    assert (fetch(db, Pass, held.id).ends_at - now).days == 150
    assert (fetch(db, Plan, plan.id).sold, number_of(db, Pass)) == (1, 1)
    assert findings(db, now) == []


def test_receipts_have_no_gap_when_some_payments_fail(db, make, now):
    """A payment that is rolled back gives its number back, however many others wait for theirs."""
    made = [make.order(make.plan()) for _ in range(12)]

    def arrive(session, index):
        outcome = pay(session, made[index], now)
        if index % 3 == 0:
            raise RuntimeError("the power went")
        return outcome.kind

    outcomes = concurrently(db, 12, arrive)
    assert outcomes.count("fulfilled") == 8
    with db.session() as session:
        numbers = sorted(n for n in session.scalars(select(Order.receipt_no)) if n is not None)
        assert numbers == list(range(1, 9))
        assert session.get_one(store.Counter, services_fulfil.RECEIPTS).value == 8
    assert findings(db, now) == []
