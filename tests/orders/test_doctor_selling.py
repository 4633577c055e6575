"""The doctor sees what is wrong with what was sold, and nothing in a healthy club; in as many statements always."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from qunclub.kernel.store import Counter
from qunclub.orders import doctor, doctor_selling
from qunclub.orders.models import Order, OrderLine
from qunclub.orders.models_selling import ClaimCode, Coupon, CouponUse
from qunclub.passes.models import Pass, PassTerm, Plan, PlanUpgrade
from tests.support.statements import count_statements


def shop(make):
    """One order of each kind, with a coupon."""
    ordinary = make.plan(validity_days=30, stock=9)
    diehard = make.plan(price=39_900)
    diehard.gift_max = 3
    make.session.add(PlanUpgrade(plan_id=diehard.id, from_plan_id=ordinary.id))
    make.session.flush()
    buyer, coupon = make.member(), make.coupon("TEN", percent=10, stackable=True)
    make.paid_order(ordinary, buyer, coupons=["TEN"])
    make.paid_order(ordinary, buyer)
    make.paid_order(diehard, buyer, coupons=["TEN"])
    make.paid_order(diehard, buyer, gift=True, quantity=2)
    make.order(ordinary, coupons=["TEN"])
    return coupon


def messages(session, now):
    session.flush()
    session.expire_all()
    return [finding.message for finding in doctor.check(session, now)]


BREAKS = {
    "a unit without a pass": lambda s: s.execute(delete(PassTerm).where(PassTerm.source == "order:1:1")),
    "a renewal without its time": lambda s: s.execute(
        update(PassTerm).where(PassTerm.source == "order:2:1").values(source="gift:x")
    ),
    "a pass of nobody's order": lambda s: s.execute(
        update(PassTerm).where(PassTerm.source == "order:1:1").values(source="order:1:9")
    ),
    "a code that did not open": lambda s: s.execute(
        update(ClaimCode).where(ClaimCode.unit == 1).values(state="unpaid")
    ),
    "a code that is not there": lambda s: s.execute(delete(ClaimCode).where(ClaimCode.unit == 2)),
    "a code claimed for no pass": lambda s: s.execute(
        update(ClaimCode).where(ClaimCode.unit == 2).values(state="claimed")
    ),
    "a code claimed for another's pass": lambda s: s.execute(
        update(ClaimCode)
        .where(ClaimCode.unit == 2)
        .values(state="claimed", claimed_by=1, pass_id=select(Pass.id).limit(1).scalar_subquery())
    ),
    "too much sold": lambda s: s.execute(update(Plan).values(sold=Plan.sold + 1)),
    "too much held": lambda s: s.execute(update(Plan).values(held=Plan.held + 1)),
    "a total": lambda s: s.execute(update(Order).where(Order.id == 1).values(total=1)),
    "a discount": lambda s: s.execute(
        update(Order).where(Order.id == 1).values(discount=Order.discount - 1, total=Order.total + 1)
    ),
    "a reduction above the price": lambda s: s.execute(
        update(OrderLine).where(OrderLine.id == 3).values(reduction=50_000)
    ),
    "two upgrades of one pass": lambda s: s.execute(
        update(OrderLine).where(OrderLine.id == 4).values(kind="upgrade", pass_id=1)
    ),
    "a coupon's count": lambda s: s.execute(update(Coupon).values(used=Coupon.used + 1)),
    "a coupon's held count": lambda s: s.execute(update(Coupon).values(held=0)),
    "an overshot count": lambda s: s.execute(update(Coupon).values(overshot=1)),
    "a use of an order that was not paid": lambda s: s.execute(
        update(CouponUse).where(CouponUse.state == "held").values(state="used")
    ),
    "a receipt that is missing": lambda s: s.execute(
        update(Order).where(Order.receipt_no == 2).values(receipt_no=None)
    ),
    "a counter that ran ahead": lambda s: s.execute(
        update(Counter).where(Counter.name == "receipt_number").values(value=99)
    ),
    "a receipt of an open order": lambda s: s.execute(
        update(Order).where(Order.state == "pending").values(receipt_no=5)
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_found(session, make, now, what):
    shop(make)
    # Rows are numbered on from whatever the database had before.
    assert messages(session, now) == []
    first_order = session.scalars(select(Order.id).order_by(Order.id).limit(1)).one()
    first_line = session.scalars(select(OrderLine.id).order_by(OrderLine.id).limit(1)).one()
    assert (first_order, first_line) == (1, 1)
    BREAKS[what](session)
    assert messages(session, now) != [], what


def test_a_constant_number_of_statements(db, make, now):
    make.paid_order()
    with db.session() as session, count_statements(db.engine) as few:
        assert doctor_selling.check(session) == []
    for _ in range(3):
        make.paid_order()
    with db.session() as session, count_statements(db.engine) as many:
        assert doctor_selling.check(session) == []
    assert few.count == many.count
