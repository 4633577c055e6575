"""The webhook over HTTP: genuine or not at all; repeated, reordered and late without harm; never lost."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from sqlalchemy.exc import OperationalError

from qunclub import passes
from qunclub.orders import services_inbox
from tests.orders.shop import HOOK
from tests.support.pages import post, sign_in
from tests.support.sandbox import SECRET


@pytest.fixture
def plan(make):
    return make.plan(slug="master", stock=5, line=make.group_line())


@pytest.fixture
def order(shop, make, plan):
    """An order on its pay page."""
    return shop.buy(shop.buyer(make.account()), plan)


def event(order, kind="checkout.session.completed", event_id="evt_made", **changes):
    data = {
        "id": order.checkout_ref,
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": "pi_made",
        "amount_total": order.total,
        "currency": "cny",
        "client_reference_id": order.code,
        "metadata": {},
        "payment_method_types": ["card"],
        "url": None,
        **changes,
    }
    made = {"id": event_id, "object": "event", "type": kind, "created": 1776225600, "data": {"object": data}}
    return json.dumps(made).encode()


def test_a_payment_is_recorded_with_all_it_brings(shop, order):
    shop.sandbox.pay(order.checkout_ref)
    shop.box.wait(1)
    answer = shop.bring(shop.letter("checkout.session.completed"))
    assert (answer.status_code, answer.json) == (200, {"outcome": "fulfilled"})
    assert shop.order(order.code).state == "paid"
    kept = shop.events()[0]
    assert (kept.kind, kept.outcome, kept.attempts) == ("checkout.session.completed", "fulfilled", 1)
    assert json.loads(kept.payload)["data"]["object"]["id"] == order.checkout_ref
    assert kept.handled_at == shop.clock()
    assert shop.mails() == ["receipt"]
    assert shop.healthy()


class TestReplay:
    def test_the_same_delivery_ten_times(self, shop, order):
        shop.sandbox.pay(order.checkout_ref)
        shop.box.wait(1)
        letter = shop.letter("checkout.session.completed")
        outcomes = [shop.bring(letter).json["outcome"] for _ in range(10)]
        assert outcomes == ["fulfilled", *["repeated"] * 9]
        assert (len(shop.passes()), len(shop.payments()), len(shop.events())) == (1, 1, 1)
        assert shop.mails() == ["receipt"]

    def test_completed_twice_as_two_events(self, shop, order):
        first, second = (shop.sign(event(order, event_id=name)) for name in ("evt_a", "evt_b"))
        assert shop.bring(first).json == {"outcome": "fulfilled"}
        assert shop.bring(second).json == {"outcome": "already"}
        assert (len(shop.passes()), len(shop.payments())) == (1, 1)
        assert shop.healthy()


class TestOrderOfArrival:
    def test_expired_before_completed(self, shop, order):
        late = event(order, "checkout.session.expired", "evt_x", status="expired", payment_status="unpaid")
        assert shop.bring(shop.sign(late)).json == {"outcome": "expired"}
        assert shop.order(order.code).state == "expired"
        assert shop.bring(shop.sign(event(order))).json == {"outcome": "fulfilled"}
        assert shop.order(order.code).state == "paid"
        assert shop.healthy()

    def test_completed_before_expired(self, shop, order):
        shop.bring(shop.sign(event(order)))
        late = event(order, "checkout.session.expired", "evt_x", status="expired", payment_status="unpaid")
        assert shop.bring(shop.sign(late)).json == {"outcome": "ignored"}
        assert shop.order(order.code).state == "paid"

    def test_expiry_of_another_checkout_is_nothing_to_this_order(self, shop, order):
        other = event(order, "checkout.session.expired", "evt_x", id="cs_other", status="expired")
        assert shop.bring(shop.sign(other)).json == {"outcome": "ignored"}
        assert shop.order(order.code).state == "pending"

    def test_refunded_before_completed(self, shop, order):
        refund = {
            "id": "re_9",
            "object": "refund",
            "status": "succeeded",
            "amount": order.total,
            "currency": "cny",
        }
        body = {"id": "evt_r", "object": "event", "type": "refund.created", "created": 1776225600}
        body["data"] = {"object": {**refund, "payment_intent": "pi_made", "metadata": {}}}
        letter = shop.sign(json.dumps(body).encode())
        assert shop.bring(letter).json == {"outcome": "waiting"}
        shop.bring(shop.sign(event(order)))
        assert shop.order(order.code).state == "paid"
        # The sweeper looks again, and so would the gateway's own repetition.
        shop.sweep()
        assert shop.order(order.code).state == "refunded"
        assert [held.state for held in shop.passes()] == ["revoked"]
        assert shop.bring(letter).json == {"outcome": "repeated"}
        assert shop.healthy()

    def test_what_waits_in_vain_is_given_up(self, shop, make, order):
        note = make.told_refund("pi_elsewhere", 5)
        with shop.db.uow() as session:
            services_inbox.handle_notification(session, notification=note, payload="{}", now=make.now)
        with shop.db.uow() as session:
            later = make.now + dt.timedelta(days=4)
            services_inbox.handle_notification(session, notification=note, payload="{}", now=later)
        assert shop.events()[0].handled_at == later

    def test_reversed_and_doubled_by_the_sandbox(self, shop, order):
        shop.sandbox.pay(order.checkout_ref)
        shop.box.wait(1)
        payment = shop.state.gateway.retrieve_checkout(order.checkout_ref).payment_ref
        shop.state.gateway.refund(payment, order.total, "CNY", idempotency_key="dash")
        shop.box.wait(3)
        for letter in [*reversed(shop.box.letters), *shop.box.letters]:
            assert shop.bring(letter).status_code == 200
        shop.sweep()
        assert shop.order(order.code).state == "refunded"
        assert [refund.amount for refund in shop.refunds()] == [order.total]
        assert shop.healthy()


class TestTamper:
    def test_a_changed_body(self, shop, order):
        body, signature = shop.sign(event(order))
        answer = shop.bring((body.replace(b"19900", b"00001"), signature))
        assert answer.status_code == 400
        assert shop.order(order.code).state == "pending"
        assert shop.events() == []

    def test_another_secret(self, shop, order):
        assert shop.bring(shop.sign(event(order), "whsec_wrong")).status_code == 400
        assert shop.events() == []

    @pytest.mark.parametrize("signature", ["", "t=1", "v1=abc", "t=x,v1=y", "garbage"])
    def test_no_signature_worth_the_name(self, shop, order, signature):
        assert shop.bring((event(order), signature)).status_code == 400

    def test_no_header_at_all(self, shop, order):
        assert shop.visitor.post(HOOK, data=event(order)).status_code == 400

    def test_an_old_letter_sent_again(self, shop, order):
        letter = shop.sign(event(order))
        shop.clock.advance(minutes=6)
        assert shop.bring(letter).status_code == 400

    def test_a_genuine_letter_about_the_wrong_amount(self, shop, order):
        answer = shop.bring(shop.sign(event(order, amount_total=1)))
        assert answer.json == {"outcome": "attention"}
        assert shop.passes() == []

    def test_the_old_secret_counts_while_it_is_rotated(self, shop, order):
        shop.state.gateway = shop.sandbox.gateway(webhook_secrets=("whsec_new", SECRET))
        assert shop.bring(shop.sign(event(order), SECRET)).json == {"outcome": "fulfilled"}
        assert shop.bring(shop.sign(event(order, event_id="evt_2"), "whsec_new")).json == {
            "outcome": "already"
        }
        shop.state.gateway = shop.sandbox.gateway(webhook_secrets=("whsec_new",))
        assert shop.bring(shop.sign(event(order, event_id="evt_3"), SECRET)).status_code == 400

    def test_too_large(self, shop):
        answer = shop.visitor.post(HOOK, data=b"x" * 300_000)
        assert answer.status_code == 413

    def test_only_post(self, shop):
        assert shop.visitor.get(HOOK).status_code == 405


class TestOther:
    def test_unknown_kinds_are_kept_and_left_alone(self, shop):
        body = {"id": "evt_c", "object": "event", "type": "customer.created", "created": 1776225600}
        body["data"] = {"object": {"id": "cus_1"}}
        assert shop.bring(shop.sign(json.dumps(body).encode())).json == {"outcome": "ignored"}
        assert shop.events()[0].handled_at is not None

    def test_somebody_elses_order(self, shop, order):
        strange = event(order, client_reference_id="SHOP-77", metadata={})
        assert shop.bring(shop.sign(strange)).json == {"outcome": "unknown_order"}
        assert shop.payments() == []

    def test_a_delayed_payment_and_its_end(self, shop, order):
        later = event(order, event_id="evt_1", payment_status="unpaid")
        assert shop.bring(shop.sign(later)).json == {"outcome": "on_its_way"}
        assert shop.order(order.code).expires_at > shop.clock() + dt.timedelta(days=6)
        failed = event(order, "checkout.session.async_payment_failed", "evt_2", payment_status="unpaid")
        assert shop.bring(shop.sign(failed)).json == {"outcome": "expired"}
        assert shop.healthy()


class TestFailure:
    """A handler that fails answers 5xx, keeps the letter, and shows it with a button."""

    @pytest.fixture
    def broken(self, monkeypatch):
        def fail(*args, **kwargs):
            raise OperationalError("issue", {}, Exception("disk on fire"))

        with monkeypatch.context() as patch:
            patch.setattr(passes, "issue", fail)
            yield patch

    def test_it_is_kept_and_the_gateways_next_try_settles_it(self, shop, order, broken):
        letter = shop.sign(event(order))
        assert shop.bring(letter).status_code == 500
        assert shop.bring(letter).status_code == 500
        kept = shop.events()[0]
        assert (kept.outcome, kept.handled_at, kept.attempts) == ("failed", None, 2)
        assert "disk on fire" in kept.error
        assert (shop.order(order.code).state, shop.payments(), shop.mails()) == ("pending", [], [])
        broken.undo()
        assert shop.bring(letter).json == {"outcome": "fulfilled"}
        assert len(shop.passes()) == 1
        assert shop.healthy()

    def test_the_sweeper_tries_again(self, shop, order, broken):
        shop.bring(shop.sign(event(order)))
        shop.sweep()
        assert shop.events()[0].attempts == 2
        broken.undo()
        assert shop.sweep()["orders"] == 1
        assert shop.order(order.code).state == "paid"

    def test_an_admin_sees_it_and_handles_it_again(self, shop, make, order, broken):
        shop.bring(shop.sign(event(order)))
        admin = shop.buyer(make.account(roles=("admin",)))
        page = admin.get("/admin/gateway?show=failed").get_data(as_text=True)
        assert "checkout.session.completed" in page
        ident = shop.events()[0].id
        shown = admin.get(f"/admin/gateway/{ident}").get_data(as_text=True)
        assert "disk on fire" in shown
        assert "Handle it again" in shown
        again = post(admin, f"/admin/gateway/{ident}/replay", follow_redirects=True)
        assert "It failed again" in again.get_data(as_text=True)
        broken.undo()
        done = post(admin, f"/admin/gateway/{ident}/replay", follow_redirects=True)
        assert "Handled: Paid, fulfilled" in done.get_data(as_text=True)
        assert shop.order(order.code).state == "paid"
        nothing = post(admin, f"/admin/gateway/{ident}/replay", follow_redirects=True)
        assert "nothing changed" in nothing.get_data(as_text=True)

    def test_only_admins_see_the_inbox(self, shop, make):
        client = sign_in(shop.app.test_client(), make.account(roles=("instructor",)))
        assert client.get("/admin/gateway").status_code == 403
        assert post(client, "/admin/gateway/1/replay").status_code == 403
