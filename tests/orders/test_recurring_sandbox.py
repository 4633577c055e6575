"""Memberships and disputes with the real SDK against the sandbox: told late, twice, reversed or never."""

from __future__ import annotations

import json
import random

import pytest
from sqlalchemy import select

from qunclub.kernel import Actor
from qunclub.kernel.payments import GatewayError
from qunclub.orders import services_refunds
from qunclub.orders.models import GatewayEvent, Order
from qunclub.orders.models_money import Dispute
from qunclub.orders.models_selling import Subscription
from qunclub.passes.models import Pass
from tests.support.pages import post, text_of
from tests.support.sandbox import wait_until


@pytest.fixture
def plan(make):
    return make.monthly(slug="studio", title="Studio pass")


@pytest.fixture
def buyer(shop, make):
    return shop.buyer(make.account(email="lin@example.com"))


@pytest.fixture
def order(shop, buyer, plan):
    """An order for a membership, on its pay page."""
    return shop.buy(buyer, plan)


def kind_of(letter):
    return json.loads(letter[0])["type"]


def bring_all(shop, *, reverse=False, times=1, only=None):
    """Deliver what the sandbox sent so far; gives the outcomes."""
    letters = [letter for letter in shop.box.letters if only is None or kind_of(letter) in only]
    outcomes = []
    for letter in reversed(letters) if reverse else letters:
        for _time in range(times):
            # The sandbox tries again with a new signature, as the gateway does.
            answer = shop.bring(shop.sign(letter[0]))
            assert answer.status_code == 200, text_of(answer)
            outcomes.append((kind_of(letter), answer.json["outcome"]))
    return outcomes


def wait_for(shop, kinds, more=0):
    """Wait until the sandbox has sent these kinds, *more* of each than one."""
    wait_until(lambda: all(shop.box.kinds().count(kind) > more for kind in kinds))


def sold(shop):
    return shop.rows(Subscription)[0]


@pytest.fixture
def member(shop, order):
    """The first month is paid and all of it told."""
    shop.sandbox.pay(order.checkout_ref)
    shop.box.wait(2)
    bring_all(shop)
    assert shop.order(order.code).state == "paid"
    return sold(shop)


def sandbox_of(shop, found, act, body=None):
    return shop.sandbox.control(f"/sandbox/subscriptions/{found.ref}/{act}", body or {}).json


class TestBeginning:
    @pytest.mark.parametrize("reverse", [False, True])
    def test_in_any_order_and_twice(self, shop, order, reverse):
        shop.sandbox.pay(order.checkout_ref)
        shop.box.wait(2)
        outcomes = bring_all(shop, reverse=reverse, times=2)
        assert [outcome for _, outcome in outcomes].count("fulfilled") == 1, outcomes
        found = sold(shop)
        (held,) = shop.passes()
        assert (found.state, found.pass_id) == ("active", held.id)
        assert found.ref
        assert held.ends_at == found.period_ends_at
        assert held.renews
        assert shop.payments()[0].ref.startswith("pi_")
        assert shop.healthy()

    def test_never_told_is_found_by_the_return_page(self, shop, buyer, order):
        shop.sandbox.pay(order.checkout_ref)
        buyer.get(f"/checkout/{order.code}/return")
        assert sold(shop).state == "active"
        assert shop.healthy()

    def test_never_told_is_found_by_the_sweeper(self, shop, order):
        shop.sandbox.pay(order.checkout_ref)
        shop.clock.advance(hours=1)
        shop.sweep()
        assert sold(shop).state == "active"
        assert shop.order(order.code).state == "paid"
        assert shop.healthy()


