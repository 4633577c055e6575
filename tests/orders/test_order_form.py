"""The order form: what is bought for how much, coupons, gifts, details, strangers, and what stands in the way."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from qunclub.kernel import Actor
from qunclub.orders import transfer_settings
from qunclub.orders.models import Order
from qunclub.orders.models_selling import ClaimCode, Coupon
from qunclub.passes.models import Pass, Plan, PlanUpgrade, PriceStep
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

FORM = "/passes/master/order"
ADMIN = Actor("a", "Admin", roles=frozenset({"admin"}))


@pytest.fixture
def plan(make):
    return make.plan(
        slug="master", title="Master pass", stock=50, gift_max=10, refund_days=7, refund_progress=30
    )


@pytest.fixture
def me(make):
    return make.account(name="Lin")


def coupon(shop, code="SPRING", **values):
    given = {"kind": "percent", "percent": 20, **values}
    with shop.db.uow() as session:
        session.add(
            Coupon(
                code=code,
                kind=given["kind"],
                percent=given.get("percent"),
                amount=given.get("amount"),
                currency=given.get("currency", ""),
                stackable=given.get("stackable", False),
                per_member=given.get("per_member"),
                max_uses=given.get("max_uses"),
                created_at=shop.clock(),
            )
        )


def change(shop, plan, **values):
    with shop.db.uow() as session:
        row = session.get_one(Plan, plan.id)
        for name, value in values.items():
            setattr(row, name, value)


def flat(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(response)))


class TestPrice:
    def test_says_what_is_bought_and_what_it_costs(self, shop, plan, me):
        page = shop.buyer(me).get(FORM)
        said = flat(page)
        assert page.status_code == 200
        for words in (
            "Master pass",
            "CN¥199.00",
            "for life",
            "Paid once; nothing is charged again.",
            "You can give it back yourself within 7 days, with up to 30% of its lessons done",
        ):
            assert words in said, words

    def test_in_chinese(self, shop, plan, me):
        said = flat(shop.buyer(me, "zh").get(FORM))
        for words in (
            "费用明细",
            "下单并支付",
            "购买后 7 天内、学习进度不超过 30% 时，可以自助退款。",
            "送人，或给团队购买",
        ):
            assert words in said, words

    def test_an_early_price_says_what_comes_after_it(self, shop, plan, me):
        with shop.db.uow() as session:
            session.add(
                PriceStep(
                    plan_id=plan.id,
                    position=0,
                    price=9_900,
                    until_at=shop.clock() + dt.timedelta(days=3),
                    until_sold=40,
                )
            )
        said = flat(shop.buyer(me).get(FORM))
        assert "CN¥99.00" in said
        assert "or for 40 more passes, whichever comes first. After that it costs CN¥199.00." in said

    def test_a_membership_says_that_it_is_charged_again(self, shop, plan, me):
        change(shop, plan, interval="month", gift_max=0)
        said = flat(shop.buyer(me).get(FORM))
        assert "each month, until you cancel" in said
        assert "To pay now CN¥199.00" in said
        assert "Then CN¥199.00 each month, until you cancel." in said

    def test_a_renewal_says_until_when(self, shop, make, plan):
        change(shop, plan, validity_days=30)
        account, member = make.person()
        make.paid_order(plan, member)
        said = flat(shop.buyer(account).get(FORM))
        assert "You hold this pass until May 15, 2026." in said
        assert "This order extends it until Jun 14, 2026." in said

    def test_an_upgrade_shows_its_arithmetic(self, shop, make, plan):
        base = make.plan(title="Small pass", price=5_000)
        with shop.db.uow() as session:
            session.add(PlanUpgrade(plan_id=plan.id, from_plan_id=base.id))
        account, member = make.person()
        make.paid_order(base, member)
        client = shop.buyer(account)
        said = flat(client.get(FORM))
        assert "Your pass “Small pass” counts for −CN¥50.00" in said
        assert "Total CN¥149.00" in said
        order = shop.buy(client, plan)
        assert (order.total, shop.order(order.code).kind) == (14_900, "purchase")
        assert "counts for −CN¥50.00" in flat(client.get(f"/checkout/{order.code}"))

    def test_what_is_free_is_not_asked_how_to_pay(self, shop, make, me):
        make.plan(slug="free", price=0)
        said = flat(shop.buyer(me).get("/passes/free/order"))
        assert "Get it for free" in said
        assert "How you pay" not in said


class TestCoupons:
    def test_the_link_brings_it(self, shop, plan, me):
        coupon(shop)
        said = flat(shop.buyer(me).get(FORM + "?coupon=spring"))
        assert "Coupon SPRING −CN¥39.80" in said
        assert "Total CN¥159.20" in said

    def test_it_is_counted_and_ordered(self, shop, plan, me):
        coupon(shop)
        client = shop.buyer(me)
        fragment = post(client, FORM + "/quote", {"coupon": " spring "}, htmx=True)
        assert "<html" not in text_of(fragment)
        assert "CN¥159.20" in text_of(fragment)
        post(client, FORM, {"coupon": "spring", "seen": "15920"})
        assert (shop.newest().total, shop.newest().discount) == (15_920, 3_980)
        assert shop.healthy()

    def test_without_javascript_the_whole_page_comes(self, shop, plan, me):
        coupon(shop)
        client = shop.buyer(me)
        page = post(client, FORM + "/quote", {"coupon": "spring", "quote": "1"})
        assert "<html" in text_of(page)
        assert "CN¥159.20" in text_of(page)
        assert client.get(FORM + "/quote?coupon=spring").location == FORM + "?coupon=spring"

    def test_a_wrong_one_is_named_at_its_field_and_the_rest_is_kept(self, shop, plan, me):
        client = shop.buyer(me)
        sent = {"gift": "1", "quantity": "3", "recipients": "Bo, bo@example.com", "coupon": "NOPE"}
        answer = post(client, FORM, sent)
        page = text_of(answer)
        assert answer.status_code == 422
        assert 'id="coupon-error"' in page
        assert "There is no coupon “NOPE”." in page
        for kept in ('value="NOPE"', 'value="3"', "Bo, bo@example.com", "CN¥597.00"):
            assert kept in page, kept
        assert shop.rows(Order) == []

    def test_two_at_once_only_when_both_allow_it(self, shop, plan, me):
        coupon(shop, "AAA", stackable=True)
        coupon(shop, "BBB", kind="fixed", percent=None, amount=1_000, currency="CNY", stackable=True)
        coupon(shop, "CCC")
        client = shop.buyer(me)
        assert "CN¥149.20" in flat(post(client, FORM + "/quote", {"coupon": "aaa, bbb"}, htmx=True))
        refused = flat(post(client, FORM + "/quote", {"coupon": "aaa ccc"}, htmx=True))
        assert "The coupon “CCC” cannot be combined with another one." in refused
        assert "Total CN¥199.00" in refused

    def test_all_of_it_off_needs_no_payment(self, shop, plan, me):
        coupon(shop, percent=100)
        answer = post(shop.buyer(me), FORM, {"coupon": "SPRING"})
        assert answer.location == f"/welcome/{shop.passes()[0].id}"
        assert shop.healthy()


class TestGifts:
    def test_three_for_the_team(self, shop, plan, me):
        client = shop.buyer(me)
        sent = {
            "gift": "1",
            "quantity": "3",
            "recipients": "Bo, bo@example.com\nAn",
            "message": "Welcome",
            "seen": "59700",
        }
        post(client, FORM, sent)
        order = shop.newest()
        assert (order.kind, order.total) == ("gift", 59_700)
        codes = shop.rows(ClaimCode)
        assert [(c.recipient_name, c.recipient_email, c.state) for c in codes] == [
            ("Bo", "bo@example.com", "unpaid"),
            ("An", "", "unpaid"),
            ("", "", "unpaid"),
        ]
        shop.sandbox.pay(order.checkout_ref)
        assert client.get(f"/checkout/{order.code}/return").location == f"/orders/{order.code}/codes"
        assert shop.mails().count("gift") == 1
        assert shop.healthy()

    @pytest.mark.parametrize(
        ("sent", "field", "says"),
        [
            ({"quantity": "11"}, "quantity", "At most 10 in one order."),
            ({"quantity": "0"}, "quantity", "at least 1"),
            ({"quantity": "many"}, "quantity", "Not a valid integer value."),
            ({"quantity": "2", "recipients": "Bo, bo@"}, "recipients", "Line 1"),
            ({"quantity": "1", "recipients": "Bo\nAn"}, "recipients", "There are more people than passes"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, shop, plan, me, sent, field, says):
        answer = post(shop.buyer(me), FORM, {"gift": "1", **sent})
        assert answer.status_code == 422
        assert f'id="{field}-error"' in text_of(answer)
        assert says in text_of(answer)
        assert shop.rows(Order) == []

    def test_not_offered_where_the_plan_does_not(self, shop, make, me):
        make.plan(slug="single")
        client = shop.buyer(me)
        assert "For whom" not in text_of(client.get("/passes/single/order"))
        post(client, "/passes/single/order", {"gift": "1", "quantity": "4"})
        assert (shop.newest().kind, shop.newest().total) == ("purchase", 19_900)

    def test_the_holder_for_life_may_still_give(self, shop, make, plan):
        account, member = make.person()
        make.pass_(plan, member)
        client = shop.buyer(account)
        assert "You hold this pass for life already" in text_of(client.get(FORM))
        assert post(client, FORM, {"gift": "1", "quantity": "1"}).location.startswith(shop.sandbox.url)


class TestNothingToOrder:
    def test_no_form_that_only_leads_to_the_same_sentence(self, shop, make):
        single = make.plan(slug="single")
        account, member = make.person()
        client = shop.buyer(account)
        assert 'id="order-form"' in text_of(client.get("/passes/single/order"))
        make.pass_(single, member)
        page = text_of(client.get("/passes/single/order"))
        assert "You hold this pass for life already" in page and "See the other passes" in page
        assert 'id="order-form"' not in page and "Order and pay" not in page


class TestDetails:
    def test_only_what_the_plan_asks_for(self, shop, plan, me):
        client = shop.buyer(me)
        assert 'name="phone"' not in text_of(client.get(FORM))
        change(shop, plan, asks="name,phone")
        page = text_of(client.get(FORM))
        assert 'name="phone"' in page
        assert 'name="address"' not in page
        refused = post(client, FORM, {"name": "Lin", "phone": ""})
        assert refused.status_code == 422
        assert 'id="phone-error"' in text_of(refused)
        assert 'value="Lin"' in text_of(refused)
        post(client, FORM, {"name": "Lin", "phone": "139", "address": "nowhere"})
        order = shop.newest()
        assert (order.buyer_name, order.buyer_phone, order.buyer_address) == ("Lin", "139", "")

    def test_counting_does_not_complain_of_what_is_still_empty(self, shop, plan, me):
        change(shop, plan, asks="name,phone")
        fragment = post(shop.buyer(me), FORM + "/quote", {"name": "", "phone": ""}, htmx=True)
        assert fragment.status_code == 200
        assert "error" not in text_of(fragment)


class TestStrangers:
    def test_may_look_and_fill_in(self, shop, plan):
        page = in_language(shop.visitor, "en").get(FORM)
        assert page.status_code == 200
        assert "To order you sign in or make an account" in text_of(page)
        assert "CN¥398.00" in text_of(
            post(shop.visitor, FORM + "/quote", {"gift": "1", "quantity": "2"}, htmx=True)
        )

    def test_sign_in_and_find_it_as_it_was(self, shop, plan, me):
        change(shop, plan, asks="name")
        client = in_language(shop.app.test_client(), "en")
        sent = {
            "gift": "1",
            "quantity": "2",
            "recipients": "Bo, bo@example.com",
            "coupon": "X1",
            "name": "Lin Lan",
        }
        answer = post(client, FORM, sent)
        assert answer.status_code == 303
        assert answer.location.startswith("/account/sign-in?next=")
        assert "recipients" not in answer.location
        assert "Lin" not in answer.location
        back = parse_qs(urlsplit(answer.location).query)["next"][0]
        page = text_of(in_language(sign_in(client, me), "en").get(back))
        for kept in ('value="2"', "Bo, bo@example.com", 'value="X1"', 'value="Lin Lan"'):
            assert kept in page, kept
        assert shop.rows(Order) == []

    def test_what_was_kept_is_forgotten_after_ordering(self, shop, plan, me):
        client = in_language(shop.app.test_client(), "en")
        post(client, FORM, {"gift": "1", "quantity": "2", "recipients": "Bo, bo@example.com"})
        sign_in(client, me)
        assert "bo@example.com" in text_of(client.get(FORM + "?gift=1"))
        post(client, FORM, {})
        assert "bo@example.com" not in text_of(client.get(FORM + "?gift=1"))

    def test_a_forged_keepsake_is_ignored(self, shop, plan):
        shop.visitor.set_cookie("qunclub_order", "nonsense")
        assert shop.visitor.get(FORM).status_code == 200


class TestInTheWay:
    def test_drafts_and_hidden_plans(self, shop, make, me):
        make.plan(slug="secret", state="draft")
        hidden = make.plan(slug="hidden")
        change(shop, hidden, hidden=True, link_key="opensesame")
        client = shop.buyer(me)
        assert client.get("/passes/secret/order").status_code == 404
        assert client.get("/passes/hidden/order").status_code == 404
        assert client.get("/passes/hidden/order?key=wrong").status_code == 404
        page = client.get("/passes/hidden/order?key=opensesame")
        assert 'action="/passes/hidden/order?key=opensesame"' in text_of(page)
        assert post(client, "/passes/hidden/order").status_code == 404
        assert post(client, "/passes/hidden/order?key=opensesame").location.startswith(shop.sandbox.url)

    def test_nobody_is_charged_more_than_they_read(self, shop, plan, me):
        client = shop.buyer(me)
        answer = post(client, FORM, {"seen": "14900"})
        assert answer.status_code == 409
        assert "It now costs CN¥199.00, more than this page said." in text_of(answer)
        assert shop.rows(Order) == []
        assert post(client, FORM, {"seen": "19900"}).location.startswith(shop.sandbox.url)

    def test_cheaper_is_fine(self, shop, plan, me):
        assert post(shop.buyer(me), FORM, {"seen": "29900"}).location.startswith(shop.sandbox.url)

    def test_another_open_order_is_shown(self, shop, plan, me):
        coupon(shop)
        client = shop.buyer(me)
        first = shop.buy(client, plan)
        answer = post(client, FORM, {"coupon": "SPRING"})
        assert answer.status_code == 409
        assert f"/checkout/{first.code}" in text_of(answer)

    def test_a_double_click_is_one_order(self, shop, plan, me):
        client = shop.buyer(me)
        sent = {"gift": "1", "quantity": "2", "recipients": "Bo, bo@example.com"}
        first, second = (post(client, FORM, sent).location for _ in range(2))
        assert first == second
        assert len(shop.rows(Order)) == 1
        assert len(shop.rows(ClaimCode)) == 2
        # For other people it is another gift.
        post(client, FORM, {**sent, "recipients": "An, an@example.com"})
        assert len(shop.rows(Order)) == 2
        assert shop.healthy()

    def test_order_again_keeps_the_content(self, shop, plan, me):
        client = shop.buyer(me)
        post(
            client, FORM, {"gift": "1", "quantity": "2", "recipients": "Bo, bo@example.com", "message": "Hi"}
        )
        code = shop.newest().code
        post(client, f"/checkout/{code}/cancel")
        assert f"/passes/master/order?again={code}" in text_of(client.get(f"/checkout/{code}"))
        page = text_of(client.get(f"{FORM}?again={code}"))
        for kept in ('value="2"', "Bo, bo@example.com, Hi", "CN¥398.00"):
            assert kept in page, kept

    def test_other_peoples_orders_fill_nothing_in(self, shop, make, plan, me):
        post(shop.buyer(me), FORM, {"gift": "1", "quantity": "2", "recipients": "Bo, bo@example.com"})
        code = shop.newest().code
        assert "bo@example.com" not in text_of(shop.buyer(make.account()).get(f"{FORM}?again={code}"))
        assert "bo@example.com" not in text_of(shop.visitor.get(f"{FORM}?again={code}"))


class TestTransfers:
    @pytest.fixture
    def open_account(self, shop):
        with shop.db.uow() as session:
            transfer_settings.save(
                session,
                on=True,
                text={"zh": "", "en": ""},
                account="Bank 1234",
                days=3,
                currencies=["CNY"],
                now=shop.clock(),
                actor=ADMIN,
            )

    def test_offered_when_switched_on(self, shop, plan, me, open_account):
        client = shop.buyer(me)
        assert "By transfer; an admin confirms" in text_of(client.get(FORM))
        answer = post(client, FORM, {"pay_by": "transfer"}, follow_redirects=True)
        assert "Bank 1234" in text_of(answer) or "To the account and the reference" in text_of(answer)
        order = shop.newest()
        assert order.pay_by == "transfer"
        assert order.expires_at - order.created_at == dt.timedelta(days=3)

    def test_not_for_memberships_nor_when_off(self, shop, plan, me, open_account):
        change(shop, plan, interval="month", gift_max=0)
        assert "By transfer" not in text_of(shop.buyer(me).get(FORM))

    def test_off(self, shop, plan, me):
        assert "By transfer" not in text_of(shop.buyer(me).get(FORM))
        post(shop.buyer(me), FORM, {"pay_by": "transfer"})
        assert shop.newest().pay_by == "gateway"

    def test_away_offers_it(self, shop, plan, me, open_account):
        client = shop.buyer(me)
        shop.away()
        page = post(client, FORM, follow_redirects=True)
        assert "You can also pay it by transfer, see below." in text_of(page)


def test_the_form_costs_the_same_however_much_was_bought(shop, make, plan, me):
    client = shop.buyer(me)
    client.get(FORM)
    with count_statements(shop.db.engine) as few:
        client.get(FORM)
    for _ in range(5):
        make.paid_order(make.plan())
        make.gift(plan)
    with count_statements(shop.db.engine) as many:
        client.get(FORM)
    assert many.count == few.count
    assert shop.rows(Pass) != []


def test_a_paid_renewal_leads_to_its_pass(shop, make, plan):
    change(shop, plan, validity_days=30)
    account, member = make.person()
    make.paid_order(plan, member)
    client = shop.buyer(account)
    order = shop.buy(client, plan)
    shop.sandbox.pay(order.checkout_ref)
    held = shop.passes()[0]
    assert client.get(f"/checkout/{order.code}/return").location == f"/welcome/{held.id}"
    assert len(shop.passes()) == 1
    page = text_of(client.get(f"/orders/{order.code}"))
    assert f"/welcome/{held.id}" in page
    assert "Renewal" in text_of(client.get("/orders"))
    assert shop.healthy()


def test_the_giver_is_not_shown_the_passes_of_others(shop, make, plan):
    account, member = make.person()
    order = make.gift(plan, member)
    post(shop.buyer(make.account()), f"/claim/{shop.rows(ClaimCode)[0].code}")
    page = text_of(shop.buyer(account).get(f"/orders/{order.code}"))
    assert "What it bought" not in page
    assert "1 claimed, 0 not yet." in page


def test_a_memberships_coupon_lowers_the_first_charge_only(shop, plan, me):
    change(shop, plan, interval="month", gift_max=0)
    coupon(shop)
    client = shop.buyer(me)
    post(client, FORM, {"coupon": "SPRING", "seen": "15920"})
    order = shop.newest()
    kept = shop.sandbox.client().v1.checkout.sessions.retrieve(order.checkout_ref)
    assert (kept.mode, kept.amount_total) == ("subscription", 15_920)
    shop.sandbox.pay(order.checkout_ref)
    held_at = client.get(f"/checkout/{order.code}/return").location
    assert held_at == f"/welcome/{shop.passes()[0].id}"
    assert shop.passes()[0].renews
    page = text_of(client.get(f"/orders/{order.code}"))
    assert "To pay now" in page
    assert "/memberships/" in page
    assert shop.healthy()
