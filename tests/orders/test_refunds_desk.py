"""The desk's page for giving back: what it says, before and after, and who may use it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.kernel.store import AuditEntry
from qunclub.orders import doctor, services_claims
from qunclub.orders.models import Payment
from tests.orders.desk import GATEWAY, confirm, money, refresh
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")


@pytest.fixture
def plan(make):
    return make.plan(slug="master", title="Master pass", line=make.group_line(name="Hall"), gift_max=9)


class TestRefund:
    def test_it_shows_the_exact_effect_first_and_afterwards(self, admin, make, plan, site_db):
        order = make.paid_order(plan)
        where = f"/admin/orders/payments/{make.payment(order).id}/refund"
        assert 'value="199.00"' in text_of(admin.get(where))
        shown = text_of(admin.get(where + "?amount=199.00&reason=asked"))
        for words in (
            "This gives back CN¥199.00",
            "Card: the payment service sends it the way it came.",
            "The pass Master pass.",
            "The seat in Hall",
            "The number, homework",
        ):
            assert words in shown, words
        assert refresh(site_db, order).state == "paid"
        done = confirm(admin, where, shown).location
        assert confirm(admin, where, shown).location == done  # a double click
        assert make.payment(order).refunded == 19_900
        page = text_of(admin.get(done))
        for words in ("What has ended:", "The pass Master pass.", "On its way", "asked"):
            assert words in page, words
        with site_db.session() as session:
            acts = [entry.action for entry in session.scalars(select(AuditEntry))]
            assert acts.count("order.refund") == 1
            assert doctor.check(session, make.now) == []

    def test_a_part_leaves_the_pass(self, admin, make, plan):
        order = make.paid_order(plan)
        shown = text_of(
            admin.get(f"/admin/orders/payments/{make.payment(order).id}/refund?amount=1&reason=kind")
        )
        assert "The pass stays" in shown
        assert "CN¥198.00 of this payment stays." in shown

    def test_the_whole_order_with_two_payments(self, admin, make, plan, site_db):
        order = make.paid_order(plan)
        money(site_db, order, make, ref="bank-7", provider="offline", amount=500)
        where = f"/admin/orders/{order.code}/refund"
        form = text_of(admin.get(where))
        for words in ("CN¥5.00", "bank-7", "Nothing given for it", "Of which payment"):
            assert words in form, words
        shown = text_of(admin.get(where + "?what=whole&reason=all"))
        assert "This gives back CN¥204.00" in shown
        assert "reference bank-7: send it yourself" in shown
        page = text_of(admin.get(confirm(admin, where, shown).location))
        assert "Send the transfer if you have not done so yet." in page
        assert refresh(site_db, order).state == "refunded"
        assert "Nothing is left to give back" in text_of(admin.get(where))

    def test_claim_codes(self, admin, make, plan, site_db):
        order = make.paid_order(plan, quantity=3, gift=True)
        with site_db.session() as session:
            codes = services_claims.codes_of(session, order.id)
        where = f"/admin/orders/{order.code}/refund"
        form = text_of(admin.get(where))
        assert codes[0].code in form
        refused = admin.get(where + "?what=codes&reason=r")
        assert refused.status_code == 422
        assert 'id="codes-error"' in text_of(refused)
        shown = text_of(admin.get(f"{where}?what=codes&codes={codes[0].id}&codes={codes[2].id}&reason=r"))
        assert "This gives back CN¥398.00" in shown
        assert "The other codes" in shown
        page = text_of(admin.get(confirm(admin, where, shown).location))
        assert "worth CN¥199.00" in page
        with site_db.session() as session:
            states = [code.state for code in services_claims.codes_of(session, order.id)]
            assert states == ["revoked", "open", "revoked"]
            assert doctor.check(session, make.now) == []
        assert refresh(site_db, order).state == "paid"

    def test_what_changed_meanwhile_is_shown_again(self, admin, make, plan, site_db):
        buyer = make.member()
        order = make.paid_order(plan, buyer)
        where = f"/admin/orders/{order.code}/refund"
        shown = text_of(admin.get(where + "?what=whole&reason=r"))
        make.paid_order(make.plan(line=None), buyer)
        with site_db.uow() as session:
            paid = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
            orders.refund(
                session, payment_id=paid.id, amount=100, reason="", key="x", actor=GATEWAY, now=make.now
            )
        answer = confirm(admin, where, shown)
        assert answer.status_code == 422
        page = text_of(answer)
        assert "Something changed since you looked." in page
        assert "This gives back CN¥198.00" in page
        assert confirm(admin, where, page).status_code == 303
        assert refresh(site_db, order).refunded == 19_900

    def test_an_upgrade_goes_back_first(self, admin, make):
        buyer = make.member()
        base = make.plan(price=100)
        first = make.paid_order(base, buyer)
        second = make.paid_order(make.plan(price=300, upgrades_from=(base.id,)), buyer)
        where = f"/admin/orders/{first.code}/refund"
        page = text_of(admin.get(where + "?what=whole&reason=r"))
        assert f"Give back the order {second.code} first." in page
        assert f"/admin/orders/{second.code}/refund" in page
        refused = post(admin, where, {"what": "whole", "reason": "r", "key": "k"})
        assert refused.status_code == 422
        assert second.code in text_of(refused)

    @pytest.mark.parametrize("amount", ["0", "199.01", "x", "-1", ""])
    def test_impossible_amounts(self, admin, make, plan, amount):
        order = make.paid_order(plan)
        where = f"/admin/orders/payments/{make.payment(order).id}/refund"
        assert admin.get(where + f"?amount={amount}&reason=r").status_code == 422
        answer = post(admin, where, {"amount": amount, "reason": "kept", "key": "k"})
        assert answer.status_code == 422
        assert 'id="amount-error"' in text_of(answer)
        assert 'value="kept"' in text_of(answer)
        assert make.payment(order).refunded == 0

    def test_yen_have_no_cents(self, admin, make):
        order = make.paid_order(make.plan(price=1_500, currency="JPY"))
        where = f"/admin/orders/payments/{make.payment(order).id}/refund"
        assert 'value="1500"' in text_of(admin.get(where))
        assert admin.get(where + "?amount=1.50&reason=r").status_code == 422
        assert "¥1,500" in text_of(admin.get(where + "?amount=1500&reason=r"))

    def test_a_payment_of_another_order(self, admin, make, plan):
        order, other = make.paid_order(plan), make.paid_order(plan)
        where = f"/admin/orders/{order.code}/refund"
        data = {"what": "part", "payment": make.payment(other).id, "amount": "1", "reason": "r", "key": "k"}
        assert post(admin, where, data).status_code == 422
        assert make.payment(other).refunded == 0

    def test_only_admins(self, client, make, plan):
        order = make.paid_order(plan)
        where = f"/admin/orders/{order.code}/refund"
        for path in (where, f"/admin/orders/{order.code}/refunds/x"):
            assert client.application.test_client().get(path).status_code == 303
            for roles in ((), ("instructor",), ("host",)):
                assert sign_in(client, make.account(roles=roles)).get(path).status_code == 403
        assert post(client, where, {"what": "whole", "reason": "r", "key": "k"}).status_code == 403
        sign_in(client, make.account(roles=("admin",)))
        assert client.get("/admin/orders/NOSUCH/refund").status_code == 404
        assert client.get(f"/admin/orders/{order.code}/refunds/nokey").status_code == 404

    def test_in_chinese(self, admin, make, plan):
        order = make.paid_order(plan)
        page = text_of(in_language(admin, "zh").get(f"/admin/orders/{order.code}/refund?what=whole&reason=r"))
        for words in ("由支付平台原路退回", "保留的：", "在 Hall"):
            assert words in page, words

    def test_it_costs_the_same_for_many_codes(self, admin, make, plan, site_db):
        few, many = (make.paid_order(plan, quantity=n, gift=True) for n in (2, 9))
        for order in (few, many):
            with site_db.uow() as session:
                codes = services_claims.codes_of(session, order.id)
                for code in codes[1:]:
                    who = make_member(session, make)
                    services_claims.redeem(
                        session,
                        code=code.code,
                        member_id=who.id,
                        now=make.now,
                        actor=Actor("x", "X", member_id=who.id),
                    )
        counts = []
        admin.get(f"/admin/orders/{few.code}/refund?what=whole&reason=r")
        for order in (few, many):
            with count_statements(site_db.engine) as counted:
                page = text_of(admin.get(f"/admin/orders/{order.code}/refund?what=whole&reason=r"))
            assert "of member No." in page
            counts.append(counted.count)
        assert counts[0] == counts[1]


def make_member(session, make):
    from tests.factories import Make

    return Make(session, make.now).member()
