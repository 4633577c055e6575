"""Buying on the web with the real SDK against the sandbox, also when the payment service does not answer."""

from __future__ import annotations

import pytest

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.orders.models import Order
from tests.support.pages import post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def plan(make):
    return make.plan(slug="master", title="Master pass", stock=5, line=make.group_line())


@pytest.fixture
def me(make):
    return make.account(name="Lin")


def test_the_order_is_committed_before_the_pay_page_opens(shop, plan, me):
    order = shop.buy(shop.buyer(me), plan)
    assert (order.state, order.total, order.locale) == ("pending", 19_900, "en")
    assert order.email == me.email
    assert order.checkout_ref.startswith("cs_")
    session = shop.state.gateway.retrieve_checkout(order.checkout_ref)
    assert (session.order_code, session.amount_total, session.currency) == (order.code, 19_900, "CNY")
    assert shop.healthy()


def test_coming_back_does_not_wait_for_the_webhook(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    shop.sandbox.pay(order.checkout_ref)
    answer = client.get(f"/checkout/{order.code}/return")
    held = shop.passes()[0]
    assert answer.status_code == 303
    assert answer.location == f"/welcome/{held.id}"
    assert shop.order(order.code).state == "paid"
    payment = shop.payments()[0]
    assert (payment.method, payment.recorded_by) == ("card", "system:stripe")
    # The webhook that comes later finds it done.
    shop.box.wait(1)
    assert shop.bring(shop.letter("checkout.session.completed")).json == {"outcome": "already"}
    assert len(shop.passes()) == 1
    assert client.get(f"/checkout/{order.code}/return").location == f"/welcome/{held.id}"
    assert shop.healthy()


def test_coming_back_unpaid_says_that_it_waits(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    answer = client.get(f"/checkout/{order.code}/return", follow_redirects=True)
    assert "We are waiting for the payment service to confirm." in text_of(answer)
    assert "for 35 more minutes" in text_of(answer)


def test_when_the_gateway_is_away_no_order_is_lost(shop, plan, me):
    client = shop.buyer(me)
    gateway = shop.away()
    answer = post(client, "/passes/master/order")
    order = shop.newest()
    assert answer.location == f"/checkout/{order.code}?away=1"
    page = text_of(client.get(answer.location))
    assert "The payment service cannot be reached right now" in page
    assert "Your order is safe and nothing was charged. It is kept until" in page
    assert "Pay now" in page
    assert (order.state, order.checkout_ref) == ("pending", None)
    again = post(client, f"/checkout/{order.code}/pay")
    assert again.location == f"/checkout/{order.code}?away=1"
    shop.state.gateway = gateway
    at_last = post(client, f"/checkout/{order.code}/pay")
    assert at_last.location.startswith(shop.sandbox.url)
    assert len(shop.rows(Order)) == 1
    assert shop.healthy()


def test_a_lost_answer_opens_no_second_pay_page(shop, plan, me):
    client = shop.buyer(me)
    shop.sandbox.behave(lose_next_api=1)
    assert post(client, "/passes/master/order").location.startswith("/checkout/")
    code = shop.newest().code
    post(client, f"/checkout/{code}/pay")
    sessions = shop.sandbox.client().v1.checkout.sessions.list()
    assert [one.id for one in sessions.data] == [shop.order(code).checkout_ref]


def test_clicking_again_leads_to_the_same_pay_page(shop, plan, me):
    client = shop.buyer(me)
    first = post(client, "/passes/master/order").location
    assert post(client, "/passes/master/order").location == first
    assert post(client, f"/checkout/{shop.newest().code}/pay").location == first
    assert len(shop.rows(Order)) == 1


def test_paying_again_after_paying_goes_to_the_welcome(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    shop.sandbox.pay(order.checkout_ref)
    assert post(client, f"/checkout/{order.code}/pay").location == f"/welcome/{shop.passes()[0].id}"
    assert post(client, f"/checkout/{order.code}/pay").location.startswith("/welcome/")


def test_a_delayed_payment_is_told_and_kept(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    shop.sandbox.behave(settle="later")
    shop.sandbox.pay(order.checkout_ref)
    page = post(client, f"/checkout/{order.code}/pay", follow_redirects=True)
    assert "Your payment is on its way" in text_of(page)
    refused = post(client, f"/checkout/{order.code}/cancel", follow_redirects=True)
    assert "not cancelled" in text_of(refused)
    shop.clock.advance(minutes=40)
    shop.sweep()
    assert shop.order(order.code).state == "pending"
    shop.sandbox.control(f"/sandbox/sessions/{order.checkout_ref}/settle", {"outcome": "succeeded"})
    client.get(f"/checkout/{order.code}/return")
    assert shop.order(order.code).state == "paid"
    assert shop.healthy()


def test_cancelling_closes_the_pay_page(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    page = post(client, f"/checkout/{order.code}/cancel", follow_redirects=True)
    assert "This order was cancelled" in text_of(page)
    assert shop.state.gateway.retrieve_checkout(order.checkout_ref).status == "expired"
    assert shop.healthy()
    again = post(client, f"/checkout/{order.code}/cancel")
    assert again.status_code == 303


def test_cancelling_works_while_the_gateway_is_away(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    gateway = shop.away()
    post(client, f"/checkout/{order.code}/cancel")
    assert shop.order(order.code).state == "cancelled"
    shop.dispatch()
    shop.state.gateway = gateway
    assert gateway.retrieve_checkout(order.checkout_ref).status == "open"
    shop.clock.advance(minutes=2)
    shop.dispatch()
    assert gateway.retrieve_checkout(order.checkout_ref).status == "expired"


def test_cancelling_what_was_just_paid_gives_the_pass(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    shop.sandbox.pay(order.checkout_ref)
    answer = post(client, f"/checkout/{order.code}/cancel")
    assert answer.location.startswith("/welcome/")
    assert shop.order(order.code).state == "paid"


def test_the_page_that_waits_asks_and_moves_on(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    page = text_of(client.get(f"/checkout/{order.code}"))
    assert f'hx-get="/checkout/{order.code}/state"' in page
    fragment = client.get(f"/checkout/{order.code}/state", headers={"HX-Request": "true"})
    assert "<html" not in text_of(fragment)
    assert "more minutes" in text_of(fragment)
    shop.sandbox.pay(order.checkout_ref)
    shop.box.wait(1)
    shop.bring(shop.letter("checkout.session.completed"))
    moved = client.get(f"/checkout/{order.code}/state", headers={"HX-Request": "true"})
    assert moved.headers["HX-Redirect"] == f"/checkout/{order.code}/return"
    assert client.get(f"/checkout/{order.code}/state").location == f"/checkout/{order.code}/return"


def test_sold_out_is_said_with_a_way_out(shop, make, me):
    plan = make.plan(slug="rare", stock=1)
    held = make.order(plan)
    answer = post(shop.buyer(me), "/passes/rare/order", follow_redirects=True)
    assert answer.status_code == 409
    assert "Sold out." in text_of(answer)
    assert "Nothing was ordered and nothing is charged." in text_of(answer)
    assert shop.newest().id == held.id


def test_who_holds_it_for_life_is_not_sold_another(shop, make, plan):
    account, member = make.person()
    make.pass_(plan, member)
    answer = post(shop.buyer(account), "/passes/master/order")
    assert answer.status_code == 409
    assert "You hold this pass for life already" in text_of(answer)
    assert shop.rows(Order) == []


def test_what_costs_nothing_skips_the_pay_page(shop, make, me):
    make.plan(slug="free", price=0)
    answer = post(shop.buyer(me), "/passes/free/order")
    assert answer.location == f"/welcome/{shop.passes()[0].id}"
    assert shop.healthy()


def test_drafts_and_unknown_plans_are_not_there(shop, make, me):
    make.plan(slug="secret", state="draft")
    client = shop.buyer(me)
    assert post(client, "/passes/secret/order").status_code == 404
    assert post(client, "/passes/nothing/order").status_code == 404


@pytest.mark.parametrize("path", ["checkout/{}", "checkout/{}/return", "checkout/{}/state", "orders/{}"])
def test_other_peoples_orders_are_not_there(shop, make, plan, me, path):
    order = shop.buy(shop.buyer(me), plan)
    other = shop.buyer(make.account())
    assert other.get("/" + path.format(order.code)).status_code == 404
    stranger = shop.app.test_client().get("/" + path.format(order.code))
    assert stranger.status_code == 303
    assert "next=" in stranger.location


@pytest.mark.parametrize("verb", ["pay", "cancel"])
def test_other_peoples_orders_cannot_be_touched(shop, make, plan, me, verb):
    order = shop.buy(shop.buyer(me), plan)
    assert post(shop.buyer(make.account()), f"/checkout/{order.code}/{verb}").status_code == 404
    assert shop.order(order.code).state == "pending"


def test_a_stranger_signs_in_first(shop, plan):
    assert post(shop.app.test_client(), "/passes/master/order").status_code == 303
    assert shop.rows(Order) == []


def test_a_form_without_a_token_is_refused(shop, plan, me):
    assert shop.buyer(me).post("/passes/master/order").status_code == 403


def test_buying_is_rate_limited(make_app, make):
    client = sign_in(make_app(QUNCLUB_RATE_LIMITS="yes").test_client(), make.account())
    answers = [post(client, "/checkout/NOSUCH/pay").status_code for _ in range(21)]
    assert answers == [404] * 20 + [429]


def test_the_gateway_is_asked_for_what_the_order_says(shop, make, me):
    make.plan(slug="team", title="Team", price=10_000, gift_max=9)
    client = shop.buyer(me, "zh")
    post(client, "/passes/team/order", {"gift": "1", "quantity": "3"})
    order = shop.newest()
    kept = shop.sandbox.client().v1.checkout.sessions.retrieve(order.checkout_ref)
    assert (kept.amount_total, kept.locale, kept.mode) == (30_000, "zh", "payment")
    assert kept.metadata["order"] == order.code
    assert kept.metadata["kind"] == "gift"
    assert kept.expires_at == int(order.expires_at.timestamp())


@pytest.mark.parametrize("behaviour", [{"fail_next_api": 1}, {"lose_next_api": 1}, {"delay_ms": 1_500}])
def test_whatever_the_gateway_does_the_order_is_kept_and_paid_later(shop, plan, me, behaviour):
    client = shop.buyer(me)
    shop.state.gateway = shop.sandbox.gateway(timeout=0.6)
    shop.sandbox.behave(**behaviour)
    answer = post(client, "/passes/master/order")
    order = shop.newest()
    assert answer.location == f"/checkout/{order.code}?away=1"
    assert client.get("/orders").status_code == 200
    shop.sandbox.behave(reset=True)
    shop.state.gateway = shop.sandbox.gateway(timeout=5.0)
    assert post(client, f"/checkout/{order.code}/pay").location.startswith(shop.sandbox.url)
    shop.sandbox.pay(shop.order(order.code).checkout_ref)
    client.get(f"/checkout/{order.code}/return")
    assert shop.order(order.code).state == "paid"
    assert shop.healthy()


def test_coming_back_while_the_gateway_is_away_waits(shop, plan, me):
    client = shop.buyer(me)
    order = shop.buy(client, plan)
    shop.sandbox.pay(order.checkout_ref)
    gateway = shop.away()
    page = client.get(f"/checkout/{order.code}/return", follow_redirects=True)
    assert page.status_code == 200
    assert "We are waiting for the payment service to confirm." in text_of(page)
    shop.state.gateway = gateway
    assert client.get(f"/checkout/{order.code}/return").location.startswith("/welcome/")


class TestPages:
    def test_every_state_has_its_page(self, shop, make, plan):
        account, member = make.person()
        client = shop.buyer(account)
        code = make.order(plan, member).code
        says = {
            "pending": "Changed your mind?",
            "expired": "The time to pay ran out",
            "cancelled": "This order was cancelled",
            "refunded": "This order was refunded",
            "needs_attention": "a person is looking at it",
            "paid": "Your pass is ready",
        }
        for state, sentence in says.items():
            with shop.db.uow() as session:
                session.get_one(Order, shop.order(code).id).state = state
            page = client.get(f"/checkout/{code}")
            assert page.status_code == 200
            assert sentence in text_of(page), state
            assert ("Order again" in text_of(page)) is (state in ("expired", "cancelled", "refunded"))
            assert code in text_of(client.get(f"/orders/{code}"))

    def test_in_chinese(self, shop, make, plan):
        account, member = make.person()
        order = make.order(plan, member)
        client = shop.buyer(account, "zh")
        assert "为你保留" in text_of(client.get(f"/checkout/{order.code}"))
        assert "我的订单" in text_of(client.get("/orders"))
        assert "待支付" in text_of(client.get("/orders"))

    def test_no_orders_yet(self, shop, me):
        assert "No orders yet" in text_of(shop.buyer(me).get("/orders"))

    def test_the_receipt_says_what_was_paid_and_given_back(self, shop, make, plan):
        account, member = make.person()
        order = make.paid_order(plan, member)

        with shop.db.uow() as session:
            payment = session.get_one(type(shop.payments()[0]), shop.payments()[0].id)
            orders.refund(
                session,
                payment_id=payment.id,
                amount=900,
                reason="kind",
                key="k",
                actor=Actor.system("x"),
                now=make.now,
            )
        page = text_of(shop.buyer(account).get(f"/orders/{order.code}"))
        for words in ("Master pass", "CN¥199.00", "CN¥9.00", "Card", "On its way", "/welcome/", "Total"):
            assert words in page, words

    def test_the_list_costs_the_same_with_many(self, shop, make, plan):
        account, member = make.person()
        client = shop.buyer(account)
        make.paid_order(plan, member)
        client.get("/orders")
        with count_statements(shop.db.engine) as few:
            client.get("/orders")
        for _ in range(4):
            make.paid_order(make.plan(), member)
        with count_statements(shop.db.engine) as many:
            assert text_of(client.get("/orders")).count("qc-code") == 5
        assert many.count == few.count
