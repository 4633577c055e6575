"""The desk's list of orders: what finds an order, how the pages follow each other, and what a page costs."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

import pytest
from sqlalchemy import select

from qunclub.orders import queries_orders
from qunclub.orders.models import Order, OrderLine, Payment, Refund
from qunclub.orders.models_money import Dispute, TransferProof
from qunclub.orders.models_selling import ClaimCode, Coupon, CouponUse
from qunclub.orders.queries_orders import Filters
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")


def codes(session, **filters):
    return [order.code for order in queries_orders.orders(session, Filters(**filters)).items]


def coupon(make, code="SPRING", **values):
    made = Coupon(
        code=code, kind="percent", percent=10, created_at=make.now, active=True, stackable=False, **values
    )
    make.session.add(made)
    make.session.flush()
    return made


def used(make, of, order):
    make.session.add(
        CouponUse(
            coupon_id=of.id,
            order_id=order.id,
            member_id=order.member_id,
            amount=100,
            state="used",
            created_at=make.now,
        )
    )
    make.session.flush()


class TestSearch:
    def test_by_everything_that_names_an_order(self, make, session):
        lin = make.member(name="Lin Kehe", email="lin@example.com", number=True)
        lin.nickname = "小荷"
        paid, other = make.paid_order(None, lin, ref="pi_777"), make.paid_order()
        paid.email, paid.invoice_ref, paid.checkout_ref = "old@example.com", "in_7", "cs_7"
        payment = make.payment(paid)
        line_id = session.execute(select(OrderLine.id).where(OrderLine.order_id == paid.id)).scalar_one()
        session.add_all(
            [
                Refund(
                    payment_id=payment.id,
                    key="k",
                    amount=1,
                    state="settled",
                    provider_ref="re_7",
                    requested_by="x",
                    created_at=make.now,
                ),
                Dispute(
                    payment_id=payment.id,
                    provider="stripe",
                    ref="dp_7",
                    amount=1,
                    currency="CNY",
                    opened_at=make.now,
                ),
                ClaimCode(order_id=paid.id, line_id=line_id, unit=1, code="GGGG7777", created_at=make.now),
            ]
        )
        used(make, coupon(make), paid)
        session.flush()
        for q in (
            paid.code,
            paid.code.lower(),
            f" {paid.code} ",
            str(paid.receipt_no),
            str(lin.number),
            "Lin Kehe",
            "Lin",
            "小荷",
            "lin@example.com",
            "LIN@exam",
            "old@example.com",
            "pi_777",
            "in_7",
            "cs_7",
            "re_7",
            "dp_7",
            "gggg-7777",
            "spring",
        ):
            assert paid.code in codes(session, q=q), q
        for q in ("pi_77", "zzz", "9999999", "0", "%", "re_"):
            assert codes(session, q=q) == [], q
        assert other.code not in codes(session, q="Lin")
        assert codes(session, q="Lin", state="pending") == []

    def test_no_more_than_a_few_people(self, make, session, monkeypatch):
        monkeypatch.setattr(queries_orders, "MOST_PEOPLE", 3)
        plan = make.plan(stock=None)
        for _ in range(5):
            make.order(plan, make.member(name="Wang"))
        assert len(codes(session, q="Wang")) == 3


class TestFilters:
    def test_each_and_together(self, make, session):
        plan = make.plan()
        first, second = make.paid_order(plan), make.order()
        second.kind, second.pay_by, second.disputed = "gift", "transfer", True
        first.method, first.plan_id, second.plan_id = "card", plan.id, second.lines[0].plan_id
        used(make, coupon(make), first)
        session.flush()
        for filters in (
            {"state": "paid"}, {"plan_id": plan.id}, {"method": "card"}, {"kind": "purchase"}, {"pay_by": "gateway"},
            {"coupon": "spring "}, {"coupon": "SPRING", "state": "paid", "method": "card"},
            {"state": "paid", "plan_id": plan.id, "kind": "purchase", "pay_by": "gateway"},
            {"kind": "purchase", "pay_by": "gateway"}, {"q": first.code, "coupon": "SPRING"},
        ):  # fmt: skip
            assert codes(session, **filters) == [first.code], filters
        for filters in (
            {"kind": "gift"}, {"pay_by": "transfer"}, {"disputed": True}, {"disputed": True, "kind": "gift"},
            {"state": "pending", "pay_by": "transfer", "disputed": True},
        ):  # fmt: skip
            assert codes(session, **filters) == [second.code], filters
        for filters in ({"kind": "renewal"}, {"coupon": "NONE"}, {"disputed": True, "state": "paid"}):
            assert codes(session, **filters) == [], filters

    def test_days(self, make, session):
        order = make.order()
        before, after = order.created_at - dt.timedelta(1), order.created_at + dt.timedelta(1)
        assert codes(session, since=before, until=after) == [order.code]
        assert codes(session, until=before) == codes(session, since=after) == []
        assert codes(session, state="pending", kind="purchase", since=after) == []

    def test_queues(self, make, session):
        proof, failed, fine = make.order(), make.paid_order(), make.paid_order()
        session.add(
            TransferProof(
                order_id=proof.id,
                file_key="f",
                content_type="image/png",
                size=1,
                sha256="x",
                submitted_at=make.now,
            )
        )
        failed.state = "needs_attention"
        for order, key in ((failed, "a"), (fine, "b")):
            session.add(
                Refund(
                    payment_id=make.payment(order).id,
                    key=key,
                    amount=1,
                    state="failed",
                    requested_by="x",
                    created_at=make.now,
                )
            )
        session.flush()
        assert codes(session, show="proof") == [proof.code]
        assert codes(session, show="refund_failed") == [failed.code]
        assert codes(session, show="proof", q=failed.code) == []
        assert queries_orders.waiting(session) == {
            "attention": 1,
            "proof": 1,
            "disputed": 0,
            "refund_failed": 1,
        }


class TestPages:
    @pytest.fixture
    def many(self, make, session, monkeypatch):
        monkeypatch.setattr(queries_orders, "PER_PAGE", 3)
        plan = make.plan(stock=None)
        orders = [make.order(plan) for _ in range(8)]
        # Some of one moment: the page after goes on among them.
        for place, order in enumerate(orders):
            order.created_at = make.now + dt.timedelta(minutes=place // 3)
        session.flush()
        return orders

    @pytest.mark.parametrize("filters", [{}, {"oldest": True}, {"state": "pending"}, {"kind": "purchase"}])
    def test_every_order_once(self, session, many, filters):
        after, seen = None, []
        for _ in range(5):
            found = queries_orders.orders(session, Filters(**filters), after=after)
            seen += [order.id for order in found.items]
            after = found.after
            if after is None:
                break
        ids = [order.id for order in many]
        assert seen == (ids if filters.get("oldest") else ids[::-1])
        assert not found.more_to_look

    def test_a_coupon_used_often(self, make, session, many):
        one = coupon(make)
        for order in many:
            used(make, one, order)
        found = queries_orders.orders(session, Filters(coupon="SPRING"))
        assert [order.id for order in found.items] == [order.id for order in many[::-1][:3]]
        rest = queries_orders.orders(session, Filters(coupon="SPRING"), after=found.after)
        assert [order.id for order in rest.items] == [order.id for order in many[::-1][3:6]]

    def test_it_looks_through_only_so_many(self, session, many, monkeypatch):
        monkeypatch.setattr(queries_orders, "LOOKED_THROUGH", 4)
        many[0].method, many[0].plan_id = "card", many[0].lines[0].plan_id
        for order in many:
            order.plan_id = many[0].plan_id
        session.flush()
        filters = Filters(state="pending", method="card")
        found = queries_orders.orders(session, filters)
        assert (found.items, found.more_to_look, found.after) == ([], True, many[4].id)
        found = queries_orders.orders(session, filters, after=found.after)
        assert [order.id for order in found.items] == [many[0].id]
        assert found.after in (None, many[0].id)

    def test_the_page_offers_the_next_and_the_first(self, admin, make, monkeypatch):
        monkeypatch.setattr(queries_orders, "PER_PAGE", 2)
        plan = make.plan(stock=None)
        for _ in range(3):
            make.order(plan)
        first = text_of(admin.get("/admin/orders?state=pending"))
        assert first.count('data-label="Buyer"') == 2
        assert "To the beginning" not in first
        link = re.search(r'href="(/admin/orders\?[^"]*after=\d+[^"]*)"', first)
        assert link is not None
        assert "state=pending" in link[1]
        second = text_of(admin.get(link[1].replace("&amp;", "&")))
        assert second.count('data-label="Buyer"') == 1
        assert "To the beginning" in second

    def test_where_filters_meet_it_says_how_far_it_looked(self, admin, make, monkeypatch):
        monkeypatch.setattr(queries_orders, "LOOKED_THROUGH", 1)
        plan = make.plan(stock=None)
        for _ in range(2):
            make.order(plan)
        page = text_of(admin.get("/admin/orders?state=pending&method=card"))
        assert "None among the orders looked through" in page
        assert "Look further" in page


class TestPage:
    def test_tabs_and_words(self, admin, make):
        order = make.order()
        page = text_of(admin.get("/admin/orders"))
        for words in (
            "Needs attention",
            "Transfers with proof",
            "Failed refunds",
            "More filters",
            order.code,
        ):
            assert words in page, words
        chinese = text_of(in_language(admin, "zh").get("/admin/orders?kind=gift"))
        for words in ("需要处理", "有凭证的转账", "更多筛选", "没有这样的订单"):
            assert words in chinese, words

    def test_every_filter_is_kept_and_nonsense_is_not_minded(self, admin, make):
        make.order()
        page = text_of(
            admin.get(
                "/admin/orders?q=x&state=paid&plan=1&method=card&kind=gift&pay_by=transfer&coupon=C&sort=oldest"
            )
        )
        for chosen in ("paid", "card", "gift", "transfer", "oldest"):
            assert f'value="{chosen}" selected' in page, chosen
        assert 'value="C"' in page
        odd = (
            "/admin/orders?state=1&plan=x&method=y&kind=z&pay_by=q&show=w&since=e&until=r&after=99999&sort=t"
        )
        assert admin.get(odd).status_code == 200
        assert admin.get("/admin/orders?after=x").status_code == 200

    def test_the_table_of_record_has_all(self, admin, make, site_db):
        order = make.paid_order(None, make.member(name="Lin"), ref="pi_1")
        with site_db.uow() as session:
            row = session.get_one(Order, order.id)
            row.buyer_name, row.buyer_phone = "=Lin", "+86 1"
            one = Coupon(code="SPRING", kind="fixed", amount=1, created_at=make.now)
            session.add(one)
            session.flush()
            session.add(
                CouponUse(
                    coupon_id=one.id,
                    order_id=order.id,
                    member_id=row.member_id,
                    amount=1,
                    state="used",
                    created_at=make.now,
                )
            )
        for query in ("", "?coupon=SPRING", f"?q={order.code}", "?state=paid&kind=purchase"):
            answer = admin.get(f"/admin/orders/export.csv{query}")
            rows = list(csv.DictReader(io.StringIO(text_of(answer).lstrip("\ufeff"))))
            assert len(rows) == 1, query
            assert rows[0]["buyer_name"] == "'=Lin"
            assert rows[0]["buyer_phone"] == "'+86 1"
            assert (rows[0]["coupons"], rows[0]["quantity"]) == ("SPRING", "1")
            assert (rows[0]["provider"], rows[0]["reference"]) == ("stripe", "pi_1")

    @pytest.mark.parametrize(
        "query", ["", "?state=paid", "?kind=purchase&pay_by=gateway", "?q=pi_1", "?show=proof", "?coupon=X"]
    )
    def test_it_costs_the_same_with_many(self, admin, make, site_db, query):
        plan = make.plan(stock=None)
        make.paid_order(plan, ref="pi_1")
        admin.get(f"/admin/orders{query}")
        with count_statements(site_db.engine) as few:
            admin.get(f"/admin/orders{query}")
        for _ in range(6):
            make.paid_order(plan)
        with count_statements(site_db.engine) as many:
            admin.get(f"/admin/orders{query}")
        assert many.count == few.count, str(many)


def test_payments_can_be_opened_in_stripes_dashboard(make_app, make, site_db):
    app = make_app(QUNCLUB_STRIPE_KEY="sk_test_1", QUNCLUB_STRIPE_WEBHOOK_SECRETS="whsec_1")
    client = in_language(sign_in(app.test_client(), make.account(roles=("admin",))), "en")
    order = make.paid_order(ref="pi_1")
    assert "https://dashboard.stripe.com/test/payments/pi_1" in text_of(
        client.get(f"/admin/orders/{order.code}")
    )
    payment = make.payment(order)
    with site_db.uow() as session:
        session.get_one(Payment, payment.id).provider = "offline"
    assert "dashboard.stripe.com" not in text_of(client.get(f"/admin/orders/{order.code}"))
