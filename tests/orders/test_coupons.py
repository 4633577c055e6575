"""Coupons on orders: held, used, given back, overshot; and as admins shape them."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor, Conflict, Invalid, NotFound, Stale
from qunclub.kernel.store import AuditEntry
from qunclub.orders import doctor, rules_selling, services_coupons
from qunclub.orders.models import OrderEvent
from qunclub.orders.models_selling import Coupon, CouponUse
from qunclub.orders.rules_selling import Purchase
from qunclub.orders.services_coupons import CouponDraft

GATEWAY = Actor.system("stripe")
ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)


def healthy(session, now):
    session.flush()
    found = [finding.message for finding in doctor.check(session, now)]
    assert found == []


def pay(session, order, now, *, ref="", amount=None):
    return orders.record_payment(
        session,
        order_code=order.code,
        provider="stripe",
        ref=ref or f"pi_{order.code}",
        method="card",
        amount=order.total if amount is None else amount,
        currency=order.currency,
        now=now,
        actor=GATEWAY,
    )


def counts(coupon):
    return coupon.held, coupon.used, coupon.overshot


def state_of(session, order):
    return session.scalars(select(CouponUse.state).where(CouponUse.order_id == order.id)).all()


def test_held_with_the_order_and_used_with_its_payment(session, make, now):
    coupon, plan = make.coupon("Spring-20", max_uses=1), make.plan()
    order = make.order(plan, coupons=[" spring-20 "])
    assert (order.discount, order.total, counts(coupon)) == (3_980, 15_920, (1, 0, 0))
    healthy(session, now)
    with pytest.raises(Invalid) as refused:
        make.order(plan, coupons=["SPRING-20"])
    assert (refused.value.message, refused.value.field) == (rules_selling.COUPON_GONE, "coupon")
    pay(session, order, now)
    assert (counts(coupon), state_of(session, order)) == ((0, 1, 0), ["used"])
    # A webhook again, and money again, use nothing more.
    pay(session, order, now)
    pay(session, order, now, ref="pi_2")
    assert counts(coupon) == (0, 1, 0)
    healthy(session, now)


@pytest.mark.parametrize("ended", ["expired", "cancelled", "replaced"])
def test_given_back_when_the_order_ends(session, make, now, ended):
    coupon, plan, buyer = make.coupon(max_uses=1), make.plan(stock=1), make.member()
    order = make.order(plan, buyer, coupons=[coupon.code])
    if ended == "expired":
        orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    elif ended == "cancelled":
        orders.cancel(session, order_code=order.code, now=now, actor=make.actor(buyer))
    else:
        make.order(plan, buyer)
    assert (counts(coupon), state_of(session, order)) == ((0, 0, 0), ["released"])
    healthy(session, now)
    assert make.order(make.plan(), coupons=[coupon.code]).discount > 0


def test_the_same_order_only_with_the_same_coupons(session, make, now):
    first, second = make.coupon(stackable=True), make.coupon(stackable=True, amount=100)
    plan, buyer = make.plan(), make.member()
    order = make.order(plan, buyer, coupons=[first.code, second.code])
    assert make.order(plan, buyer, coupons=[second.code, first.code, first.code]).id == order.id
    assert order.total == 19_900 - 3_980 - 100
    other = make.order(plan, buyer, coupons=[second.code])
    assert (other.id != order.id, order.state, counts(first), counts(second)) == (
        True,
        "cancelled",
        (0, 0, 0),
        (1, 0, 0),
    )
    healthy(session, now)


def test_so_often_for_one_member(session, make, now):
    coupon, buyer = make.coupon(per_member=1), make.member()
    pay(session, make.order(make.plan(), buyer, coupons=[coupon.code]), now)
    with pytest.raises(Invalid) as refused:
        make.order(make.plan(), buyer, coupons=[coupon.code])
    assert refused.value.message == rules_selling.COUPON_YOURS_GONE
    assert make.order(make.plan(), coupons=[coupon.code]).discount > 0


def test_only_for_its_plans_and_in_its_currency(session, make, now):
    plan, other = make.plan(), make.plan()
    chosen = make.coupon(plans=[plan])
    assert make.order(plan, coupons=[chosen.code]).discount > 0
    for coupon, of, message in (
        (chosen, other, rules_selling.COUPON_ELSEWHERE),
        (make.coupon(amount=500, currency="USD"), plan, rules_selling.COUPON_CURRENCY),
        (make.coupon(stackable=False), plan, rules_selling.COUPON_ALONE),
    ):
        extra = [make.coupon().code] if message == rules_selling.COUPON_ALONE else []
        with pytest.raises(Invalid) as refused:
            make.order(of, coupons=[coupon.code, *extra])
        assert refused.value.message == message


def test_a_price_without_minor_units(session, make, now):
    plan = make.plan(price=1_501, currency="JPY")
    assert make.order(plan, coupons=[make.coupon(percent=10).code]).total == 1_351
    assert make.order(plan, coupons=[make.coupon(amount=1_000, currency="JPY").code]).total == 501


def test_nothing_is_spent_on_what_is_free(session, make, now):
    with pytest.raises(Invalid) as refused:
        make.order(make.plan(price=0), coupons=[make.coupon().code])
    assert refused.value.message == rules_selling.COUPON_IDLE


def test_a_coupon_that_makes_it_free(session, make, now):
    coupon = make.coupon(percent=100)
    order = make.order(coupons=[coupon.code])
    assert orders.take_free(session, order_code=order.code, now=now, actor=ADMIN).kind == "fulfilled"
    assert (order.total, order.receipt_no, counts(coupon)) == (0, None, (0, 1, 0))
    healthy(session, now)


def late(session, make, now, coupon):
    order = make.order(make.plan(), coupons=[coupon.code])
    orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    return order


def test_a_late_payment_takes_its_coupon_again(session, make, now):
    coupon = make.coupon(max_uses=1, ends_at=now + DAY)
    order = late(session, make, now, coupon)
    # The window does not matter any more: the order was placed inside it.
    assert pay(session, order, now + 2 * DAY).kind == "fulfilled"
    assert (counts(coupon), state_of(session, order)) == ((0, 1, 0), ["used"])
    healthy(session, now + 2 * DAY)


@pytest.mark.parametrize("limit", ["max_uses", "per_member"])
def test_an_overshot_coupon_is_honoured_counted_and_told(session, make, now, limit):
    coupon = make.coupon(**{limit: 1})
    order = late(session, make, now, coupon)
    buyer = session.get_one(type(make.member()), order.member_id)
    other = make.order(make.plan(), buyer if limit == "per_member" else None, coupons=[coupon.code])
    assert pay(session, order, now).kind == "fulfilled"
    assert (order.state, order.total, state_of(session, order)) == ("paid", 15_920, ["overshot"])
    assert counts(coupon) == (1, 0, 1)
    notes = session.scalars(select(OrderEvent.note).where(OrderEvent.order_id == order.id)).all()
    assert services_coupons.OVERSHOT_NOTE in notes
    pay(session, other, now)
    assert counts(coupon) == (0, 1, 1)
    healthy(session, now)


def test_an_order_that_waits_for_a_decision_keeps_its_coupon(session, make, now):
    coupon = make.coupon(max_uses=1)
    order = make.order(coupons=[coupon.code])
    assert pay(session, order, now, amount=1).kind == "attention"
    assert counts(coupon) == (1, 0, 0)
    healthy(session, now)
    payment = make.payment(order)
    orders.refund(session, payment_id=payment.id, amount=1, reason="", key="r", actor=ADMIN, now=now)
    assert (counts(coupon), state_of(session, order)) == ((0, 0, 0), ["released"])
    healthy(session, now)


def test_a_refund_does_not_give_the_use_back(session, make, now):
    coupon = make.coupon(max_uses=1)
    order = make.paid_order(coupons=[coupon.code])
    payment = make.payment(order)
    orders.refund(
        session, payment_id=payment.id, amount=payment.amount, reason="", key="r", actor=ADMIN, now=now
    )
    assert (order.state, counts(coupon)) == ("refunded", (0, 1, 0))
    healthy(session, now)


def test_a_quote_shows_what_each_takes_off_without_holding_it(session, make, now):
    plan, coupon = make.plan(), make.coupon(max_uses=1)
    wish = Purchase(plan.id, coupon_codes=[coupon.code])
    for member_id in (None, make.member().id):
        offer = orders.quote(session, member_id=member_id, purchase=wish, now=now)
        assert offer.discounts == ((coupon.id, coupon.code, 3_980),)
        assert (offer.total, offer.discount) == (15_920, 3_980)
    assert counts(coupon) == (0, 0, 0)


# As admins shape them


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (CouponDraft("", "percent", percent=5), "code"),
        (CouponDraft("春天", "percent", percent=5), "code"),
        (CouponDraft("x" * 60, "percent", percent=5), ""),
        (CouponDraft("OK", "percent"), "percent"),
        (CouponDraft("OK", "percent", percent=101), "percent"),
        (CouponDraft("OK", "fixed", currency="CNY"), "amount"),
        (CouponDraft("OK", "fixed", amount=5, currency="C1"), "currency"),
        (CouponDraft("OK", "both"), "kind"),
        (CouponDraft("OK", "percent", percent=5, max_uses=0), "max_uses"),
        (CouponDraft("OK", "percent", percent=5, per_member=0), "per_member"),
    ],
)
def test_what_cannot_be_kept_names_its_field(draft, field):
    if not field:
        assert len(services_coupons.checked(draft).code) == 40
        return
    with pytest.raises(Invalid) as refused:
        services_coupons.checked(draft)
    assert refused.value.field == field


def test_made_changed_switched_off_and_audited(session, make, now):
    plan = make.plan()
    draft = CouponDraft(" spring ", "percent", title="Spring", percent=10, amount=5, plan_ids=(plan.id,))
    coupon = services_coupons.create(session, draft=draft, actor=ADMIN, now=now)
    assert (coupon.code, coupon.amount) == ("SPRING", None)
    with pytest.raises(Invalid):
        services_coupons.create(session, draft=draft, actor=ADMIN, now=now)
    with pytest.raises(NotFound):
        services_coupons.create(
            session, draft=CouponDraft("A1", "percent", percent=1, plan_ids=(999,)), actor=ADMIN, now=now
        )
    changed = CouponDraft("SPRING", "fixed", amount=500, currency="cny", ends_at=now + DAY)
    services_coupons.update(session, coupon_id=coupon.id, version=1, draft=changed, actor=ADMIN, now=now)
    assert (coupon.kind, coupon.percent, coupon.currency, coupon.version) == ("fixed", None, "CNY", 2)
    with pytest.raises(Stale):
        services_coupons.update(session, coupon_id=coupon.id, version=1, draft=changed, actor=ADMIN, now=now)
    services_coupons.switch(session, coupon_id=coupon.id, active=False, actor=ADMIN, now=now)
    services_coupons.switch(session, coupon_id=coupon.id, active=False, actor=ADMIN, now=now)
    with pytest.raises(Invalid) as refused:
        make.order(plan, coupons=["SPRING"])
    assert refused.value.message == rules_selling.COUPON_OFF
    entries = session.execute(
        select(AuditEntry.action, AuditEntry.details).where(AuditEntry.action.like("coupon%"))
    )
    told = [(action, details) for action, details in entries]
    assert [action for action, _ in told] == ["coupon.create", "coupon.update", "coupon.switch_off"]
    assert told[1][1]["before"]["plan_ids"] == [plan.id]


def test_a_code_that_was_given_to_buyers_stays(session, make, now):
    coupon, unused = make.coupon("GIVEN"), make.coupon("UNUSED")
    order = make.order(coupons=["GIVEN"])
    draft = CouponDraft("OTHER", "percent", percent=50)
    with pytest.raises(Invalid) as refused:
        services_coupons.update(session, coupon_id=coupon.id, version=1, draft=draft, actor=ADMIN, now=now)
    assert refused.value.field == "code"
    # A change does not reach the orders that are there.
    draft = CouponDraft("GIVEN", "percent", percent=50)
    services_coupons.update(session, coupon_id=coupon.id, version=1, draft=draft, actor=ADMIN, now=now)
    assert pay(session, order, now).kind == "fulfilled"
    with pytest.raises(Conflict):
        services_coupons.delete_unused(session, coupon_id=coupon.id, actor=ADMIN, now=now)
    services_coupons.delete_unused(session, coupon_id=unused.id, actor=ADMIN, now=now)
    assert session.scalars(select(Coupon.code)).all() == ["GIVEN"]
    healthy(session, now)
