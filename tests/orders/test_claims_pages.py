"""Claim codes on the web: the buyer's page, the page of whoever was given one, the desk's."""

from __future__ import annotations

import re

import pytest

from qunclub.orders.models import Order
from qunclub.orders.models_selling import ClaimCode
from qunclub.orders.rules_claims import Recipient, spaced
from qunclub.passes.models import Pass
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


def flat(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(response)))


@pytest.fixture
def plan(make):
    return make.plan(
        slug="team", title="Team pass", gift_max=50, stock=100, courses=[make.course(title="First course")]
    )


@pytest.fixture
def giver(make):
    return make.person(name="Lin")


@pytest.fixture
def buyer(shop, giver):
    return shop.buyer(giver[0])


@pytest.fixture
def order(make, plan, giver):
    return make.gift(plan, giver[1], quantity=3, recipients=[Recipient("Bo", "bo@example.com", "Enjoy it")])


def codes(shop):
    return shop.rows(ClaimCode)


class TestBuyer:
    def test_sees_every_code_and_what_can_be_done(self, shop, buyer, order):
        page = buyer.get(f"/orders/{order.code}/codes")
        said = flat(page)
        first = codes(shop)[0]
        for words in (
            "Codes to give away",
            "Team pass",
            "Bo",
            "bo@example.com",
            spaced(first.code),
            "Not claimed yet",
        ):
            assert words in said, words
        assert f"/claim/{first.code}" in text_of(page)
        assert f"/orders/{order.code}/codes" in text_of(buyer.get(f"/orders/{order.code}"))
        assert "0 claimed, 3 not yet." in flat(buyer.get(f"/orders/{order.code}"))

    def test_in_chinese(self, shop, giver, order):
        said = flat(shop.buyer(giver[0], "zh").get(f"/orders/{order.code}/codes"))
        for words in ("赠送领取码", "待领取", "每个码只能用一次", "复制链接"):
            assert words in said, words

    def test_sees_who_claimed(self, shop, make, buyer, order):
        account = make.account(name="Bo Bo")
        post(shop.buyer(account), f"/claim/{codes(shop)[0].code}")
        said = flat(buyer.get(f"/orders/{order.code}/codes?state=claimed"))
        assert "Bo Bo" in said
        assert "claimed on" in said
        assert "Send by mail" not in said
        assert "No code in this state" in flat(buyer.get(f"/orders/{order.code}/codes?state=revoked"))

    @pytest.mark.parametrize("path", ["codes", "codes.csv", "codes/print", "codes/1.svg"])
    def test_nobody_else_sees_them(self, shop, make, order, path):
        assert shop.buyer(make.account()).get(f"/orders/{order.code}/{path}").status_code == 404
        assert shop.app.test_client().get(f"/orders/{order.code}/{path}").status_code == 303

    @pytest.mark.parametrize("verb", ["send", "renew", "revoke", "recipient"])
    def test_nobody_else_touches_them(self, shop, make, order, verb):
        before = [(c.code, c.state, c.recipient_email) for c in codes(shop)]
        ident = codes(shop)[0].id
        other = shop.buyer(make.account())
        assert (
            post(other, f"/orders/{order.code}/codes/{ident}/{verb}", {"seen": before[0][0]}).status_code
            == 404
        )
        # Nor through an order of their own.
        own = make.gift(of=make.person()[1])
        assert post(other, f"/orders/{own.code}/codes/{ident}/{verb}").status_code == 404
        assert [(c.code, c.state, c.recipient_email) for c in codes(shop)][:3] == before

    def test_names_somebody_and_sends(self, shop, buyer, order):
        ident = codes(shop)[1].id
        sent = {
            f"c{ident}-name": "An",
            f"c{ident}-email": "an@example.com",
            f"c{ident}-message": "Hi",
            "send": "1",
        }
        answer = post(buyer, f"/orders/{order.code}/codes/{ident}/recipient", sent)
        assert answer.location == f"/orders/{order.code}/codes#code-{ident}"
        row = codes(shop)[1]
        assert (row.recipient_name, row.recipient_email, row.sent_at) == (
            "An",
            "an@example.com",
            shop.clock(),
        )
        assert shop.mails().count("gift") == 2

    def test_a_wrong_address_is_said_at_its_field(self, shop, buyer, order):
        ident = codes(shop)[1].id
        sent = {f"c{ident}-name": "An", f"c{ident}-email": "nowhere"}
        answer = post(buyer, f"/orders/{order.code}/codes/{ident}/recipient", sent)
        assert answer.status_code == 422
        assert "This is not an e-mail address." in text_of(answer)
        assert 'value="nowhere"' in text_of(answer)

    def test_a_double_click_sends_one_mail(self, shop, buyer, order):
        ident = codes(shop)[0].id
        shop.clock.advance(minutes=20)
        seen = {"seen": codes(shop)[0].sent_at.isoformat()}
        for _ in range(2):
            post(buyer, f"/orders/{order.code}/codes/{ident}/send", seen)
        assert shop.mails().count("gift") == 2
        assert shop.dispatch() > 0

    def test_renews_and_revokes(self, shop, buyer, order):
        first = codes(shop)[0]
        page = post(
            buyer, f"/orders/{order.code}/codes/{first.id}/renew", {"seen": first.code}, follow_redirects=True
        )
        assert "There is a new code now" in text_of(page)
        assert codes(shop)[0].code != first.code
        page = post(buyer, f"/orders/{order.code}/codes/{first.id}/revoke", follow_redirects=True)
        assert "The code is revoked." in text_of(page)
        assert codes(shop)[0].state == "revoked"
        assert shop.healthy()

    def test_csv_vouchers_and_qr(self, shop, buyer, order):
        first = codes(shop)[0]
        table = text_of(buyer.get(f"/orders/{order.code}/codes.csv"))
        assert table.count("\n") == 4
        assert f"/claim/{first.code}" in table
        page = flat(buyer.get(f"/orders/{order.code}/codes/print"))
        assert page.count("Scan the code") == 3
        assert "For Bo, from Lin" in page
        assert "Enjoy it" in page
        assert (
            flat(buyer.get(f"/orders/{order.code}/codes/print?only={first.id}")).count("Scan the code") == 1
        )
        picture = buyer.get(f"/orders/{order.code}/codes/{first.id}.svg")
        assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")

    def test_before_it_is_paid(self, shop, make, plan, giver, buyer):
        order = make.gift(plan, giver[1], paid=False)
        page = text_of(buyer.get(f"/orders/{order.code}/codes"))
        assert "as soon as the order is paid" in page
        assert codes(shop)[0].code not in page
        assert buyer.get(f"/orders/{order.code}/codes.csv").status_code == 404

    def test_an_order_for_oneself_has_none(self, make, giver, buyer):
        assert buyer.get(f"/orders/{make.paid_order(of=giver[1]).code}/codes").status_code == 404

    def test_many_codes_cost_the_same(self, shop, make, plan, giver, buyer):
        few_of, many_of = (make.gift(plan, giver[1], quantity=number) for number in (2, 15))
        buyer.get(f"/orders/{few_of.code}/codes")
        with count_statements(shop.db.engine) as few:
            buyer.get(f"/orders/{few_of.code}/codes")
        with count_statements(shop.db.engine) as many:
            assert text_of(buyer.get(f"/orders/{many_of.code}/codes")).count("qc-claim-code") == 15
        assert many.count == few.count

    @pytest.mark.parametrize("path", ["orders/{}", "checkout/{}", "orders/{}/codes/print"])
    def test_other_pages_cost_the_same_with_many_codes(self, shop, make, plan, giver, buyer, path):
        few_of, many_of = (make.gift(plan, giver[1], quantity=number) for number in (2, 15))
        buyer.get("/" + path.format(few_of.code))
        with count_statements(shop.db.engine) as few:
            assert buyer.get("/" + path.format(few_of.code)).status_code == 200
        with count_statements(shop.db.engine) as many:
            assert buyer.get("/" + path.format(many_of.code)).status_code == 200
        assert many.count == few.count

    def test_the_mail_says_what_to_do(self, shop, order, app):
        from qunclub.web.mailing import deliver

        sent = []
        shop.state.mailer = type("Box", (), {"send": lambda self, message: sent.append(message)})()
        from qunclub.kernel.outbox import OutboxMessage

        rows = [row for row in shop.rows(OutboxMessage) if row.payload.get("template") == "gift"]
        for language in ("en", "zh"):
            with app.app_context():
                deliver(shop.state, {**rows[0].payload, "locale": language}, "k")
        assert sent[0].subject == "Lin gives you a pass: Team pass"
        assert f"/claim/{codes(shop)[0].code}" in sent[0].body
        assert "Enjoy it" in sent[0].body
        assert sent[1].subject == "Lin 送你一张通行证：Team pass"


