"""The admin's desk: find an order, read its story, record a transfer, give money back, decide what is odd."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from qunclub.web import mailing
from tests.orders.desk import refresh
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

PATHS = [
    "/admin/orders",
    "/admin/orders/export.csv",
    "/admin/orders/{code}",
    "/admin/orders/payments/{payment}/refund",
    "/admin/gateway",
]


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")


@pytest.fixture
def plan(make):
    return make.plan(slug="master", title="Master pass", line=make.group_line(name="Hall"), courses=[])


class TestWho:
    @pytest.mark.parametrize("path", PATHS)
    def test_only_admins(self, client, make, path):
        order = make.paid_order()
        where = path.format(code=order.code, payment=make.payment(order).id)
        assert client.get(where).status_code == 303
        for roles in ((), ("instructor",), ("host",)):
            assert sign_in(client, make.account(roles=roles)).get(where).status_code == 403
        assert sign_in(client, make.account(roles=("admin",))).get(where).status_code == 200

    @pytest.mark.parametrize("verb", ["transfer", "note", "fulfil", "cancel"])
    def test_only_admins_act(self, client, make, verb):
        order = make.order()
        sign_in(client, make.account(roles=("instructor",)))
        assert post(client, f"/admin/orders/{order.code}/{verb}").status_code == 403


class TestList:
    def test_nothing_yet(self, admin):
        assert "No orders yet" in text_of(admin.get("/admin/orders"))

    def test_search_and_filters(self, admin, make, plan, site_db):
        lin = make.member(name="Lin", email="lin@example.com", number=True)
        paid, other = make.paid_order(plan, lin, ref="pi_777"), make.order()

        def found(query):
            page = text_of(admin.get(f"/admin/orders?{query}"))
            return [order.code for order in (paid, other) if order.code in page]

        for query in (
            f"q={paid.code.lower()}", "q=Lin", "q=lin@example.com", f"q={lin.number}", "q=pi_777", "state=paid",
            f"plan={plan.id}", f"q=Lin&state=paid&plan={plan.id}&since=2026-04-15&until=2026-04-15",
        ):  # fmt: skip
            assert found(query) == [paid.code], query
        assert found("state=pending") == [other.code]
        assert found("since=2026-04-15") == [paid.code, other.code]
        assert found("until=2026-04-14") == []
        assert found("since=2026-04-16") == []
        assert found("state=nonsense&plan=x&since=y") == [paid.code, other.code]
        assert "No such order" in text_of(admin.get("/admin/orders?q=zzzzz"))

    def test_csv(self, admin, make, plan):
        lin = make.member(name="=Lin()", email="lin@example.com")
        order = make.paid_order(plan, lin, ref="pi_1")
        make.order()
        answer = admin.get("/admin/orders/export.csv?state=paid")
        assert answer.mimetype == "text/csv"
        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        assert len(rows) == 1
        assert (rows[0]["order"], rows[0]["name"], rows[0]["reference"]) == (order.code, "'=Lin()", "pi_1")
        assert (rows[0]["total"], rows[0]["received"], rows[0]["given_back"]) == ("19900", "19900", "0")

    def test_it_costs_the_same_with_many(self, admin, make, site_db):
        for _ in range(2):
            make.paid_order()
        admin.get("/admin/orders")
        with count_statements(site_db.engine) as few:
            admin.get("/admin/orders")
        for _ in range(8):
            make.paid_order()
        with count_statements(site_db.engine) as many:
            admin.get("/admin/orders")
        assert many.count == few.count


class TestStory:
    def test_everything_on_one_page(self, admin, make, plan, site_db):
        order = make.paid_order(plan, make.member(name="Lin", number=True))
        with count_statements(site_db.engine) as once:
            page = text_of(admin.get(f"/admin/orders/{order.code}"))
        for words in (
            "Master pass",
            "Lin",
            "Paid",
            "Order placed",
            "the passes are issued",
            "CN¥199.00",
            "Active",
        ):
            assert words in page, words
        assert once.count < 20

    def test_in_chinese(self, admin, make, plan):
        order = make.paid_order(plan)
        page = text_of(in_language(admin, "zh").get(f"/admin/orders/{order.code}"))
        assert "订单经过" in page
        assert "已支付，通行证已发放。" in page

    def test_no_such_order(self, admin):
        assert admin.get("/admin/orders/NOSUCH").status_code == 404
        assert post(admin, "/admin/orders/NOSUCH/note", {"text": "x"}).status_code == 404
        assert admin.get("/admin/orders/payments/77/refund").status_code == 404


class TestTransfer:
    def test_the_right_amount_issues_the_pass(self, admin, make, plan, site_db):
        order = make.order(plan)
        data = {"ref": "2026-1", "amount": "199.00", "method": "bank"}
        page = post(admin, f"/admin/orders/{order.code}/transfer", data, follow_redirects=True)
        assert "the pass is issued" in text_of(page)
        assert refresh(site_db, order).state == "paid"

    def test_another_amount_waits_for_a_decision(self, admin, make, plan, site_db):
        order = make.order(plan)
        data = {"ref": "2026-1", "amount": "1.99", "method": "bank"}
        page = text_of(post(admin, f"/admin/orders/{order.code}/transfer", data, follow_redirects=True))
        assert "The amount paid is not the amount of the order." in page
        assert refresh(site_db, order).state == "needs_attention"

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"ref": "", "amount": "199"}, "ref"),
            ({"ref": "x", "amount": "much"}, "amount"),
            ({"ref": "x", "amount": "0"}, "amount"),
            ({"ref": "taken", "amount": "199"}, "ref"),
        ],
    )
    def test_what_was_typed_is_kept(self, admin, make, plan, data, field):
        make.paid_order(provider="offline", ref="taken")
        order = make.order(plan)
        answer = post(admin, f"/admin/orders/{order.code}/transfer", {"method": "bank", **data})
        assert answer.status_code == 422
        page = text_of(answer)
        assert f'id="{field}-error"' in page
        assert f'value="{data["amount"]}"' in page


class TestCancel:
    def test_cancel(self, admin, make, plan, site_db):
        order = make.order(plan)
        post(admin, f"/admin/orders/{order.code}/cancel")
        assert refresh(site_db, order).state == "cancelled"
        page = post(admin, f"/admin/orders/{order.code}/cancel", follow_redirects=True)
        assert page.status_code == 200


@pytest.mark.parametrize(
    ("locale", "subject"), [("en", "Your pass is ready: Master pass"), ("zh", "你的通行证已就绪")]
)
@pytest.mark.parametrize("template", ["receipt", "refund", "order_attention"])
def test_the_mails_read_well(app, template, locale, subject):
    contexts: dict[str, dict[str, Any]] = {
        "receipt": {"lines": [{"title": "Master pass", "quantity": 1}], "total": 19900, "currency": "CNY"},
        "refund": {"amount": 900, "currency": "CNY", "ended": True},
        "order_attention": {"reason": "The amount paid is not the amount of the order."},
    }
    sent = []

    class Box:
        def send(self, message):
            sent.append(message)

    state = app.extensions["qunclub"]
    state.mailer = Box()
    payload = {"to": "a@example.com", "template": template, "locale": locale}
    payload["context"] = {"code": "ABC1234567", **contexts[template]}
    with app.app_context():
        mailing.deliver(state, payload, "k")
    message = sent[0]
    assert message.subject
    assert "ABC1234567" in message.body
    assert "{{" not in message.body
    if template == "receipt":
        assert subject in message.subject
    if locale == "zh":
        assert "order" not in message.body.replace("/orders/", "").lower()