class TestRenewal:
    @pytest.mark.parametrize("reverse", [False, True])
    def test_once_however_it_is_told(self, shop, member, reverse):
        before = member.period_ends_at
        shop.clock.now = before
        sandbox_of(shop, member, "renew", {"outcome": "paid"})
        wait_for(shop, {"invoice.paid"}, more=1)
        outcomes = bring_all(shop, reverse=reverse, times=2)
        assert [outcome for _, outcome in outcomes].count("renewed") == 1
        found = sold(shop)
        assert found.period_ends_at > before
        assert len(shop.rows(Order)) == 2
        assert shop.passes()[0].ends_at == found.period_ends_at
        assert shop.healthy()

    def test_missed_is_found_by_the_sweeper(self, shop, member):
        shop.clock.now = member.period_ends_at
        sandbox_of(shop, member, "renew", {"outcome": "paid"})
        shop.sweep()
        orders = shop.rows(Order)
        assert [one.kind for one in orders] == ["purchase", "renewal"]
        assert orders[1].invoice_ref.startswith("in_")
        assert shop.payments()[1].ref.startswith("pi_")
        shop.sweep()
        assert len(shop.rows(Order)) == 2
        assert shop.healthy()

    def test_failed_then_paid_within_the_grace(self, shop, buyer, member):
        shop.clock.now = member.period_ends_at
        sandbox_of(shop, member, "renew", {"outcome": "failed"})
        shop.sweep()
        found = sold(shop)
        assert found.state == "past_due"
        assert found.pay_url.startswith("http")
        assert "renewal_failed" in shop.mails()
        assert "could not be charged" in text_of(buyer.get("/memberships"))
        shop.clock.advance(days=2)
        shop.sandbox.pay_page(found.pay_url)
        shop.sweep()
        assert sold(shop).state == "active"
        assert shop.passes()[0].state == "active"
        assert shop.healthy()

    def test_never_paid_closes_the_pass_and_ends_it_at_the_gateway(self, shop, member):
        shop.sandbox.behave(renewals="failed")
        shop.clock.now = member.period_ends_at
        sandbox_of(shop, member, "renew", {"outcome": "failed"})
        shop.sweep()
        shop.clock.now = sold(shop).grace_until
        shop.sweep()
        shop.dispatch()
        assert shop.passes()[0].state == "expired"
        found = sold(shop)
        assert found.state == "ended"
        assert shop.state.gateway.retrieve_subscription(found.ref).status == "ended"
        assert shop.healthy()


class TestEnd:
    def test_cancelled_and_resumed_by_the_member(self, shop, buyer, member):
        post(buyer, f"/memberships/{member.id}/cancel")
        assert shop.state.gateway.retrieve_subscription(member.ref).cancel_at_end
        post(buyer, f"/memberships/{member.id}/resume")
        assert not shop.state.gateway.retrieve_subscription(member.ref).cancel_at_end
        assert shop.healthy()

    def test_cancelled_while_the_gateway_is_away(self, shop, buyer, member):
        kept = shop.away()
        answer = post(buyer, f"/memberships/{member.id}/cancel", follow_redirects=True)
        assert "Your wish is kept" in text_of(answer)
        shop.state.gateway = kept
        shop.clock.advance(hours=1)
        shop.dispatch()
        assert shop.state.gateway.retrieve_subscription(member.ref).cancel_at_end

    def test_ended_by_the_gateway(self, shop, member):
        sandbox_of(shop, member, "end")
        wait_for(shop, {"customer.subscription.deleted"})
        outcomes = bring_all(shop, only={"customer.subscription.deleted"})
        assert outcomes == [("customer.subscription.deleted", "ended")]
        assert sold(shop).state == "ended"
        assert not shop.passes()[0].renews
        assert shop.healthy()

    def test_a_refund_ends_it_at_the_gateway(self, shop, member):
        with shop.db.uow() as session:
            paid = shop.payments()[0]
            services_refunds.refund(
                session,
                payment_id=paid.id,
                amount=paid.amount,
                reason="",
                key="k",
                actor=Actor.system("test"),
                now=shop.clock(),
            )
        shop.dispatch()
        found = sold(shop)
        assert found.state == "ended"
        assert shop.state.gateway.retrieve_subscription(found.ref).status == "ended"
        assert [one.state for one in shop.refunds()] == ["settled"]
        assert shop.healthy()


