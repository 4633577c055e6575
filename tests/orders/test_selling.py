"""Placing an order: what kind of purchase it is, what it costs, what it holds; and what is given when it is paid."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import orders, passes
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.kernel.store import AuditEntry, Counter
from qunclub.orders import doctor, rules, services, services_fulfil, services_quote, services_subscriptions
from qunclub.orders.models import Order, OrderEvent, OrderLine
from qunclub.orders.models_selling import ClaimCode, Subscription
from qunclub.orders.rules_claims import Recipient
from qunclub.orders.rules_selling import Details, Purchase
from qunclub.passes.models import Pass, PassTerm, PlanUpgrade, PriceStep

GATEWAY = Actor.system("stripe")
ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)


def healthy(session, now):
    session.flush()
    found = [finding.message for finding in doctor.check(session, now)]
    assert found == []


def pay(session, order, now, *, ref="", **more):
    return orders.record_payment(
        session,
        order_code=order.code,
        provider="stripe",
        ref=ref or f"pi_{order.code}",
        method="card",
        amount=order.total,
        currency=order.currency,
        now=now,
        actor=GATEWAY,
        **more,
    )


def quote(session, plan, member, now, **more):
    member_id = member.id if member else None
    return orders.quote(session, member_id=member_id, purchase=Purchase(plan.id, **more), now=now)


def line_of(session, order):
    return session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()


def story(session, order):
    query = select(OrderEvent.note).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)
    return list(session.scalars(query))


def plan_of(make, **values):
    """A plan with columns that creating one does not take."""
    later = {
        key: values.pop(key)
        for key in ("gift_max", "per_member", "asks", "interval", "valid_until")
        if key in values
    }
    plan = make.plan(**values)
    for key, value in later.items():
        setattr(plan, key, value)
    make.session.flush()
    return plan


def test_a_visitor_sees_a_price(session, make, now):
    offer = quote(session, make.plan(), None, now)
    assert (offer.kind, offer.total, offer.subtotal, offer.discount, offer.free) == (
        "new",
        19_900,
        19_900,
        0,
        False,
    )


def test_what_is_written_down(session, make, now):
    plan = plan_of(make, asks="name,phone", stock=3)
    order = make.order(plan, details=Details(" Ann ", "138", "not asked"), pay_by="transfer")
    line = line_of(session, order)
    assert (order.buyer_name, order.buyer_phone, order.buyer_address, order.pay_by) == (
        "Ann",
        "138",
        "",
        "transfer",
    )
    assert (order.kind, order.plan_id, order.discount, order.refunded) == ("purchase", plan.id, 0, 0)
    assert (line.kind, line.unit_price, line.list_price, line.reduction, line.pass_id) == (
        "new",
        19_900,
        19_900,
        0,
        None,
    )
    with pytest.raises(Invalid) as refused:
        make.order(plan, details=Details(name="Ann"))
    assert refused.value.field == "phone"


def test_an_open_order_keeps_its_price_until_a_better_one_is_to_be_had(session, make, now):
    plan, buyer = make.plan(stock=2), make.member()
    first = make.order(plan, buyer)
    plan.price = 29_900
    session.flush()
    assert make.order(plan, buyer).id == first.id
    plan.price = 9_900
    session.flush()
    second = make.order(plan, buyer)
    assert (second.id != first.id, second.total, first.state) == (True, 9_900, "cancelled")
    assert (plan.held, story(session, first)) == (1, [services.PLACED, services.REPLACED])
    healthy(session, now)


def test_early_prices_by_count_and_by_date(session, make, now):
    plan = make.plan(price=30_000)
    session.add_all(
        [
            PriceStep(plan_id=plan.id, position=0, price=10_000, until_sold=1),
            PriceStep(plan_id=plan.id, position=1, price=20_000, until_at=now + DAY),
        ]
    )
    session.flush()
    first, second = make.order(plan), make.order(plan)
    assert (first.total, second.total, line_of(session, first).list_price) == (10_000, 20_000, 30_000)
    assert make.order(plan, now=now + 2 * DAY).total == 30_000
    # The first order took the last early place; its buyer still has it.
    buyer = session.get_one(type(make.member()), first.member_id)
    assert make.order(plan, buyer).id == first.id


def test_an_order_with_a_pay_page_is_paid_or_called_off_first(session, make, now):
    plan, buyer = make.plan(), make.member()
    coupon = make.coupon(percent=10)
    first = make.order(plan, buyer)
    orders.attach_checkout(session, order_id=first.id, ref="cs_1", url="https://pay", actor=ADMIN, now=now)
    with pytest.raises(Conflict) as refused:
        make.order(plan, buyer, coupons=[coupon.code])
    assert (refused.value.message, refused.value.params) == (services.IN_THE_WAY, {"code": first.code})
    assert make.order(plan, buyer).id == first.id
    orders.cancel(session, order_code=first.code, now=now, actor=make.actor(buyer))
    assert make.order(plan, buyer, coupons=[coupon.code]).total == 17_910
    healthy(session, now)


def test_the_same_order_again_takes_over_the_details(session, make, now):
    plan, buyer = plan_of(make, asks="name"), make.member()
    first = make.order(plan, buyer, details=Details("Ann"), pay_by="transfer")
    again = make.order(plan, buyer, details=Details("Anna"))
    # A transfer may have been sent: how it is paid is changed on the order's own page.
    assert (again.id, again.buyer_name, again.pay_by) == (first.id, "Anna", "transfer")
    with pytest.raises(Conflict):
        make.order(plan, buyer, details=Details("Anna"), coupons=[make.coupon().code])


def test_buying_what_ends_extends_the_pass(session, make, now):
    plan, buyer = make.plan(validity_days=30, stock=1), make.member()
    held = pay(session, make.order(plan, buyer), now).passes[0]
    offer = quote(session, plan, buyer, now)
    # The stock is gone, and more time takes none.
    assert (offer.kind, offer.pass_id, plan.sold) == ("renewal", held.id, 1)
    later = now + 10 * DAY
    order = make.order(plan, buyer, now=later)
    assert (order.kind, plan.held) == ("renewal", 0)
    outcome = pay(session, order, later)
    assert [one.id for one in outcome.passes] == [held.id]
    assert (held.ends_at, plan.sold, plan.held) == (now + 60 * DAY, 1, 0)
    terms = session.scalars(
        select(PassTerm.source).where(PassTerm.pass_id == held.id).order_by(PassTerm.id)
    ).all()
    assert terms[1] == services_fulfil.source_of(line_of(session, order), 1)
    healthy(session, later)


def test_a_renewal_paid_after_the_pass_has_ended_is_a_new_pass(session, make, now):
    plan, buyer = make.plan(validity_days=30), make.member()
    first = pay(session, make.order(plan, buyer), now).passes[0]
    order = make.order(plan, buyer)
    later = now + 31 * DAY
    passes.expire_due(session, later)
    outcome = pay(session, order, later)
    assert (outcome.kind, outcome.passes[0].id != first.id, plan.sold) == ("fulfilled", True, 2)
    assert outcome.passes[0].ends_at == later + 30 * DAY
    healthy(session, later)


def test_such_a_renewal_without_stock_needs_attention(session, make, now):
    plan, buyer = make.plan(validity_days=30, stock=1), make.member()
    pay(session, make.order(plan, buyer), now)
    order = make.order(plan, buyer)
    passes.expire_due(session, now + 31 * DAY)
    assert pay(session, order, now + 31 * DAY).reason == rules.LATE_NO_STOCK
    healthy(session, now + 31 * DAY)


def test_who_holds_it_for_life_or_as_long_as_it_lasts_cannot_buy_it_again(session, make, now):
    buyer = make.member()
    for plan, message in (
        (make.plan(), services_quote.FOR_LIFE),
        (plan_of(make, valid_until=now + 90 * DAY), services_quote.UNTIL_THEN),
    ):
        pay(session, make.order(plan, buyer), now)
        with pytest.raises(Conflict) as refused:
            make.order(plan, buyer)
        assert refused.value.message == message
    # The season goes on: then there is more to buy.
    plan.valid_until = now + 180 * DAY
    order = make.order(plan, buyer)
    assert pay(session, order, now).passes[0].ends_at == now + 180 * DAY
    healthy(session, now)


def test_a_suspended_pass_is_not_bought_again(session, make, now):
    plan, buyer = make.plan(), make.member()
    held = pay(session, make.order(plan, buyer), now).passes[0]
    passes.suspend(session, pass_ids=[held.id], reason="", now=now, actor=ADMIN)
    with pytest.raises(Conflict) as refused:
        make.order(plan, buyer)
    assert refused.value.message == services_quote.SUSPENDED


def test_so_many_of_a_plan_for_one_member(session, make, now):
    plan, buyer = plan_of(make, per_member=1, validity_days=10), make.member()
    order = make.order(plan, buyer)
    # A click again is the same order; another coupon on it would be a second one.
    assert make.order(plan, buyer).id == order.id
    held = pay(session, order, now).passes[0]
    assert make.order(plan, buyer).kind == "renewal"
    later = now + 11 * DAY
    passes.expire_due(session, later)
    with pytest.raises(Conflict) as refused:
        make.order(plan, buyer, now=later)
    assert (refused.value.message, refused.value.params) == (services_quote.PER_MEMBER, {"most": 1})
    passes.revoke(session, pass_id=held.id, reason="", now=later, actor=ADMIN)
    assert make.order(plan, buyer, now=later).kind == "purchase"


def test_what_costs_nothing_is_not_renewed_against_the_limit(session, make, now):
    plan, buyer = plan_of(make, price=0, per_member=1, validity_days=7), make.member()
    order = make.order(plan, buyer)
    assert quote(session, plan, make.member(), now).free
    orders.take_free(session, order_code=order.code, now=now, actor=make.actor(buyer))
    assert order.receipt_no is None
    with pytest.raises(Conflict):
        make.order(plan, buyer)
    healthy(session, now)


# Upgrades


def ladder(make, price=39_900, **base):
    """An ordinary plan, and a dearer one to which it can be upgraded."""
    ordinary, diehard = make.plan(**base), make.plan(price=price, stock=5)
    make.session.add(PlanUpgrade(plan_id=diehard.id, from_plan_id=ordinary.id))
    make.session.flush()
    return ordinary, diehard


def test_upgrading_costs_the_difference(session, make, now):
    ordinary, diehard = ladder(make)
    buyer = make.member()
    base = pay(session, make.order(ordinary, buyer, coupons=[make.coupon(percent=10).code]), now).passes[0]
    offer = quote(session, diehard, buyer, now)
    assert (offer.kind, offer.pass_id, offer.reduction, offer.total) == ("upgrade", base.id, 17_910, 21_990)
    order = make.order(diehard, buyer, coupons=[make.coupon(percent=50).code])
    assert (order.total, order.discount, line_of(session, order).reduction) == (10_995, 10_995, 17_910)
    held = pay(session, order, now).passes[0]
    assert (held.plan_id, held.state, base.state, diehard.sold) == (diehard.id, "active", "active", 1)
    healthy(session, now)


def test_one_pass_carries_one_upgrade(session, make, now):
    ordinary, diehard = ladder(make)
    other = make.plan(price=50_000)
    session.add(PlanUpgrade(plan_id=other.id, from_plan_id=ordinary.id))
    buyer = make.member()
    pay(session, make.order(ordinary, buyer), now)
    first = make.order(diehard, buyer)
    assert quote(session, other, buyer, now).kind == "new"
    orders.expire_order(session, order_code=first.code, now=now, actor=GATEWAY)
    second = make.order(other, buyer)
    assert (second.total, pay(session, second, now).kind) == (30_100, "fulfilled")
    # The first one's money comes late: its base is taken.
    assert pay(session, first, now).reason == services_fulfil.BASE_TAKEN
    healthy(session, now)
    with pytest.raises(Conflict):
        orders.fulfil_attention(session, order_code=first.code, now=now, actor=ADMIN)


def test_a_pass_with_an_end_is_worth_its_remaining_time(session, make, now):
    ordinary, diehard = ladder(make, price=39_900, validity_days=30)
    buyer = make.member()
    pay(session, make.order(ordinary, buyer), now)
    assert quote(session, diehard, buyer, now + 10 * DAY).reduction == 19_900 * 20 // 30
    # An open order keeps what the pass was worth when it was placed.
    order = make.order(diehard, buyer, now=now + 10 * DAY)
    assert order.total == 39_900 - 13_266


def test_when_the_difference_is_nothing_it_is_free(session, make, now):
    ordinary, diehard = ladder(make, price=15_000)
    buyer = make.member()
    pay(session, make.order(ordinary, buyer), now)
    offer = quote(session, diehard, buyer, now)
    assert (offer.total, offer.reduction, offer.free) == (0, 15_000, True)
    order = make.order(diehard, buyer)
    orders.take_free(session, order_code=order.code, now=now, actor=make.actor(buyer))
    assert (order.state, order.receipt_no) == ("paid", None)
    healthy(session, now)


def test_an_upgrade_of_an_upgrade_counts_what_both_cost(session, make, now):
    ordinary, diehard = ladder(make)
    top = make.plan(price=99_900)
    session.add(PlanUpgrade(plan_id=top.id, from_plan_id=diehard.id))
    buyer = make.member()
    pay(session, make.order(ordinary, buyer), now)
    pay(session, make.order(diehard, buyer), now)
    assert quote(session, top, buyer, now).total == 60_000


@pytest.mark.parametrize("what", ["gone", "refunded"])
def test_an_upgrade_whose_base_changed_needs_attention(session, make, now, what):
    ordinary, diehard = ladder(make)
    buyer = make.member()
    bought = make.order(ordinary, buyer)
    base = pay(session, bought, now).passes[0]
    order = make.order(diehard, buyer)
    if what == "gone":
        passes.revoke(session, pass_id=base.id, reason="", now=now, actor=ADMIN)
        reason = services_fulfil.BASE_GONE
    else:
        make.payment(bought).refunded = 5_000
        reason = services_fulfil.BASE_REFUNDED
    assert pay(session, order, now).reason == reason
    assert (order.state, diehard.held) == ("needs_attention", 1)


def test_a_gift_of_the_club_is_worth_nothing(session, make, now):
    ordinary, diehard = ladder(make)
    buyer = make.member()
    make.pass_(ordinary, buyer)
    assert quote(session, diehard, buyer, now).kind == "new"


# Gifts


def test_buying_to_give_away(session, make, now):
    plan, buyer = plan_of(make, gift_max=5, per_member=1, stock=4), make.member()
    people = (Recipient("Bo", "bo@example.org", "Enjoy"),)
    order = make.order(plan, buyer, gift=True, quantity=3, recipients=people)
    assert (order.kind, order.total, plan.held, line_of(session, order).kind) == ("gift", 59_700, 3, "gift")
    codes = session.scalars(select(ClaimCode).order_by(ClaimCode.unit)).all()
    assert [code.state for code in codes] == ["unpaid"] * 3
    assert make.order(plan, buyer, gift=True, quantity=3, recipients=people).id == order.id
    outcome = pay(session, order, now)
    assert (outcome.kind, outcome.passes) == ("fulfilled", [])
    assert ([code.state for code in codes], plan.held, plan.sold) == (["open"] * 3, 0, 3)
    # One for oneself beside it, and another gift beside that.
    assert make.order(plan, buyer).kind == "purchase"
    healthy(session, now)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"gift": True, "quantity": 0}, "quantity"),
        ({"gift": True, "quantity": 6}, "quantity"),
        ({"quantity": 2}, "quantity"),
        ({"gift": True, "quantity": 1, "recipients": (Recipient("a"), Recipient("b"))}, "recipients"),
        ({"pay_by": "shells"}, "pay_by"),
        ({"coupon_codes": ["NOSUCH"]}, "coupon"),
    ],
)
def test_what_cannot_be_taken_names_its_field(session, make, now, wish, field):
    plan = plan_of(make, gift_max=5)
    with pytest.raises(Invalid) as refused:
        quote(session, plan, make.member(), now, **wish)
    assert refused.value.field == field


def test_not_everything_is_sold_as_a_gift(session, make, now):
    with pytest.raises(Conflict):
        quote(session, make.plan(), make.member(), now, gift=True)


def test_several_gifts_stand_beside_each_other(session, make, now):
    plan, buyer = plan_of(make, gift_max=5, stock=5), make.member()
    first = make.order(plan, buyer, gift=True, quantity=2)
    second = make.order(plan, buyer, gift=True, quantity=3)
    assert (first.id != second.id, plan.held) == (True, 5)
    orders.cancel(session, order_code=second.code, now=now, actor=make.actor(buyer))
    assert plan.held == 2
    healthy(session, now)


# Recurring


def test_a_recurring_membership_begins_with_its_order(session, make, now):
    plan, buyer = plan_of(make, interval="month", price=3_000), make.member()
    order = make.order(plan, buyer, coupons=[make.coupon(percent=50).code])
    begun = session.get_one(Subscription, order.subscription_id)
    assert (order.total, begun.amount, begun.state) == (1_500, 3_000, "pending")
    ends = now + 31 * DAY
    services_subscriptions.linked(session, order, ref="sub_1", period_ends_at=ends, now=now)
    held = pay(session, order, now, period_ends_at=ends).passes[0]
    assert (held.ends_at, held.renews, begun.pass_id, begun.state) == (ends, True, held.id, "active")
    with pytest.raises(Conflict) as refused:
        make.order(plan, buyer)
    assert refused.value.message == services_quote.SUBSCRIBED
    with pytest.raises(Invalid):
        quote(session, plan, make.member(), now, pay_by="transfer")
    healthy(session, now)


def test_a_membership_paid_past_the_payment_service_does_not_renew(session, make, now):
    plan = plan_of(make, interval="month", price=3_000)
    order = make.order(plan)
    held = pay(session, order, now).passes[0]
    assert (held.renews, held.ends_at) == (False, now + 30 * DAY)
    assert session.get_one(Subscription, order.subscription_id).state == "ended"
    healthy(session, now)


def test_a_first_charge_of_nothing_still_goes_through_the_payment_service(session, make, now):
    plan = plan_of(make, interval="year")
    offer = quote(session, plan, make.member(), now, coupon_codes=[make.coupon(percent=100).code])
    assert (offer.total, offer.free) == (0, False)


# Receipts


def test_receipts_are_numbered_without_gaps(session, make, now):
    first, free, second = make.paid_order(), make.order(make.plan(price=0)), make.order()
    orders.take_free(session, order_code=free.code, now=now, actor=ADMIN)
    orders.expire_order(session, order_code=make.order().code, now=now, actor=GATEWAY)
    pay(session, second, now)
    pay(session, second, now, ref="pi_again")
    assert (first.receipt_no, free.receipt_no, second.receipt_no) == (1, None, 2)
    assert session.get_one(Counter, services_fulfil.RECEIPTS).value == 2
    assert (first.method, free.method) == ("card", "free")
    healthy(session, now)


def test_an_order_fulfilled_by_an_admin_has_its_receipt_and_story(session, make, now):
    order = make.order()
    orders.cancel(session, order_code=order.code, now=now, actor=ADMIN)
    pay(session, order, now)
    before = order.receipt_no
    orders.fulfil_attention(session, order_code=order.code, now=now, actor=ADMIN)
    assert (before, order.receipt_no) == (None, 1)
    assert "order.fulfil" in session.scalars(select(AuditEntry.action)).all()
    assert session.scalars(select(Pass.state)).all() == ["active"]
    assert session.scalars(select(Order.state)).all() == ["paid"]
