"""Between the pay page and a transfer: one is closed when the other is chosen, and nobody pays twice unseen."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.support.pages import post, text_of

DAYS = dt.timedelta(days=3)


@pytest.fixture
def plan(make):
    make.transfers_on()
    return make.plan(slug="master", stock=5)


@pytest.fixture
def buyer(shop, make):
    return shop.buyer(make.account())


@pytest.fixture
def order(shop, buyer, plan):
    return shop.buy(buyer, plan)


def path(order):
    return f"/checkout/{order.code}/transfer"


def page_of(shop, order):
    return shop.state.gateway.retrieve_checkout(order.checkout_ref)


def test_choosing_a_transfer_closes_the_pay_page(shop, buyer, order):
    assert post(buyer, path(order)).location.endswith(path(order))
    after = shop.order(order.code)
    assert (after.pay_by, after.checkout_ref) == ("transfer", None)
    assert page_of(shop, order).status == "expired"
    shop.sweep()
    assert shop.order(order.code).state == "pending"
    assert shop.healthy()


def test_and_back_opens_a_new_one(shop, buyer, order):
    post(buyer, path(order))
    shop.clock.advance(seconds=1)
    assert post(buyer, f"{path(order)}/online").status_code == 303
    assert post(buyer, f"/checkout/{order.code}/pay").location.startswith(shop.sandbox.url)
    after = shop.order(order.code)
    assert after.checkout_ref not in (None, order.checkout_ref)
    shop.sandbox.pay(after.checkout_ref)
    buyer.get(f"/checkout/{order.code}/return")
    assert shop.order(order.code).state == "paid"
    assert shop.healthy()


def test_paid_online_in_the_same_moment(shop, buyer, order):
    shop.sandbox.pay(order.checkout_ref)
    answer = post(buyer, path(order), follow_redirects=True)
    assert "paid online a moment ago" in text_of(answer)
    assert (shop.order(order.code).state, len(shop.payments())) == ("paid", 1)
    assert shop.healthy()


def test_with_the_payment_service_away_the_page_is_closed_later(shop, buyer, order):
    gateway = shop.away()
    assert post(buyer, path(order)).location.endswith(path(order))
    assert shop.order(order.code).pay_by == "transfer"
    shop.state.gateway = gateway
    assert page_of(shop, order).status == "open"
    shop.dispatch()
    shop.clock.advance(minutes=2)
    shop.sweep()
    assert page_of(shop, order).status == "expired"


def test_paid_there_before_it_could_be_closed(shop, buyer, order):
    gateway = shop.away()
    post(buyer, path(order))
    shop.state.gateway = gateway
    shop.sandbox.pay(order.checkout_ref)
    shop.clock.advance(minutes=2)
    shop.sweep()
    # The money names the order, so the buyer has the pass; no transfer is needed any more.
    assert shop.order(order.code).state == "paid"
    assert "Your transfer is confirmed" in text_of(buyer.get(path(order)))
    assert shop.healthy()


def test_the_order_form_leads_to_the_transfer(shop, buyer, plan):
    answer = post(buyer, "/passes/master/order", {"pay_by": "transfer"}, follow_redirects=True)
    order = shop.newest()
    assert (order.pay_by, order.expires_at) == ("transfer", order.created_at + DAYS)
    assert order.code in text_of(answer) and "6222 0000 1111" in text_of(answer)
    # The same again is the same order, and another way to pay changes it.
    post(buyer, "/passes/master/order", {"pay_by": "transfer"})
    assert shop.newest().id == order.id
    assert shop.mails().count("transfer_how") == 1
