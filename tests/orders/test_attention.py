"""Orders that need a decision: each choice with its exact effect, and that it is what happens."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.orders import doctor, services_claims, services_refunds
from qunclub.orders.models import Refund
from tests.orders.desk import GATEWAY, confirm, money, refresh
from tests.support.pages import in_language, post, sign_in, text_of


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")


@pytest.fixture
def plan(make):
    return make.plan(slug="master", title="Master pass", line=make.group_line(name="Hall"), gift_max=9)


class TestAttention:
    @pytest.fixture
    def odd(self, make, plan, site_db):
        order = make.order(plan)
        assert money(site_db, order, make, amount=5) == "attention"
        return order

    def test_fulfil(self, admin, odd, site_db):
        page = text_of(admin.get(f"/admin/orders/{odd.code}"))
        for words in (
            "This order needs a decision",
            "The amount paid is not the amount of the order.",
            "CN¥0.05 is here that nothing was given for",
            "The pass Master pass × 1, for life.",
            "From the stock that is still held for this order.",
            "A seat in Hall, with its entry ticket.",
            "The next member number.",
            "Nothing was given for it: no pass ends.",
        ):
            assert words in page, words
        assert "Keep it as it is" not in page
        post(admin, f"/admin/orders/{odd.code}/fulfil")
        assert refresh(site_db, odd).state == "paid"
        again = post(admin, f"/admin/orders/{odd.code}/fulfil", follow_redirects=True)
        assert "This order is already paid." in text_of(again)

    def test_stock_gone(self, admin, make, site_db):
        plan = make.plan(title="Rare pass", stock=1)
        order = make.order(plan)
        with site_db.uow() as session:
            orders.expire_order(session, order_code=order.code, now=make.now, actor=GATEWAY)
        make.paid_order(plan)
        assert money(site_db, order, make) == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "Raise the stock of Rare pass by 1 first." in page
        assert f"/admin/plans/{plan.id}" in page
        assert "Fulfil the order" not in page
        refused = post(admin, f"/admin/orders/{order.code}/fulfil", follow_redirects=True)
        assert refresh(site_db, order).state == "needs_attention"
        assert refused.status_code == 200
        with site_db.uow() as session:
            session.get_one(type(plan), plan.id).stock = 2
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "From the stock: 1 are left, 0 then." in page
        post(admin, f"/admin/orders/{order.code}/fulfil")
        assert refresh(site_db, order).state == "paid"

    def test_no_seat_free(self, admin, make, site_db):
        line = make.group_line(name="Small", capacities=(1,), repeat_last=False)
        plan = make.plan(line=line)
        order = make.order(plan)
        make.paid_order(plan)
        assert money(site_db, order, make, amount=7) == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "No seat is free in Small: place 1 on its waiting list." in page

    def test_give_back(self, admin, odd, make, site_db):
        where = f"/admin/orders/payments/{make.payment(odd).id}/refund"
        shown = text_of(admin.get(where + "?amount=0.05&reason=wrong"))
        assert "No pass ends" in shown
        confirm(admin, where, shown)
        assert refresh(site_db, odd).state == "refunded"

    def test_another_currency(self, admin, make, plan, site_db):
        order = make.order(plan)
        assert money(site_db, order, make, currency="USD") == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "$199.00 is here that nothing was given for." in page

    def test_note(self, admin, odd):
        page = post(admin, f"/admin/orders/{odd.code}/note", {"text": "Called Lin"}, follow_redirects=True)
        assert "Called Lin" in text_of(page)
        refused = post(admin, f"/admin/orders/{odd.code}/note", {"text": "Done", "close": "y"})
        assert refused.status_code == 422
        assert "Money came that nothing was given for" in text_of(refused)
        assert post(admin, f"/admin/orders/{odd.code}/note", {"text": ""}).status_code == 422

    def test_a_double_payment_is_kept_by_a_note(self, admin, make, plan, site_db):
        order = make.paid_order(plan)
        money(site_db, order, make, ref="pi_2")
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        for words in (
            "The buyer has what was ordered. Besides, CN¥199.00 is here",
            "Keep it as it is",
            "It paid for what was ordered",
        ):
            assert words in page, words
        assert "Fulfil the order" not in page
        post(admin, f"/admin/orders/{order.code}/note", {"text": "A gift", "close": "y"})
        assert refresh(site_db, order).state == "paid"

    def test_after_a_cancellation(self, admin, make, plan, site_db):
        order = make.order(plan)
        with site_db.uow() as session:
            orders.cancel(session, order_code=order.code, now=make.now, actor=GATEWAY)
        assert money(site_db, order, make) == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "The payment came after the order had been cancelled." in page
        post(admin, f"/admin/orders/{order.code}/fulfil")
        assert refresh(site_db, order).state == "paid"

    def test_a_refund_that_failed(self, admin, make, plan, site_db):
        order = make.paid_order(plan)
        paid = make.payment(order)
        with site_db.uow() as session:
            orders.refund(
                session, payment_id=paid.id, amount=19_900, reason="", key="k", actor=GATEWAY, now=make.now
            )
            services_refunds.refuse(session, key="k", error="declined", actor=GATEWAY, now=make.now)
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "A refund was requested, but the payment service could not give the money back." in page
        assert "Number 1, which the member has." in page
        post(admin, f"/admin/orders/{order.code}/fulfil")
        assert refresh(site_db, order).state == "paid"
        with site_db.session() as session:
            assert session.scalars(select(Refund.state)).all() == ["failed"]
            assert doctor.check(session, make.now) == []

    def test_an_upgrade_whose_base_is_gone(self, admin, make, site_db):
        buyer = make.member()
        base = make.plan(price=100)
        first = make.paid_order(base, buyer)
        order = make.order(make.plan(price=300, title="Better", upgrades_from=(base.id,)), buyer)
        paid = make.payment(first)
        with site_db.uow() as session:
            orders.refund(
                session, payment_id=paid.id, amount=100, reason="", key="k", actor=GATEWAY, now=make.now
            )
        assert money(site_db, order, make) == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "The pass that was to be upgraded has ended: the buyer gets the better one" in page
        post(admin, f"/admin/orders/{order.code}/fulfil")
        assert refresh(site_db, order).state == "paid"
        with site_db.session() as session:
            assert doctor.check(session, make.now) == []

    def test_a_renewal_without_its_pass(self, admin, make, site_db):
        buyer = make.member()
        plan = make.plan(validity_days=30, title="Year", stock=2)
        first = make.paid_order(plan, buyer)
        order = make.order(plan, buyer)
        page = None
        assert money(site_db, order, make, amount=3) == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "The pass Year is extended: it ends on May 15, 2026 now, and on Jun 14, 2026 then." in page
        assert "Nothing is taken from the stock." in page
        paid = make.payment(first)
        with site_db.uow() as session:
            orders.refund(
                session, payment_id=paid.id, amount=19_900, reason="", key="k", actor=GATEWAY, now=make.now
            )
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "The pass that was to be renewed has ended: this is a new one." in page
        post(admin, f"/admin/orders/{order.code}/fulfil")
        assert refresh(site_db, order).state == "paid"
        with site_db.session() as session:
            assert doctor.check(session, make.now) == []

    def test_a_gift(self, admin, make, plan, site_db):
        order = make.order(plan, quantity=3, gift=True)
        assert money(site_db, order, make, amount=3) == "attention"
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "3 claim codes for Master pass open." in page
        post(admin, f"/admin/orders/{order.code}/fulfil")
        with site_db.session() as session:
            states = {code.state for code in services_claims.codes_of(session, order.id)}
            assert states == {"open"}
            assert doctor.check(session, make.now) == []

    def test_in_chinese(self, admin, odd):
        page = text_of(in_language(admin, "zh").get(f"/admin/orders/{odd.code}"))
        for words in ("收到了 ¥0.05", "使用仍为这笔订单保留的名额", "Hall 的一个席位"):
            assert words in page, words
