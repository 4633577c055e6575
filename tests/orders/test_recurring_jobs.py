"""What the sweeper does for memberships: asks, reminds, ends; one that fails never keeps the others waiting."""

from __future__ import annotations

import pytest

from qunclub import jobs as club_jobs
from qunclub import passes
from qunclub.kernel import Actor
from qunclub.kernel.payments import CheckoutRequest
from qunclub.orders import (
    doctor_recurring,
    jobs_recurring,
    services,
    services_payments,
    services_refunds,
    services_subscriptions,
)
from qunclub.orders.models import Payment
from qunclub.orders.models_selling import Subscription
from qunclub.passes.models import Pass
from tests.factories_recurring import MONTH
from tests.support.fake_gateway import FakeGateway

ADMIN = Actor("admin", "Ada", "ada@example.com", frozenset({"admin"}), None)


@pytest.fixture
def gateway(app, clock):
    app.extensions["qunclub"].gateway = FakeGateway(clock)
    return app.extensions["qunclub"].gateway


@pytest.fixture
def sweep(app):
    def swept():
        with app.app_context():
            club_jobs.sweep(app.extensions["qunclub"])

    return swept


@pytest.fixture
def begin(app, gateway, make, site_db, clock):
    """A membership that the gateway knows too."""

    def begun(cancelled=False):
        order = make.order(make.monthly())
        request = make_request(order)
        opened = gateway.create_checkout(request, idempotency_key=order.code)
        with site_db.uow() as session:
            services.attach_checkout(
                session, order_id=order.id, ref=opened.id, url="", actor=ADMIN, now=clock()
            )
            if cancelled:
                services.cancel(session, order_code=order.code, now=clock(), actor=ADMIN)
        gateway.pay(opened.id)
        with site_db.uow() as session:
            services_payments.settle_checkout(
                session, provider="stripe", checkout=gateway.sessions[opened.id], now=clock(), actor=ADMIN
            )
        with site_db.session() as session:
            return session.get_one(Subscription, order.subscription_id)

    return begun


def make_request(order):

    return CheckoutRequest(
        order.code,
        "x",
        "",
        order.total,
        order.currency,
        order.email,
        "",
        "",
        order.expires_at,
        interval="month",
    )


def row(site_db, model, ident):
    with site_db.session() as session:
        return session.get_one(model, ident)


@pytest.fixture(autouse=True)
def healthy(site_db, clock):
    yield
    with site_db.session() as session:
        assert [finding.message for finding in doctor_recurring.check(session, clock())] == []


def test_a_missed_renewal_is_recorded_though_another_fails(begin, gateway, sweep, clock, site_db):
    broken, good = begin(), begin()
    clock.now = good.period_ends_at
    gateway.renew(good.ref, good=True)
    kept = gateway.subscriptions.pop(broken.ref)
    sweep()
    assert row(site_db, Subscription, good.id).period_ends_at == good.period_ends_at + MONTH
    gateway.subscriptions[broken.ref] = kept


def test_it_asks_once_an_hour(begin, gateway, sweep, clock):
    found = begin()
    asked = []
    look = gateway.retrieve_subscription

    def noted(ref):
        asked.append(ref)
        return look(ref)

    gateway.retrieve_subscription = noted
    clock.now = found.period_ends_at
    for _ in range(3):
        sweep()
    assert asked == [found.ref]
    clock.advance(hours=1)
    sweep()
    assert asked == [found.ref] * 2


def test_a_revoked_pass_ends_its_membership_at_the_gateway(begin, gateway, sweep, clock, site_db):
    found = begin()
    with site_db.uow() as session:
        passes.revoke(session, pass_id=found.pass_id, reason="x", now=clock(), actor=ADMIN)
    sweep()
    assert row(site_db, Subscription, found.id).state == "ended"
    assert gateway.subscriptions[found.ref].status == "ended"


def test_money_given_back_before_it_began_ends_it_at_the_gateway(begin, gateway, sweep, clock, site_db):
    found = begin(cancelled=True)
    assert (found.state, found.ref is not None) == ("pending", True)
    with site_db.uow() as session:
        paid = session.query(Payment).one()
        services_refunds.refund(
            session, payment_id=paid.id, amount=paid.amount, reason="", key="k", actor=ADMIN, now=clock()
        )
    sweep()
    assert row(site_db, Subscription, found.id).state == "ended"
    assert gateway.subscriptions[found.ref].status == "ended"


def test_a_gateway_that_charges_nothing_does_not_keep_it_alive(begin, gateway, sweep, clock, site_db):
    found = begin()
    clock.now = row(site_db, Pass, found.pass_id).grace_until
    for _ in range(3):
        sweep()
        clock.advance(hours=1)
    assert row(site_db, Pass, found.pass_id).state == "expired"
    assert row(site_db, Subscription, found.id).state == "ended"
    assert gateway.subscriptions[found.ref].status == "ended"


def test_a_silent_gateway_is_waited_for_a_day(begin, gateway, sweep, clock, site_db):
    found = begin()
    clock.now = found.period_ends_at
    gateway.renew(found.ref, good=False)
    sweep()
    gateway.away = True
    clock.now = row(site_db, Subscription, found.id).grace_until
    sweep()
    assert row(site_db, Pass, found.pass_id).state == "expired"
    assert row(site_db, Subscription, found.id).state == "past_due"
    clock.advance(days=1)
    sweep()
    assert row(site_db, Subscription, found.id).state == "ended"
    gateway.away = False
    clock.advance(hours=1)
    sweep()
    assert gateway.subscriptions[found.ref].status == "ended"


def test_the_last_wish_is_what_the_gateway_learns(begin, gateway, sweep, clock, site_db):
    found = begin()
    gateway.away = True
    for act in (services_subscriptions.cancel, services_subscriptions.resume, services_subscriptions.cancel):
        with site_db.uow() as session:
            act(session, subscription_id=found.id, now=clock(), actor=ADMIN)
    sweep()
    gateway.away = False
    clock.advance(hours=1)
    sweep()
    assert gateway.subscriptions[found.ref].cancel_at_end
    assert row(site_db, Subscription, found.id).cancel_at_end


def test_a_stray_membership_is_ended(app, begin, gateway):
    stray, state = begin(), app.extensions["qunclub"]
    with app.app_context():
        for _ in range(2):
            jobs_recurring.carry_out_wish(state, {"ref": stray.ref}, "k")
        jobs_recurring.carry_out_wish(state, {"subscription": 999}, "k")
        assert gateway.subscriptions[stray.ref].status == "ended"
        # Back in step with the gateway, as its notification would bring it.
        jobs_recurring.ask(state, stray.id, stray.ref)
