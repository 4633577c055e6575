"""Long walks through everything that selling knows: after each step the doctor finds nothing.

Coupons, gifts, renewals and upgrades of three members over months, paid in time, late, wrongly or twice, given back,
called off, decided by an admin. The walks are drawn from fixed seeds, so a walk that fails fails again.
"""

from __future__ import annotations

import datetime as dt
import random

import pytest
from sqlalchemy import select

from qunclub import orders, passes
from qunclub.kernel import Actor, ClubError
from qunclub.orders import doctor, services_claims
from qunclub.orders.models import Order, Payment
from qunclub.orders.models_selling import ClaimCode, Coupon
from qunclub.orders.rules_selling import Purchase
from qunclub.passes import doctor as passes_doctor
from qunclub.passes.models import PlanUpgrade, PriceStep

GATEWAY = Actor.system("stripe")
ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
STEPS = 60


class Walk:
    """A club with four plans and four coupons, and what happens to it."""

    def __init__(self, session, make, now, seed):
        self.session, self.now = session, now
        self.random = random.Random(seed)
        self.members = [make.member() for _ in range(3)]
        line = make.group_line(capacities=(3, 4))
        month = make.plan(price=5_000, validity_days=30, stock=4)
        life, dear = make.plan(price=19_900, line=line, stock=4), make.plan(price=39_900)
        free = make.plan(price=0, validity_days=7)
        life.gift_max, free.per_member = 3, 2
        session.add_all(
            [
                PlanUpgrade(plan_id=life.id, from_plan_id=month.id),
                PlanUpgrade(plan_id=dear.id, from_plan_id=life.id),
                PlanUpgrade(plan_id=dear.id, from_plan_id=month.id),
                PriceStep(plan_id=life.id, position=0, price=9_900, until_sold=1),
            ]
        )
        self.plans = [month, life, dear, free]
        self.codes = [
            make.coupon("HALF", percent=50, max_uses=2, stackable=True).code,
            make.coupon("LESS", amount=1_500, per_member=1, stackable=True).code,
            make.coupon("ALL", percent=100, max_uses=1).code,
            make.coupon("TEN", percent=10, ends_at=now + dt.timedelta(days=20)).code,
        ]
        self.payments = 0
        session.flush()

    def go(self):
        """One step, or its refusal."""
        steps = {
            self.place: 5, self.pay: 5, self.pay_oddly: 1, self.expire: 2, self.cancel: 1, self.refund: 1,
            self.decide: 1, self.claim: 2, self.time: 2,
        }  # fmt: skip
        step = self.random.choices(list(steps), list(steps.values()))[0]
        try:
            with self.session.begin_nested():
                step()
        except ClubError:
            self.session.expire_all()
            return f"{step.__name__} (refused)"
        return step.__name__

    def any_of(self, model, *where):
        found = self.session.scalars(select(model).where(*where).order_by(model.id)).all()
        return self.random.choice(found) if found else None

    def place(self):
        buyer, plan = self.random.choice(self.members), self.random.choice(self.plans)
        gift = plan.gift_max > 0 and self.random.random() < 0.3
        purchase = Purchase(
            plan.id,
            self.random.randint(1, 3) if gift else 1,
            gift,
            coupon_codes=self.random.sample(self.codes, self.random.choice((0, 0, 1, 1, 2))),
        )
        order = orders.place(
            self.session, member_id=buyer.id, purchase=purchase, email=buyer.email, locale="en", now=self.now,
            actor=ADMIN, hold_minutes=35,
        )  # fmt: skip
        assert order.total >= 0
        if self.random.random() < 0.5 and order.checkout_ref is None:
            orders.attach_checkout(
                self.session, order_id=order.id, ref=f"cs_{order.id}", url="x", actor=ADMIN, now=self.now
            )

    def _receive(self, order, amount):
        self.payments += 1
        orders.record_payment(
            self.session, order_code=order.code, provider="stripe" if order.total else "free",
            ref=f"pi_{self.payments}", method="card", amount=amount, currency=order.currency, now=self.now,
            actor=GATEWAY,
        )  # fmt: skip

    def pay(self):
        order = self.any_of(Order, Order.state.in_(("pending", "pending", "expired")))
        if order:
            self._receive(order, order.total)

    def pay_oddly(self):
        order = self.any_of(Order)
        if order and order.total:
            self._receive(order, self.random.choice((order.total, order.total + 1)))

    def expire(self):
        order = self.any_of(Order, Order.state == "pending")
        if order:
            orders.expire_order(self.session, order_code=order.code, now=self.now, actor=GATEWAY)

    def cancel(self):
        order = self.any_of(Order)
        if order:
            orders.cancel(self.session, order_code=order.code, now=self.now, actor=ADMIN)

    def refund(self):
        paid = self.any_of(Payment, Payment.refunded < Payment.amount)
        if paid:
            self.payments += 1
            orders.refund(
                self.session, payment_id=paid.id, reason="", key=f"r{self.payments}", actor=ADMIN, now=self.now,
                amount=max(1, (paid.amount - paid.refunded) // self.random.choice((1, 1, 2))),
            )  # fmt: skip

    def decide(self):
        order = self.any_of(Order, Order.state == "needs_attention")
        if order:
            orders.fulfil_attention(self.session, order_code=order.code, now=self.now, actor=ADMIN)

    def claim(self):
        code = self.any_of(ClaimCode, ClaimCode.state == "open")
        if code:
            member = self.random.choice(self.members)
            services_claims.redeem(
                self.session, code=code.code, member_id=member.id, now=self.now, actor=ADMIN
            )

    def time(self):
        self.now += dt.timedelta(days=self.random.choice((0, 1, 8, 31)), minutes=20)
        passes.expire_due(self.session, self.now)


@pytest.mark.parametrize("seed", range(6))
def test_the_books_agree_after_every_step(session, make, now, seed):
    walk, taken = Walk(session, make, now, seed), []
    for _ in range(STEPS):
        taken.append(walk.go())
        session.flush()
        found = [one for room in (doctor, passes_doctor) for one in room.check(session, walk.now)]
        # Nobody sweeps or calls a gateway here.
        wrong = [one.message for one in found if "more than a day" not in one.message]
        assert wrong == [], (taken, wrong)
    for coupon in session.scalars(select(Coupon).where(Coupon.max_uses.is_not(None))):
        assert coupon.held + coupon.used <= coupon.max_uses