class TestDisputes:
    @pytest.mark.parametrize(("outcome", "ends"), [("won", "active"), ("lost", "revoked")])
    def test_of_the_first_charge(self, shop, member, outcome, ends):
        ref = shop.payments()[0].ref
        made = shop.sandbox.control(f"/sandbox/payments/{ref}/dispute", {"reason": "fraudulent"}).json
        created = {"charge.dispute.created"}
        wait_for(shop, created)
        bring_all(shop, only=created)
        assert [held.state for held in shop.passes()] == ["suspended"]
        (found,) = shop.rows(Dispute)
        assert (found.state, found.due_at is not None) == ("open", True)
        shop.sandbox.control(f"/sandbox/disputes/{made['id']}/close", {"outcome": outcome})
        wait_for(shop, {"charge.dispute.closed"})
        bring_all(shop, reverse=True, times=2)
        assert [held.state for held in shop.passes()] == [ends]
        assert shop.healthy()

    def test_never_told_of_its_end_is_looked_up(self, shop, member):
        ref = shop.payments()[0].ref
        made = shop.sandbox.control(f"/sandbox/payments/{ref}/dispute", {"reason": "fraudulent"}).json
        wait_for(shop, {"charge.dispute.created"})
        bring_all(shop, only={"charge.dispute.created"})
        shop.sandbox.control(f"/sandbox/disputes/{made['id']}/close", {"outcome": "won"})
        shop.clock.advance(days=2)
        shop.sweep()
        assert [held.state for held in shop.passes()] == ["active"]
        assert shop.healthy()


def test_an_event_while_the_gateway_is_away_is_kept_and_handled_later(shop, member):
    shop.clock.now = member.period_ends_at
    sandbox_of(shop, member, "renew", {"outcome": "paid"})
    wait_for(shop, {"invoice.paid"}, more=1)
    letter = [one for one in shop.box.letters if kind_of(one) == "invoice.paid"][-1]
    kept = shop.away()
    assert shop.bring(shop.sign(letter[0])).status_code == 500
    with pytest.raises(GatewayError):
        shop.state.gateway.retrieve_subscription(member.ref)
    shop.state.gateway = kept
    shop.sweep()
    with shop.db.session() as session:
        assert not session.scalars(select(GatewayEvent).where(GatewayEvent.outcome == "failed")).all()
    assert len(shop.rows(Order)) == 2
    assert len(shop.rows(Pass)) == 1
    assert shop.healthy()


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_story_told_in_any_order(shop, order, seed):
    """Begun, renewed, partly given back, disputed and won: shuffled, some of it twice, swept in between."""
    shop.sandbox.pay(order.checkout_ref)
    first = shop.state.gateway.retrieve_checkout(order.checkout_ref)
    shop.clock.now = first.period_ends_at
    shop.sandbox.control(f"/sandbox/subscriptions/{first.subscription_ref}/renew", {"outcome": "paid"})
    second = shop.state.gateway.retrieve_invoice(
        shop.state.gateway.retrieve_subscription(first.subscription_ref).latest_invoice_ref
    )
    shop.sandbox.control(f"/sandbox/payments/{first.payment_ref}/refund", {"amount": 1_000})
    disputed = shop.sandbox.control(
        f"/sandbox/payments/{second.payment_ref}/dispute", {"reason": "fraudulent"}
    ).json
    shop.sandbox.control(f"/sandbox/disputes/{disputed['id']}/close", {"outcome": "won"})
    wait_for(shop, {"charge.dispute.closed", "charge.refunded", "invoice.paid"})
    chance = random.Random(seed)
    letters = list(shop.box.letters) + chance.sample(list(shop.box.letters), 3)
    chance.shuffle(letters)
    for letter in letters:
        assert shop.bring(shop.sign(letter[0])).status_code == 200
        if chance.random() < 0.2:
            shop.sweep()
    shop.clock.advance(hours=2)
    for _round in range(2):
        shop.sweep()
        shop.clock.advance(hours=2)
    assert shop.healthy()
    assert [(one.kind, one.state, one.refunded) for one in shop.rows(Order)] == [
        ("purchase", "paid", 1_000),
        ("renewal", "paid", 0),
    ]
    assert [one.state for one in shop.rows(Dispute)] == ["won"]
    (held,) = shop.passes()
    assert (held.state, held.ends_at) == ("active", second.period_ends_at)
    assert sold(shop).state == "active"