class TestClaimer:
    def test_a_stranger_reads_who_gives_what(self, shop, order):
        page = in_language(shop.app.test_client(), "en").get(f"/claim/{codes(shop)[0].code}")
        said = flat(page)
        for words in (
            "A gift from Lin",
            "Team pass",
            "For Bo",
            "Enjoy it",
            "First course",
            "It costs you nothing",
            "Make an account and claim it",
        ):
            assert words in said, words
        assert "bo@example.com" not in said
        assert "noindex" in text_of(page)
        assert f"next=/claim/{codes(shop)[0].code}" in text_of(page)

    def test_in_chinese(self, shop, order):
        said = flat(in_language(shop.app.test_client(), "zh").get(f"/claim/{codes(shop)[0].code}"))
        assert "来自 Lin 的礼物" in said
        assert "注册并领取" in said

    def test_claims_and_is_welcomed(self, shop, make, order):
        client = shop.buyer(make.account(name="Bo"))
        code = codes(shop)[0].code
        assert "Claim it" in text_of(client.get(f"/claim/{code}"))
        answer = post(client, f"/claim/{code}")
        assert answer.location == f"/welcome/{shop.passes()[0].id}"
        assert client.get(answer.location).status_code == 200
        assert "You claimed this" in text_of(client.get(f"/claim/{code}"))
        assert post(client, f"/claim/{code}").location == answer.location
        assert len(shop.rows(Pass)) == 1
        assert shop.healthy()

    def test_a_stranger_who_posts_signs_in_and_comes_back(self, shop, order):
        code = codes(shop)[0].code
        answer = post(
            shop.app.test_client(), f"/claim/{code}", headers={"Referer": f"http://localhost/claim/{code}"}
        )
        assert answer.status_code == 303
        assert f"next=/claim/{code}" in answer.location.replace("%2F", "/")

    def test_type_it_in(self, shop, order):
        client = in_language(shop.app.test_client(), "en")
        assert "Claim a pass" in text_of(client.get("/claim"))
        code = codes(shop)[0].code
        assert post(client, "/claim", {"code": spaced(code).lower()}).location == f"/claim/{code}"
        assert post(client, "/claim", {"code": ""}).status_code == 422
        assert client.get(post(client, "/claim", {"code": "!!"}).location).status_code == 404

    def test_what_cannot_be_claimed_is_explained_and_tells_nothing(self, shop, make, buyer, order):
        first, second, third = codes(shop)
        post(shop.buyer(make.account(name="Secret Bo")), f"/claim/{first.code}")
        post(buyer, f"/orders/{order.code}/codes/{second.id}/revoke")
        client = shop.buyer(make.account())
        used = client.get(f"/claim/{first.code}")
        assert "This code was used already." in text_of(used)
        assert "Secret" not in text_of(used)
        assert "Lin" not in flat(used)
        assert "This code was revoked" in text_of(client.get(f"/claim/{second.code}"))
        with shop.db.uow() as session:
            session.get_one(Order, order.id).disputed = True
        assert "being looked into" in text_of(client.get(f"/claim/{third.code}"))
        assert post(client, f"/claim/{third.code}").status_code == 409
        unknown = client.get("/claim/AAAAAAAAAAAAAAAAAAAA")
        assert unknown.status_code == 404
        assert "There is no such code" in text_of(unknown)

    def test_an_unpaid_code_is_not_there(self, shop, make, plan):
        make.gift(plan, paid=False)
        assert shop.visitor.get(f"/claim/{codes(shop)[0].code}").status_code == 404

    def test_who_holds_it_for_life_is_told(self, shop, make, plan, order):
        account, member = make.person()
        make.pass_(plan, member)
        answer = post(shop.buyer(account), f"/claim/{codes(shop)[0].code}")
        assert answer.status_code == 409
        assert "The code stays open." in text_of(answer)
        assert codes(shop)[0].state == "open"

    def test_who_holds_it_with_an_end_gets_more_time(self, shop, make):
        plan = make.plan(gift_max=5, validity_days=30)
        account, member = make.person()
        make.paid_order(plan, member)
        make.gift(plan)
        page = post(shop.buyer(account), f"/claim/{codes(shop)[0].code}", follow_redirects=True)
        assert "it is now valid until Jun 14, 2026" in text_of(page)
        assert shop.healthy()

    def test_guessing_is_stopped(self, make_app, make, order):
        app = make_app(QUNCLUB_RATE_LIMITS="yes")
        client = sign_in(app.test_client(), make.account())
        for number in range(20):
            assert client.get(f"/claim/AAAAAAAAAAAAAAAAAAA{number % 10}").status_code == 404
        assert client.get("/claim/BBBBBBBBBBBBBBBBBBBB").status_code == 429
        assert post(client, "/claim/BBBBBBBBBBBBBBBBBBBB").status_code == 429


class TestDesk:
    def test_the_orders_page_shows_them_masked(self, shop, make, order):
        admin = shop.buyer(make.account(roles=("admin",)))
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        assert "Claim codes" in page
        assert codes(shop)[0].code not in page
        assert f"{codes(shop)[0].code[:5]}-…" in page

    def test_an_admin_revokes_and_sends(self, shop, make, order):
        admin = shop.buyer(make.account(roles=("admin",)))
        first, second, _ = codes(shop)
        shop.clock.advance(minutes=20)
        post(admin, f"/admin/orders/{order.code}/codes/{first.id}/send", {"seen": first.sent_at.isoformat()})
        assert shop.mails().count("gift") == 2
        post(admin, f"/admin/orders/{order.code}/codes/{second.id}/revoke")
        assert codes(shop)[1].state == "revoked"
        other = make.gift()
        assert post(admin, f"/admin/orders/{other.code}/codes/{first.id}/revoke").status_code == 404

    def test_nobody_else_may(self, shop, buyer, order):
        answer = post(buyer, f"/admin/orders/{order.code}/codes/{codes(shop)[0].id}/revoke")
        assert answer.status_code == 403
