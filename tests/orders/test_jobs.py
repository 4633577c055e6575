"""What is settled when events were missed: lost webhooks, expired orders, refunds without an answer."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.orders import doctor, jobs, rules, services, services_inbox
from qunclub.passes.models import Plan
from tests.support.statements import count_statements

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))


@pytest.fixture
def plan(make):
    return make.plan(slug="master", stock=5)


@pytest.fixture
def order(shop, make, plan):
    return shop.buy(shop.buyer(make.account()), plan)


def paid(shop, order):
    shop.sandbox.pay(order.checkout_ref)
    shop.box.wait(1)
    shop.bring(shop.letter("checkout.session.completed"))
    return shop.payments()[0]


def give_back(shop, payment, amount, key="k1"):
    with shop.db.uow() as session:
        orders.refund(
            session,
            payment_id=payment.id,
            amount=amount,
            reason="asked",
            key=key,
            actor=ADMIN,
            now=shop.clock(),
        )


class TestExpiry:
    def test_an_unpaid_order_expires_and_its_page_closes(self, shop, order, plan):
        shop.sweep()
        assert shop.order(order.code).state == "pending"
        shop.clock.advance(minutes=36)
        shop.sweep()
        assert shop.order(order.code).state == "expired"
        assert shop.state.gateway.retrieve_checkout(order.checkout_ref).status == "expired"
        assert shop.rows(Plan)[0].held == 0
        assert shop.healthy()

    def test_a_payment_whose_webhook_never_came_is_found(self, shop, order):
        shop.sandbox.pay(order.checkout_ref)
        shop.clock.advance(minutes=36)
        assert shop.sweep()["orders"] == 1
        assert shop.order(order.code).state == "paid"
        assert shop.payments()[0].method in ("card", "")
        assert shop.healthy()

    def test_while_the_gateway_is_away_the_stock_waits_a_while(self, shop, order):
        shop.sandbox.pay(order.checkout_ref)  # and nothing is heard of it
        gateway = shop.away()
        shop.clock.advance(minutes=36)
        shop.sweep()
        assert shop.order(order.code).state == "pending"
        shop.clock.advance(minutes=15)
        shop.sweep()
        assert shop.order(order.code).state == "expired"
        # The payment is found when the gateway answers at last, and honoured.
        shop.state.gateway = gateway
        shop.clock.advance(minutes=2)
        shop.sweep()
        assert shop.order(order.code).state == "paid"
        assert shop.healthy()

    def test_an_order_without_a_pay_page_just_expires(self, shop, make, plan):
        order = make.order(plan)
        shop.clock.advance(minutes=36)
        shop.sweep()
        assert shop.order(order.code).state == "expired"

    def test_one_that_cannot_be_settled_does_not_stop_the_others(self, shop, make, plan, monkeypatch):
        first, second = make.order(plan), make.order(plan)
        real = services.expire_order

        def fail(session, *, order_code, **rest):
            if order_code == first.code:
                raise RuntimeError("no")
            return real(session, order_code=order_code, **rest)

        monkeypatch.setattr(services, "expire_order", fail)
        shop.clock.advance(minutes=36)
        shop.sweep()
        assert (shop.order(first.code).state, shop.order(second.code).state) == ("pending", "expired")


class TestRefunds:
    def test_it_is_carried_out_after_the_commit(self, shop, order):
        payment = paid(shop, order)
        give_back(shop, payment, 900)
        assert shop.refunds()[0].state == "requested"
        shop.dispatch()
        made = shop.refunds()[0]
        assert (made.state, made.provider_ref[:3]) == ("settled", "re_")
        assert "refund" in shop.mails()
        # Its own notification finds it done.
        shop.box.wait(3)
        assert all(shop.bring(letter).status_code == 200 for letter in shop.box.letters)
        assert shop.payments()[0].refunded == 900
        assert len(shop.refunds()) == 1
        assert shop.healthy()

    def test_a_lost_answer_is_asked_for_again_and_pays_once(self, shop, order):
        payment = paid(shop, order)
        give_back(shop, payment, 900)
        shop.sandbox.behave(lose_next_api=1)
        shop.dispatch()
        assert shop.refunds()[0].state == "requested"
        shop.clock.advance(minutes=2)
        shop.dispatch()
        assert shop.refunds()[0].state == "settled"
        assert len(shop.sandbox.client().v1.refunds.list().data) == 1

    def test_a_refusal_goes_before_an_admin(self, shop, make):
        order = make.paid_order(ref="pi_nobody_knows")
        give_back(shop, shop.payments()[0], order.total)
        shop.dispatch()
        made, kept = shop.refunds()[0], shop.order(order.code)
        assert (made.state, kept.state, kept.attention) == ("failed", "needs_attention", rules.REFUND_FAILED)
        assert shop.payments()[0].refunded == 0
        assert shop.healthy()

    def test_a_card_that_takes_no_refund_is_told_later(self, shop, order):
        shop.sandbox.pay(
            order.checkout_ref, method="card", number="4000 0000 0000 5126", expiry="12 / 34", cvc="123"
        )
        shop.box.wait(1)
        shop.bring(shop.letter("checkout.session.completed"))
        give_back(shop, shop.payments()[0], order.total)
        shop.dispatch()
        assert shop.order(order.code).state == "refunded"
        shop.clock.advance(seconds=5)
        shop.state.gateway.retrieve_checkout(order.checkout_ref)  # the sandbox looks at its clock
        shop.box.wait(4)
        for letter in shop.box.letters:
            shop.bring(letter)
        assert shop.order(order.code).state == "needs_attention"
        assert shop.healthy()

    def test_one_that_was_given_up_is_asked_for_again(self, shop, order):
        payment = paid(shop, order)
        give_back(shop, payment, 900)
        with shop.db.uow() as session:
            session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "refund")).one().due_at = None
        shop.sweep()
        assert shop.refunds()[0].state == "requested"
        shop.clock.advance(minutes=31)
        shop.sweep()
        assert shop.refunds()[0].state == "settled"

    def test_after_a_day_without_an_answer_a_person_looks(self, shop, order):
        payment = paid(shop, order)
        gateway = shop.away()
        give_back(shop, payment, 900)
        shop.dispatch()
        shop.clock.advance(hours=21)
        shop.state.gateway = gateway
        shop.sweep()
        made, kept = shop.refunds()[0], shop.order(order.code)
        assert (made.state, kept.attention) == ("failed", rules.REFUND_SILENT)
        assert shop.sandbox.client().v1.refunds.list().data == []

    def test_work_for_a_refund_that_is_done_does_nothing(self, shop, order):
        payment = paid(shop, order)
        give_back(shop, payment, 900)
        shop.dispatch()
        with shop.app.app_context():
            jobs.carry_out_refund(shop.state, {"refund": "k1"}, "again")
            jobs.carry_out_refund(shop.state, {"refund": "unknown"}, "again")
        assert len(shop.refunds()) == 1


class TestDoctor:
    def test_it_costs_the_same_with_many_orders(self, db, make, now):
        with db.session() as session, count_statements(db.engine) as few:
            assert doctor.check(session, now) == []
        for _ in range(5):
            make.paid_order()
        with db.session() as session, count_statements(db.engine) as many:
            assert doctor.check(session, now) == []
        assert many.count == few.count < 50

    @pytest.mark.parametrize(
        ("sabotage", "promise", "words"),
        [
            ("DELETE FROM qunclub_pass_term; DELETE FROM qunclub_pass", 3, "has no pass"),
            ("UPDATE qunclub_pass_term SET source = 'order:999:1'", 3, "has no pass"),
            ("UPDATE qunclub_order SET paid_at = NULL, state = 'pending', holds_stock = true", 3, "owed 0"),
            ("UPDATE qunclub_payment SET refunded = amount", 5, "add up to 0"),
            ("UPDATE qunclub_order SET state = 'refunded'", 3, "has its money, but is not paid"),
            ("UPDATE qunclub_order SET state = 'expired'", 3, "has its money, but is not paid"),
            ("UPDATE qunclub_payment SET fulfils = false", 3, "no money is left"),
            ("UPDATE qunclub_plan SET held = 3", 3, "says 3 are held"),
            ("UPDATE qunclub_order SET holds_stock = true", 3, "does not fit the stock"),
            (
                "UPDATE qunclub_payment SET refunded = amount; UPDATE qunclub_order SET state = 'refunded'",
                5,
                "is still active",
            ),
        ],
    )
    def test_it_sees_what_is_broken(self, db, make, now, sabotage, promise, words):
        make.paid_order()
        with db.engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF" if db.kind == "sqlite" else "SELECT 1")
            if db.kind == "postgres":
                connection.exec_driver_sql("DELETE FROM qunclub_entry_ticket")
            for statement in sabotage.split(";"):
                connection.exec_driver_sql(statement)
        with db.session() as session:
            found = doctor.check(session, now)
        assert any(one.promise == promise and words in one.message for one in found), found

    def test_it_sees_what_is_stuck(self, db, make, now):
        note = make.told("paid", make.order())
        payment = make.payment()
        with db.uow() as session:
            orders.refund(session, payment_id=payment.id, amount=5, reason="", key="k", actor=ADMIN, now=now)
            services_inbox.keep_failure(session, notification=note, payload="{}", error="x", now=now)
            given_up = session.scalars(
                select(OutboxMessage).where(OutboxMessage.kind == "mail").limit(1)
            ).one()
        with db.session() as session:
            assert doctor.check(session, now) == []
        with db.uow() as session:
            session.get_one(OutboxMessage, given_up.id).due_at = None
        with db.session() as session:
            stuck = [one.message for one in doctor.check(session, now + dt.timedelta(days=2))]
        assert len(stuck) == 4
