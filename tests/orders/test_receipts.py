"""Receipts: gapless numbers under concurrency and failure, what the page says, who may see it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from qunclub import orders
from qunclub.kernel import Actor, store
from qunclub.kernel.store import AuditEntry
from qunclub.orders import queries_papers, rules_papers, services_fapiao
from qunclub.orders.models import Order, OrderLine
from qunclub.orders.rules_selling import Details
from tests.concurrency.races import fetch, findings, pay
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))


def numbers(db):
    with db.session() as session:
        query = select(Order.receipt_no).where(Order.receipt_no.is_not(None)).order_by(Order.receipt_no)
        return list(session.scalars(query))


class TestNumbers:
    def test_shown_with_six_digits(self):
        assert rules_papers.receipt_code(123) == "R-000123"
        assert rules_papers.receipt_code(1_234_567) == "R-1234567"

    def test_gapless_when_many_pay_at_once(self, db, make, now):
        waiting = [make.order(make.plan()) for _ in range(12)]
        outcomes = concurrently(
            db, 12, lambda session, index: pay(session, waiting[index], now).kind, retry=True
        )
        assert succeeded(outcomes) == ["fulfilled"] * 12
        assert numbers(db) == list(range(1, 13))
        assert findings(db, now) == []

    def test_gapless_when_some_fail_after_they_had_their_number(self, db, make, now):
        waiting = [make.order(make.plan()) for _ in range(12)]

        def settle(session, index):
            outcome = pay(session, waiting[index], now)
            if index % 3 == 0:
                assert outcome.order.receipt_no is not None
                raise RuntimeError("the connection broke")
            return outcome.kind

        outcomes = concurrently(db, 12, settle, retry=True)
        assert len(failed(outcomes)) == 4
        assert numbers(db) == list(range(1, 9))
        with db.session() as session:
            assert session.get_one(store.Counter, "receipt_number").value == 8
        for index in (0, 3, 6, 9):
            with db.uow() as session:
                pay(session, waiting[index], now)
        assert numbers(db) == list(range(1, 13))
        assert findings(db, now) == []

    def test_once_for_each_order_and_none_for_free_or_odd_ones(self, db, make, now):
        first = make.paid_order()
        free = make.order(make.plan(price=0))
        with db.uow() as session:
            orders.take_free(session, order_code=free.code, now=now, actor=ADMIN)
        with db.uow() as session:
            # A second payment puts it before an admin; it keeps its number and takes no second one.
            pay(session, first, now, ref="pi_again")
        odd = make.order()
        with db.uow() as session:
            orders.record_transfer(
                session, order_code=odd.code, ref="b", method="bank", amount=1, now=now, actor=ADMIN
            )
        assert numbers(db) == [1]
        assert fetch(db, Order, first.id).receipt_no == 1
        assert fetch(db, Order, free.id).receipt_no is None
        assert fetch(db, Order, odd.id).receipt_no is None


class TestFacts:
    def test_the_sums_come_to_the_orders_total(self, session, make, now):
        coupon = make.coupon(percent=10)
        order = make.paid_order(make.plan(price=20_000), coupons=[coupon.code])
        found = queries_papers.receipt(session, order.code)
        assert [use.coupon.code for use in found.uses] == [coupon.code]
        assert (found.sums.subtotal, found.sums.discount, found.sums.total) == (20_000, 2_000, order.total)

    def test_its_cost_is_the_same_for_every_order(self, db, make):
        short = make.paid_order()
        long = make.paid_order(coupons=[make.coupon(percent=5).code])
        counts = []
        for order in (short, long):
            with db.session() as session, count_statements(db.engine) as sent:
                queries_papers.receipt(session, order.code)
            counts.append(sent.count)
        assert counts[0] == counts[1] <= 6

    @pytest.mark.parametrize(
        ("line", "early"),
        [((100, 80), True), ((100, 100), False), ((None, 80), False), ((80, 100), False)],
    )
    def test_what_is_an_early_price(self, line, early):
        class Line:
            quantity, reduction = 1, 0
            list_price, unit_price = line

        assert rules_papers.is_early(Line()) is early


class TestPage:
    @pytest.fixture
    def people(self, make):
        return make.person(name="Lin", email="lin@example.com")

    @pytest.fixture
    def buyer(self, app, people):
        return in_language(sign_in(app.test_client(), people[0]), "en")

    @pytest.fixture
    def admin(self, app, make):
        return in_language(sign_in(app.test_client(), make.account(name="Ada", roles=("admin",))), "en")

    @pytest.fixture
    def order(self, make, people):
        coupon = make.coupon("SPRING", percent=10)
        plan = make.plan(title="Master pass", price=20_000, asks=("name", "address"))
        details = Details("Lin Ltd", "", "1 Lake Road")
        return make.paid_order(plan, people[1], coupons=[coupon.code], details=details)

    def path(self, order):
        return f"/orders/{order.code}/receipt"

    def test_what_it_says(self, buyer, order, site_db):
        text = text_of(buyer.get(self.path(order)))
        for said in (
            "R-000001", "Lin Ltd", "1 Lake Road", "lin@example.com", order.code, "Master pass", "CN¥200.00",
            "Coupon SPRING", "−CN¥20.00", "CN¥180.00", "Card", "Paid Apr 15, 2026", "Print or save as PDF",
        ):  # fmt: skip
            assert said in text, said
        text = text_of(in_language(buyer, "zh").get(self.path(order)))
        for said in ("收据", "R-000001", "付款方", "¥180.00", "2026年4月15日 付款"):
            assert said in text, said

    def test_who_issues_it(self, buyer, admin, order, site_db):
        assert "群俱乐部" in text_of(buyer.get(self.path(order)))
        said = {
            "issuer": "Lake Club Ltd",
            "address": "2 Lake Road\nHangzhou",
            "contact": "desk@lake.example",
            "tax_id": "91350100M000100Y43",
            "footer": "No VAT.",
            "fapiao": "y",
        }
        assert post(admin, "/admin/papers", said).status_code == 303
        text = text_of(buyer.get(self.path(order)))
        for line in (
            "Lake Club Ltd",
            "2 Lake Road\nHangzhou",
            "desk@lake.example",
            "91350100M000100Y43",
            "No VAT.",
        ):
            assert line in text, line
        with site_db.session() as session:
            assert "papers.update" in session.scalars(select(AuditEntry.action)).all()
        text = text_of(in_language(admin, "zh").get("/admin/papers"))
        assert "Lake Club Ltd" in text and "收据与发票" in text

    def test_what_went_back(self, buyer, order, site_db, make):
        payment = make.payment(order)
        with site_db.uow() as session:
            orders.refund(
                session,
                payment_id=payment.id,
                amount=3_000,
                reason="asked",
                key="k",
                actor=ADMIN,
                now=make.now,
            )
        text = text_of(buyer.get(self.path(order)))
        assert "Given back" in text and "−CN¥30.00" in text and "On its way" in text

    def test_the_early_price(self, buyer, order, site_db):
        with site_db.uow() as session:
            row = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()
            row.list_price = 25_000
        assert "Early price; the list price was CN¥250.00" in text_of(buyer.get(self.path(order)))

    def test_only_the_buyer_and_admins(self, app, client, make, admin, order):
        assert client.get(self.path(order)).status_code == 303
        for roles in ((), ("instructor",), ("host",)):
            assert (
                sign_in(app.test_client(), make.account(roles=roles)).get(self.path(order)).status_code == 404
            )
        assert "R-000001" in text_of(admin.get(self.path(order)))
        assert admin.get("/orders/NOSUCH/receipt").status_code == 404

    def test_not_for_unpaid_or_free_orders(self, buyer, make, people, site_db):
        waiting = make.order(of=people[1])
        answer = buyer.get(self.path(waiting))
        assert answer.status_code == 404 and "There is a receipt once the order is paid" in text_of(answer)
        free = make.order(make.plan(price=0), people[1])
        with site_db.uow() as session:
            orders.take_free(session, order_code=free.code, now=make.now, actor=ADMIN)
        assert "This order cost nothing" in text_of(buyer.get(self.path(free)))

    def test_the_settings_are_for_admins(self, app, client, make):
        assert client.get("/admin/papers").status_code == 303
        other = sign_in(app.test_client(), make.account(roles=("instructor",)))
        assert other.get("/admin/papers").status_code == 403
        assert post(other, "/admin/papers", {}).status_code == 403

    def test_what_is_too_long_is_said_and_kept(self, admin):
        answer = post(admin, "/admin/papers", {"issuer": "x" * 161, "contact": "me"})
        assert answer.status_code == 422 and "160" in text_of(answer) and 'value="me"' in text_of(answer)

    def test_the_order_page_and_the_mail_lead_here(self, buyer, order, app, site_db):
        from qunclub import jobs

        assert self.path(order) in text_of(buyer.get(f"/orders/{order.code}"))
        with app.app_context():
            jobs.dispatch(app.extensions["qunclub"])
        sent = app.extensions["qunclub"].mailer.messages()
        assert any(self.path(order) in mail["body"] for mail in sent)


def test_the_counter_was_set_by_what_existed(session):
    """A migrated club goes on after the numbers it has; a new one begins at 1."""
    assert (
        store.next_value(session, "receipt_number")
        == (session.scalar(select(func.coalesce(func.max(Order.receipt_no), 0))) or 0) + 1
    )


def test_settings_default_by_currency():
    off = rules_papers.PapersSettings()
    assert off.offers_fapiao("CNY") and not off.offers_fapiao("USD")
    assert not rules_papers.PapersSettings(fapiao=False).offers_fapiao("CNY")
    assert rules_papers.PapersSettings(fapiao=True).offers_fapiao("USD")
    assert services_fapiao.SETTINGS == "orders.papers"
