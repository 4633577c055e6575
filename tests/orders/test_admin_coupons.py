"""The admin's coupons: list, form, switch, uses; who may see them; in both languages; at a constant cost."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.kernel.store import AuditEntry
from qunclub.orders.models_selling import Coupon
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

PATHS = ["", "/export.csv", "/new", "/{id}", "/{id}/edit", "/{id}/uses.csv"]
FORM = {"code": "spring-10", "kind": "percent", "percent": "10", "active": "y"}


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")


def fetch(db, ident):
    with db.session() as session:
        return session.get(Coupon, ident)


class TestWho:
    @pytest.mark.parametrize("path", PATHS)
    def test_only_admins(self, client, make, path):
        where = "/admin/coupons" + path.format(id=make.coupon().id)
        assert client.get(where).status_code == 303
        for roles in ((), ("instructor",), ("host",)):
            assert sign_in(client, make.account(roles=roles)).get(where).status_code == 403
        assert sign_in(client, make.account(roles=("admin",))).get(where).status_code == 200

    @pytest.mark.parametrize("path", ["/new", "/{id}/edit", "/{id}/switch", "/{id}/delete"])
    def test_only_admins_act(self, client, make, site_db, path):
        coupon = make.coupon()
        sign_in(client, make.account(roles=("instructor", "host")))
        assert post(client, "/admin/coupons" + path.format(id=coupon.id), FORM).status_code == 403
        assert fetch(site_db, coupon.id).version == 1

    def test_what_is_not_there(self, admin):
        for path in ("/77", "/77/edit", "/77/uses.csv"):
            assert admin.get(f"/admin/coupons{path}").status_code == 404
        for path in ("/77/switch", "/77/delete"):
            assert post(admin, f"/admin/coupons{path}").status_code == 404


class TestList:
    def test_nothing_yet(self, admin):
        page = text_of(admin.get("/admin/coupons"))
        assert "No coupons yet" in page
        assert "还没有优惠码" in text_of(in_language(admin, "zh").get("/admin/coupons"))

    def test_search_state_and_badges(self, admin, make, now, site_db):
        plan = make.plan(title="Master pass")
        live = make.coupon("SPRING", title="Open day", plans=[plan], max_uses=10)
        gone = make.coupon("GONE", amount=5_000, max_uses=1)
        make.order(plan, coupons=["GONE"])
        off = make.coupon("OFF", active=False)
        over = make.coupon("OVER", ends_at=now)

        def found(query):
            page = text_of(admin.get(f"/admin/coupons?{query}"))
            return [one.code for one in (live, gone, off, over) if one.code in page]

        page = text_of(admin.get("/admin/coupons"))
        for words in (
            "−20 %",
            "−CN¥50.00",
            "0 / 10",
            "1 / 1",
            "Used up",
            "Switched off",
            "Over",
            "Master pass",
            "all passes",
        ):
            assert words in page, words
        assert found("q=spr") == ["SPRING"]
        assert found("q=open day") == ["SPRING"]
        assert found("state=live") == ["SPRING"]
        assert found("state=used_up") == ["GONE"]
        assert found("state=off") == ["OFF"]
        assert found("state=over") == ["OVER"]
        assert found("state=overshot") == []
        assert found("state=nonsense") == ["SPRING", "GONE", "OFF", "OVER"]
        assert "No coupon found" in text_of(admin.get("/admin/coupons?q=zzz"))

    def test_csv(self, admin, make):
        make.coupon("SPRING", title="=1+1", plans=[make.plan(slug="master")])
        make.coupon("OTHER")
        answer = admin.get("/admin/coupons/export.csv?q=spr")
        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        assert [(row["code"], row["title"], row["plans"], row["percent"]) for row in rows] == [
            ("SPRING", "'=1+1", "master", "20")
        ]

    def test_it_costs_the_same_with_many(self, admin, make, site_db):
        plan = make.plan()
        paths = ["/admin/coupons"]

        def fill(n):
            for _ in range(n):
                code = make.coupon(plans=[plan]).code
            for _ in range(n):
                make.paid_order(make.plan(), coupons=[first.code])
            return code

        first = make.coupon("FIRST")
        paths.append(f"/admin/coupons/{first.id}")
        counts = []
        for n in (2, 6):
            fill(n)
            for path in paths:
                admin.get(path)
                with count_statements(site_db.engine) as seen:
                    admin.get(path)
                counts.append(seen.count)
        assert counts[:2] == counts[2:]


class TestForm:
    def test_making_one(self, admin, make, site_db):
        plan = make.plan()
        assert "New coupon" in text_of(admin.get("/admin/coupons/new"))
        answer = post(
            admin,
            "/admin/coupons/new",
            {
                "code": " spring-10 ", "title": "Open day", "kind": "fixed", "amount": "50.5", "currency": "cny",
                "ends_at": "2026-05-01T00:00", "max_uses": "3", "per_member": "1", "plan_ids": str(plan.id),
                "stackable": "y", "active": "y",
            },
        )  # fmt: skip
        assert answer.status_code == 303
        with site_db.session() as session:
            made = session.scalars(select(Coupon)).one()
            assert (made.code, made.kind, made.amount, made.currency) == ("SPRING-10", "fixed", 5_050, "CNY")
            assert (made.max_uses, made.per_member, made.stackable, made.active) == (3, 1, True, True)
            # The form speaks the club's time (Shanghai), the row UTC.
            assert made.ends_at.isoformat() == "2026-04-30T16:00:00+00:00"
            assert "coupon.create" in session.scalars(select(AuditEntry.action)).all()
        page = text_of(admin.get(answer.location))
        for words in ("SPRING-10", "Open day", "−CN¥50.50", "Nobody has used it yet", plan.title):
            assert words in page, words

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ({"code": "春天"}, "Use 2 to 40 letters"),
            ({"percent": "0"}, "Number must be between 1 and 100."),
            ({"percent": ""}, "Write how many percent"),
            ({"kind": "fixed", "amount": "lots", "currency": "CNY"}, "Write the amount as a number"),
            ({"kind": "fixed", "amount": "", "currency": "CNY"}, "Write how much it takes off."),
            ({"kind": "fixed", "amount": "5", "currency": ""}, "three letters of a currency"),
            (
                {"starts_at": "2026-05-02T00:00", "ends_at": "2026-05-01T00:00"},
                "It has to end after it begins.",
            ),
            ({"max_uses": "0"}, "Number must be"),
            ({"code": "TAKEN"}, "There is a coupon with this code."),
        ],
    )
    def test_what_is_wrong_is_named_and_what_was_typed_kept(self, admin, make, typed, words):
        make.coupon("TAKEN")
        answer = post(admin, "/admin/coupons/new", {**FORM, "title": "Kept as typed", **typed})
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert words in text_of(answer)
        assert 'value="Kept as typed"' in page

    def test_a_stale_save_loses_nothing(self, admin, make, site_db):
        coupon = make.coupon("SPRING")
        form = {**FORM, "code": "SPRING", "version": "1"}
        where = f"/admin/coupons/{coupon.id}/edit"
        assert 'value="SPRING"' in admin.get(where).get_data(as_text=True)
        assert post(admin, where, {**form, "percent": "30"}).status_code == 303
        answer = post(admin, where, {**form, "percent": "40"})
        assert answer.status_code == 409
        assert "Nothing was overwritten" in text_of(answer)
        assert 'value="40"' in answer.get_data(as_text=True)
        assert fetch(site_db, coupon.id).percent == 30
        assert post(admin, where, {**form, "percent": "40", "version": "2"}).status_code == 303
        assert fetch(site_db, coupon.id).percent == 40


class TestOne:
    def test_switched_off_and_on(self, admin, make, site_db):
        coupon = make.coupon("SPRING")
        where = f"/admin/coupons/{coupon.id}/switch"
        answer = post(admin, where, {"active": "0"}, follow_redirects=True)
        assert "The coupon is switched off." in text_of(answer)
        assert not fetch(site_db, coupon.id).active
        post(admin, where, {"active": "1"})
        assert fetch(site_db, coupon.id).active

    def test_deleted_only_when_no_order_names_it(self, admin, make, site_db):
        used, unused = make.coupon(), make.coupon()
        make.order(coupons=[used.code])
        answer = post(admin, f"/admin/coupons/{used.id}/delete", follow_redirects=True)
        assert "Orders name this coupon, so it stays." in text_of(answer)
        assert post(admin, f"/admin/coupons/{unused.id}/delete").status_code == 303
        assert (fetch(site_db, used.id) is not None, fetch(site_db, unused.id)) == (True, None)

    def test_its_orders_and_what_was_overshot(self, admin, make, now, site_db):
        coupon = make.coupon("ONE", max_uses=1)
        late = make.order(make.plan(), make.member(name="Lin"), coupons=["ONE"])
        with site_db.uow() as session:
            orders.expire_order(session, order_code=late.code, now=now, actor=Actor.system("sweeper"))
        taken = make.paid_order(make.plan(), make.member(name="Mei"), coupons=["ONE"])
        with site_db.uow() as session:
            orders.record_payment(
                session,
                order_code=late.code,
                provider="stripe",
                ref="pi_late",
                method="card",
                amount=late.total,
                currency="CNY",
                now=now,
                actor=Actor.system("stripe"),
            )
        page = text_of(admin.get(f"/admin/coupons/{coupon.id}"))
        for words in ("Paid for more often than it allows", late.code, taken.code, "Lin", "Mei", "−CN¥39.80"):
            assert words in page, words
        only = text_of(admin.get(f"/admin/coupons/{coupon.id}?state=overshot"))
        assert late.code in only and taken.code not in only
        assert "None in this state" in text_of(admin.get(f"/admin/coupons/{coupon.id}?state=held"))
        assert "1 overshot" in text_of(admin.get("/admin/coupons?state=overshot"))
        assert "超出了限额" in text_of(in_language(admin, "zh").get(f"/admin/coupons/{coupon.id}"))
        in_language(admin, "en")
        # The order's own story says so too.
        assert "honoured and counted as overshot" in text_of(admin.get(f"/admin/orders/{late.code}"))
        answer = admin.get(f"/admin/coupons/{coupon.id}/uses.csv?state=overshot")
        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        assert [(row["order"], row["name"], row["amount"], row["state"]) for row in rows] == [
            (late.code, "Lin", "3980", "overshot")
        ]
