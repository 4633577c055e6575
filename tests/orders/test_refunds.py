"""Money goes back: never more than came, with exactly the effect that was shown before."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.groups.models import Seat
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.orders import doctor, queries_refunds, rules, services, services_refunds
from qunclub.orders.models import Payment, Refund
from qunclub.passes.models import Pass
from qunclub.points.models import LedgerEntry

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
GATEWAY = Actor.system("stripe")


def give_back(session, payment, amount, now, *, key="r1"):
    return orders.refund(
        session, payment_id=payment.id, amount=amount, reason="asked for", key=key, actor=ADMIN, now=now
    )


def look(session, order, amount, now, **more):
    paid = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
    return queries_refunds.preview(session, order, taken={paid.id: amount}, now=now, **more)


def healthy(session, now):
    session.flush()
    found = [finding.message for finding in doctor.check(session, now)]
    assert not found, found
    return True


def active(session):
    return session.scalars(select(Pass).where(Pass.state == "active")).all()


def test_a_full_refund_ends_exactly_what_that_payment_bought(session, make, now):
    plan = make.plan(line=make.group_line(), stock=5, tier=make.tier())
    buyer = make.member()
    first, second = make.paid_order(plan, buyer), make.paid_order(make.plan(), buyer)
    shown = look(session, first, 19_900, now)
    assert [held.plan_id for held in shown.reach.ends] == [plan.id]
    made = give_back(session, make.payment(first), 19_900, now)
    assert made.state == "requested"
    work = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "refund")).one()
    assert work.payload == {"refund": "r1"}
    assert (first.state, second.state) == ("refunded", "paid")
    assert [held.plan_id for held in active(session)] == [services.lines_of(session, second)[0].plan_id]
    assert session.scalars(select(Seat)).one().state == "removed"
    assert plan.sold == 0
    # What stays: the number and what work earned.
    assert session.get_one(Member, buyer.id).number == 1
    assert len(session.scalars(select(LedgerEntry)).all()) == 2
    assert healthy(session, now)


def test_parts_end_nothing_until_the_last(session, make, now):
    order = make.paid_order()
    payment = make.payment(order)
    assert look(session, order, 9_900, now).reach.ends == ()
    give_back(session, payment, 9_900, now, key="r1")
    assert (order.state, payment.refunded, len(active(session))) == ("paid", 9_900, 1)
    with pytest.raises(Invalid):
        give_back(session, payment, 10_001, now, key="r2")
    give_back(session, payment, 10_000, now, key="r3")
    assert (order.state, payment.refunded, active(session)) == ("refunded", 19_900, [])
    with pytest.raises(Invalid):
        give_back(session, payment, 1, now, key="r4")
    assert healthy(session, now)


def test_the_same_key_is_one_refund(session, make, now):
    payment = make.payment()
    first = give_back(session, payment, 100, now)
    assert give_back(session, payment, 100, now).id == first.id
    assert payment.refunded == 100


@pytest.mark.parametrize("amount", [0, -5])
def test_nothing_cannot_be_given_back(session, make, now, amount):
    with pytest.raises(Invalid):
        give_back(session, make.payment(), amount, now)


def test_a_transfer_is_settled_at_once(session, make, now):
    order = make.paid_order(provider="offline")
    made = give_back(session, make.payment(order), 19_900, now)
    assert (made.state, made.settled_at) == ("settled", now)
    mails = session.scalars(select(OutboxMessage.key).where(OutboxMessage.kind == "mail")).all()
    assert f"mail:refund:{made.id}" in mails
    assert not session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "refund")).all()
    assert healthy(session, now)


def test_the_gateways_answer_may_come_twice(session, make, now):
    payment = make.payment()
    give_back(session, payment, 100, now)
    for status in ("pending", "succeeded", "succeeded", "pending"):
        services_refunds.answer(session, key="r1", ref="re_1", status=status, actor=GATEWAY, now=now)
    made = session.scalars(select(Refund)).one()
    assert (made.state, made.provider_ref, payment.refunded) == ("settled", "re_1", 100)
    assert healthy(session, now)


@pytest.mark.parametrize("settled_first", [True, False])
def test_a_refund_that_fails_is_put_before_an_admin_who_fulfils(session, make, now, settled_first):
    plan = make.plan(stock=1, line=make.group_line())
    order = make.paid_order(plan)
    payment = make.payment(order)
    give_back(session, payment, 19_900, now)
    if settled_first:
        services_refunds.answer(session, key="r1", ref="re_1", status="succeeded", actor=GATEWAY, now=now)
    services_refunds.answer(session, key="r1", ref="re_1", status="failed", actor=GATEWAY, now=now)
    services_refunds.answer(session, key="r1", ref="re_1", status="failed", actor=GATEWAY, now=now)
    assert (order.state, order.attention, payment.refunded) == ("needs_attention", rules.REFUND_FAILED, 0)
    assert active(session) == []
    assert healthy(session, now)
    # The money is here and the pass is not: a new pass, or the refund again.
    orders.fulfil_attention(session, order_code=order.code, now=now, actor=ADMIN)
    assert (order.state, plan.sold) == ("paid", 1)
    assert [held.source for held in active(session)] == [
        f"order:{services.lines_of(session, order)[0].id}:1:2"
    ]
    assert healthy(session, now)
    give_back(session, payment, 19_900, now, key="r2")
    assert (order.state, active(session)) == ("refunded", [])
    assert healthy(session, now)


def test_a_refund_that_fails_can_be_asked_for_again(session, make, now):
    order = make.paid_order()
    payment = make.payment(order)
    give_back(session, payment, 19_900, now)
    services_refunds.refuse(session, key="r1", error="declined", actor=GATEWAY, now=now)
    give_back(session, payment, 19_900, now, key="r2")
    assert (order.state, payment.refunded) == ("refunded", 19_900)
    assert healthy(session, now)


def test_a_part_that_fails_leaves_the_pass(session, make, now):
    order = make.paid_order()
    payment = make.payment(order)
    give_back(session, payment, 100, now)
    services_refunds.refuse(session, key="r1", error="declined", actor=GATEWAY, now=now)
    assert (order.state, payment.refunded, payment.fulfils, len(active(session))) == (
        "needs_attention",
        0,
        True,
        1,
    )
    assert healthy(session, now)
    orders.add_note(session, order_code=order.code, text="Paid by hand", close=True, actor=ADMIN, now=now)
    assert order.state == "paid"


def test_wrong_money_given_back_ends_the_order_and_frees_its_stock(session, make, now):
    plan = make.plan(stock=1)
    order = make.order(plan)
    orders.record_payment(
        session,
        order_code=order.code,
        provider="stripe",
        ref="pi",
        method="",
        amount=5,
        currency="CNY",
        now=now,
        actor=GATEWAY,
    )
    payment = session.scalars(select(Payment)).one()
    give_back(session, payment, 5, now)
    assert (order.state, order.holds_stock, plan.held) == ("refunded", False, 0)
    assert healthy(session, now)
    services_refunds.answer(session, key="r1", ref="re_1", status="failed", actor=GATEWAY, now=now)
    assert order.state == "needs_attention"
    assert healthy(session, now)


class TestDashboard:
    """Refunds made at the gateway itself, told by notification."""

    def tell(self, session, make, order, amount, now, **changes):
        payment = make.payment(order)
        note = make.told_refund(payment.ref, amount, **changes)
        return orders.handle_notification(session, notification=note, payload="{}", now=now)

    def test_it_has_the_same_effect(self, session, make, now):
        order = make.paid_order()
        assert self.tell(session, make, order, 19_900, now) == "recorded"
        assert (order.state, active(session)) == ("refunded", [])
        made = session.scalars(select(Refund)).one()
        assert (made.state, made.provider_ref, made.requested_by) == ("settled", "re_1", "system:stripe")
        assert healthy(session, now)

    def test_pending_then_settled_is_one_refund(self, session, make, now):
        order = make.paid_order()
        self.tell(session, make, order, 100, now, status="pending")
        assert self.tell(session, make, order, 100, now) == "settled"
        assert make.payment(order).refunded == 100
        assert len(session.scalars(select(Refund)).all()) == 1

    def test_ours_is_known_by_its_key_even_before_the_call_returns(self, session, make, now):
        order = make.paid_order()
        give_back(session, make.payment(order), 300, now)
        assert self.tell(session, make, order, 300, now, metadata={"refund": "r1"}) == "settled"
        made = session.scalars(select(Refund)).one()
        assert (made.provider_ref, make.payment(order).refunded) == ("re_1", 300)

    def test_it_waits_for_its_payment(self, session, make, now):
        note = make.told_refund("pi_unknown", 100)
        assert orders.handle_notification(session, notification=note, payload="{}", now=now) == "waiting"
        event = session.scalars(select(orders.GatewayEvent)).one()
        assert event.handled_at is None

    def test_a_failed_one_changes_nothing(self, session, make, now):
        order = make.paid_order()
        assert self.tell(session, make, order, 100, now, status="failed") == "ignored"
        assert make.payment(order).refunded == 0

    def test_more_than_is_left_is_an_error_that_shows(self, session, make, now):
        order = make.paid_order()
        with pytest.raises(Conflict):
            self.tell(session, make, order, 20_000, now)
