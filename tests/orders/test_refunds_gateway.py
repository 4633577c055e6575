"""Giving back with the gateway: its dashboard, its failures, its memberships, through the real SDK."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor, Conflict
from qunclub.orders import doctor, rules_refunds, services_disputes, services_refunds
from qunclub.orders.models import Payment
from qunclub.passes.models import Pass
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
STRIPE = Actor.system("stripe")


def bought(shop, client, plan, number="4242 4242 4242 4242"):
    order = shop.buy(client, plan)
    shop.sandbox.pay(order.checkout_ref, method="card", number=number, expiry="12 / 34", cvc="123")
    client.get(f"/checkout/{order.code}/return")
    assert shop.order(order.code).state == "paid"
    return order


def deliver_all(shop):
    for letter in list(shop.box.letters):
        assert shop.bring(letter).status_code == 200


class TestOwn:
    @pytest.fixture
    def plan(self, make):
        return make.plan(slug="master", refund_days=7)

    def give_back(self, shop, client, order):
        where = f"/orders/{order.code}/refund"
        seen = text_of(client.get(where)).split('name="seen" value="')[1].split('"')[0]
        assert post(client, where, {"seen": seen}).status_code == 303
        return where

    def test_it_arrives(self, shop, make, plan):
        client = shop.buyer(make.account())
        order = bought(shop, client, plan)
        where = self.give_back(shop, client, order)
        shop.dispatch()
        assert shop.refunds()[0].state == "settled"
        assert "The money went back on" in text_of(client.get(where))
        assert "refund" in shop.mails()
        assert shop.healthy()

    def test_a_card_that_takes_no_refund(self, shop, make, plan):
        client = shop.buyer(make.account())
        order = bought(shop, client, plan, "4000 0000 0000 5126")
        where = self.give_back(shop, client, order)
        shop.dispatch()
        shop.clock.advance(seconds=5)
        shop.state.gateway.retrieve_checkout(order.checkout_ref)  # the sandbox looks at its clock
        shop.box.wait(4)
        deliver_all(shop)
        assert (shop.refunds()[0].state, shop.order(order.code).state) == ("failed", "needs_attention")
        assert shop.passes()[0].state == "revoked"
        page = text_of(client.get(where))
        assert "The payment service could not give the money back." in page
        assert shop.healthy()
        admin = in_language(sign_in(shop.app.test_client(), make.account(roles=("admin",))), "en")
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        for words in ("could not give the money back", "Fulfil the order", "Number 1, which the member has."):
            assert words in page, words
        post(admin, f"/admin/orders/{order.code}/fulfil")
        assert shop.order(order.code).state == "paid"
        assert [held.state for held in shop.passes()] == ["revoked", "active"]
        assert shop.healthy()


class TestDashboard:
    def test_two_parts_make_a_whole_whatever_arrives(self, shop, make):
        client = shop.buyer(make.account())
        order = bought(shop, client, make.plan())
        ref = shop.payments()[0].ref
        stripe = shop.sandbox.client()
        stripe.v1.refunds.create({"payment_intent": ref, "amount": 9_900})
        stripe.v1.refunds.create({"payment_intent": ref})
        shop.box.wait(5)
        deliver_all(shop)
        deliver_all(shop)
        assert sorted(made.amount for made in shop.refunds()) == [9_900, 10_000]
        kept = shop.order(order.code)
        assert (kept.state, kept.refunded) == ("refunded", 19_900)
        assert shop.passes()[0].state == "revoked"
        assert shop.healthy()


class TestDisputed:
    def test_what_the_bank_holds_cannot_go_back_too(self, session, make, now):
        order = make.paid_order()
        paid = session.scalars(select(Payment)).one()
        told = make.disputed(paid.ref, paid.amount)
        services_disputes.notice(session, told=told, now=now, actor=STRIPE)
        with pytest.raises(Conflict) as refused:
            orders.refund(session, payment_id=paid.id, amount=100, reason="", key="k", actor=ADMIN, now=now)
        assert refused.value.message == rules_refunds.DISPUTED
        services_refunds.take_back_for_dispute(
            session, payment_id=paid.id, amount=paid.amount, ref=told.ref, now=now, actor=STRIPE
        )
        assert order.state == "refunded"


class TestMembership:
    def test_a_refund_that_fails_after_it_ended(self, session, make, now):
        make.membership()
        paid = session.scalars(select(Payment)).one()
        order = session.get_one(orders.Order, paid.order_id)
        orders.refund(
            session, payment_id=paid.id, amount=paid.amount, reason="", key="k", actor=ADMIN, now=now
        )
        services_refunds.answer(session, key="k", ref="re_1", status="failed", actor=STRIPE, now=now)
        assert order.state == "needs_attention"
        orders.fulfil_attention(session, order_code=order.code, now=now, actor=ADMIN)
        assert order.state == "paid"
        assert sorted(session.scalars(select(Pass.state))) == ["active", "revoked"]
        session.flush()
        assert doctor.check(session, now) == []
