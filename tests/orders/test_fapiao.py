"""Fapiao: asked for, changed, issued, refused, put right after a refund; tax numbers; both databases and the pages."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor, Conflict, Invalid, NotFound, Stale, outbox
from qunclub.kernel.store import AuditEntry
from qunclub.orders import queries_papers, rules_papers, services_fapiao
from qunclub.orders.models import Payment
from qunclub.orders.models_selling import Fapiao
from tests.concurrency.races import fetch
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
CREDIT = "91350100M000100Y43"
MINUTE = dt.timedelta(minutes=1)


def ask(session, order, now, **changes):
    values = {"kind": "company", "title": "Lake Ltd", "tax_no": CREDIT, "email": "a@lake.example", **changes}
    actor = values.pop("actor", Actor("buyer", "Lin", member_id=order.member_id))
    on = values.pop("on", True)
    return services_fapiao.ask(session, order_code=order.code, on=on, now=now, actor=actor, **values)


def issue(session, row, now, number="2511200000001"):
    return services_fapiao.issue(
        session, fapiao_id=row.id, number=number, seen=row.requested_at, now=now, actor=ADMIN
    )


def give_back(session, order, amount, now):
    payment = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
    orders.refund(
        session, payment_id=payment.id, amount=amount, reason="asked", key=f"k{amount}", actor=ADMIN, now=now
    )


def mails(session):
    rows = session.scalars(select(outbox.OutboxMessage).order_by(outbox.OutboxMessage.id))
    return [row.payload["template"] for row in rows if row.kind == "mail"]


class TestTaxNumbers:
    @pytest.mark.parametrize(
        "text",
        [
            CREDIT,
            "9135 0100 m000 100y 43",
            "91110108551385082Q",
            "11010519491231002X",
            "110108551385082",
            "11010519491231002X01",
        ],
    )
    def test_taken(self, text):
        assert rules_papers.check_tax_no(text) == text.replace(" ", "").upper()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "needs its tax number"),
            ("   ", "needs its tax number"),
            ("91350100M000100Y44", "characters is wrong"),
            ("19350100M000100Y43", "characters is wrong"),
            ("9135O100M000100Y43", "characters is wrong"),
            ("110105194912310022", "characters is wrong"),
            ("1" * 16, "18 letters"),
            ("1" * 17, "18 letters"),
            ("1" * 19, "18 letters"),
            ("1" * 21, "18 letters"),
            ("91350100", "18 letters"),
            ("<script>alert(1)</", "18 letters"),
            ("９１３５０１００M000100Y43", "18 letters"),
        ],
    )
    def test_refused(self, text, said):
        with pytest.raises(Invalid) as error:
            rules_papers.check_tax_no(text)
        assert said in str(error.value) and error.value.field == "tax_no"

    @given(st.text(rules_papers.CREDIT_CODE, min_size=9, max_size=9), st.integers(0, 999_999))
    def test_one_wrong_character_is_always_found(self, body, region):
        start = f"91{region:06d}{body}"
        right = [end for end in rules_papers.CREDIT_CODE if rules_papers.is_credit_code(start + end)]
        assert len(right) == 1
        code = start + right[0]
        for place in range(8, 18):
            for other in rules_papers.CREDIT_CODE:
                if other != code[place]:
                    assert not rules_papers.is_credit_code(code[:place] + other + code[place + 1 :])


class TestRules:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({}, None),
            ({"on": False}, rules_papers.SWITCHED_OFF),
            ({"currency": "USD"}, rules_papers.OTHER_CURRENCY),
            ({"total": 0}, rules_papers.FREE),
            ({"state": "pending"}, rules_papers.NOT_PAID),
            ({"state": "needs_attention"}, rules_papers.NOT_PAID),
            ({"state": "refunded", "net": 0}, rules_papers.ALL_BACK),
            ({"net": 0}, rules_papers.ALL_BACK),
        ],
    )
    def test_who_can_have_one(self, changes, why):
        facts = {"on": True, "state": "paid", "currency": "CNY", "total": 100, "net": 100, **changes}
        assert rules_papers.why_no_fapiao(**facts) == why

    @pytest.mark.parametrize(
        ("state", "amount", "net", "red"),
        [
            ("issued", 100, 100, False),
            ("issued", 100, 40, True),
            ("issued", 100, 0, True),
            ("requested", None, 0, False),
            ("rejected", None, 0, False),
        ],
    )
    def test_when_it_needs_a_red_one(self, state, amount, net, red):
        assert rules_papers.needs_red(state, amount, net) is red


class TestLife:
    def test_asked_changed_issued(self, session, make, now):
        order = make.paid_order()
        row = ask(session, order, now)
        assert (row.state, row.tax_no, row.amount) == ("requested", CREDIT, None)
        again = ask(session, order, now + MINUTE, kind="personal", title="  Lin   Ke ", tax_no=CREDIT)
        assert again.id == row.id and (again.title, again.tax_no, again.kind) == ("Lin Ke", "", "personal")
        issue(session, row, now + 2 * MINUTE)
        assert (row.state, row.amount, row.number, row.decided_by) == (
            "issued",
            order.total,
            "2511200000001",
            "Ada",
        )
        assert mails(session)[-1] == "fapiao_issued"
        with pytest.raises(Conflict):
            ask(session, order, now)
        with pytest.raises(Conflict):
            issue(session, row, now)
        acts = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("fapiao"))).all()
        assert acts == ["fapiao.issue"]

    def test_refused_and_asked_again(self, session, make, now):
        order = make.paid_order()
        row = ask(session, order, now)
        services_fapiao.reject(
            session, fapiao_id=row.id, reason=" The title is short. ", seen=now, now=now, actor=ADMIN
        )
        assert (row.state, row.note) == ("rejected", "The title is short.")
        assert mails(session)[-1] == "fapiao_rejected"
        ask(session, order, now + MINUTE, title="Lake Club Ltd")
        assert (row.state, row.note, row.decided_at) == ("requested", "", None)

    def test_it_is_for_what_is_left_of_the_money(self, session, make, now):
        order = make.paid_order()
        give_back(session, order, 5_000, now)
        row = ask(session, order, now)
        issue(session, row, now)
        assert row.amount == order.total - 5_000

    def test_money_that_goes_back_afterwards_is_seen_and_put_right(self, session, make, now):
        order = make.paid_order()
        row = ask(session, order, now)
        issue(session, row, now)
        assert not queries_papers.fapiao_row(session, row.id).red
        with pytest.raises(Conflict):
            services_fapiao.put_right(session, fapiao_id=row.id, number="R-1", now=now, actor=ADMIN)
        give_back(session, order, 5_000, now)
        assert queries_papers.fapiao_row(session, row.id).red
        assert [
            one.fapiao.id for one in queries_papers.fapiao_list(session, state="red", q="", page=1).items
        ] == [row.id]
        services_fapiao.put_right(session, fapiao_id=row.id, number="RED-1", now=now, actor=ADMIN)
        assert (row.amount, row.note) == (order.total - 5_000, "RED-1")
        assert queries_papers.fapiao_list(session, state="red", q="", page=1).items == []
        give_back(session, order, order.total - 5_000, now)
        assert queries_papers.fapiao_row(session, row.id).red

    def test_not_for_what_is_all_back(self, session, make, now):
        order = make.paid_order()
        row = ask(session, order, now)
        give_back(session, order, order.total, now)
        with pytest.raises(Conflict):
            issue(session, row, now)
        assert row.state == "requested"
        with pytest.raises(Conflict):
            ask(session, order, now)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"kind": "club"}, "kind"),
            ({"title": "  "}, "title"),
            ({"title": "x" * 161}, "title"),
            ({"tax_no": ""}, "tax_no"),
            ({"email": "nobody"}, "email"),
            ({"email": ""}, "email"),
        ],
    )
    def test_what_cannot_be_asked_for(self, session, make, now, changes, field):
        with pytest.raises(Invalid) as said:
            ask(session, make.paid_order(), now, **changes)
        assert said.value.field == field

    def test_only_for_ones_own_order(self, session, make, now):
        with pytest.raises(NotFound):
            ask(session, make.paid_order(), now, actor=make.actor(make.member()))

    def test_not_where_the_club_issues_none_or_unpaid(self, session, make, now):
        with pytest.raises(Conflict):
            ask(session, make.paid_order(), now, on=False)
        with pytest.raises(Conflict):
            ask(session, make.order(), now)

    @pytest.mark.parametrize("number", ["", " ", "abc", "<b>1234</b>", "x" * 61])
    def test_a_number_is_a_number(self, session, make, now, number):
        row = ask(session, make.paid_order(), now)
        with pytest.raises(Invalid) as said:
            issue(session, row, now, number=number)
        assert said.value.field == "number"

    def test_what_the_buyer_changed_meanwhile_is_looked_at_again(self, session, make, now):
        order = make.paid_order()
        row = ask(session, order, now)
        ask(session, order, now + MINUTE, title="Other Ltd")
        for verb, more in (
            (services_fapiao.issue, {"number": "12345"}),
            (services_fapiao.reject, {"reason": "no"}),
        ):
            with pytest.raises(Stale):
                verb(session, fapiao_id=row.id, seen=now, now=now, actor=ADMIN, **more)


class TestRaces:
    def test_two_admins_decide_at_once(self, db, make, now):
        order = make.paid_order()
        with db.uow() as session:
            row = ask(session, order, now)

        def act(session, index):
            if index % 2:
                return services_fapiao.reject(
                    session, fapiao_id=row.id, reason="no", seen=now, now=now, actor=ADMIN
                ).state
            return issue(session, row, now, number=f"1000{index}").state

        outcomes = concurrently(db, 6, act, retry=True)
        assert len(succeeded(outcomes)) == 1
        assert all(isinstance(one, Conflict) for one in failed(outcomes))
        assert fetch(db, Fapiao, row.id).state == succeeded(outcomes)[0]

    def test_asked_for_twice_at_once_is_one(self, db, make, now):
        order = make.paid_order()
        outcomes = concurrently(db, 6, lambda session: ask(session, order, now).id, retry=True)
        assert len(set(outcomes)) == 1


class TestPages:
    @pytest.fixture
    def people(self, make):
        return make.person(name="Lin", email="lin@example.com")

    @pytest.fixture
    def order(self, make, people):
        return make.paid_order(make.plan(title="Master pass"), people[1])

    @pytest.fixture
    def buyer(self, app, people):
        return in_language(sign_in(app.test_client(), people[0]), "en")

    @pytest.fixture
    def admin(self, app, make):
        return in_language(sign_in(app.test_client(), make.account(name="Ada", roles=("admin",))), "en")

    def asked(self, db, order, now, **changes):
        with db.uow() as session:
            return ask(session, order, now, **changes)

    def test_asking(self, buyer, order, site_db):
        path = f"/orders/{order.code}/fapiao"
        assert path in text_of(buyer.get(f"/orders/{order.code}"))
        text = text_of(buyer.get(path))
        assert "It is made out for CN¥199.00" in text and 'value="lin@example.com"' in text
        bad = post(
            buyer, path, {"kind": "company", "title": "Lake Ltd", "tax_no": "123", "email": "a@b.example"}
        )
        assert bad.status_code == 422
        assert "18 letters and digits" in text_of(bad) and 'value="Lake Ltd"' in text_of(bad)
        good = {"kind": "company", "title": "Lake Ltd", "tax_no": CREDIT.lower(), "email": "a@b.example"}
        assert post(buyer, path, good).status_code == 303
        text = text_of(buyer.get(path))
        assert "Your request is being worked on" in text and CREDIT in text
        text = text_of(in_language(buyer, "zh").get(path))
        for said in ("发票申请正在处理", "抬头", "税号", "Lake Ltd", "修改申请"):
            assert said in text, said

    def test_issued_refused_and_red(self, buyer, admin, order, site_db, make):
        path = f"/orders/{order.code}/fapiao"
        row = self.asked(site_db, order, make.now)
        text = text_of(admin.get(f"/admin/fapiao/{row.id}"))
        assert "Lake Ltd" in text and CREDIT in text and "Master pass" in text
        seen = row.requested_at.isoformat()
        assert post(admin, f"/admin/fapiao/{row.id}/reject", {"reason": "", "seen": seen}).status_code == 422
        post(admin, f"/admin/fapiao/{row.id}/reject", {"reason": "Too short.", "seen": seen})
        assert "Too short." in text_of(buyer.get(path))
        row = self.asked(site_db, order, make.now + MINUTE)
        late = post(
            admin, f"/admin/fapiao/{row.id}/issue", {"number": "12345", "seen": seen}, follow_redirects=True
        )
        assert "The buyer has changed the request meanwhile" in text_of(late)
        seen = row.requested_at.isoformat()
        assert post(admin, f"/admin/fapiao/{row.id}/issue", {"number": "!", "seen": seen}).status_code == 422
        assert (
            post(admin, f"/admin/fapiao/{row.id}/issue", {"number": "12345", "seen": seen}).status_code == 303
        )
        text = text_of(buyer.get(path))
        assert "Your fapiao is issued" in text and "12345" in text and "Ask for it" not in text
        with site_db.uow() as session:
            give_back(session, order, 5_000, make.now)
        assert "the club replaces the fapiao" in text_of(buyer.get(path))
        text = text_of(admin.get(f"/admin/fapiao/{row.id}"))
        assert "Money went back after it was issued" in text
        assert "Needs a red-letter one" in text_of(admin.get("/admin/fapiao?state=red"))
        assert post(admin, f"/admin/fapiao/{row.id}/red", {"number": "R-777"}).status_code == 303
        assert "R-777" in text_of(admin.get(f"/admin/fapiao/{row.id}"))
        again = post(admin, f"/admin/fapiao/{row.id}/red", {"number": "R-778"}, follow_redirects=True)
        assert "nothing has to be put right" in text_of(again)

    def test_why_there_is_none(self, buyer, admin, make, people, site_db, order):
        free = make.order(make.plan(price=0), people[1])
        with site_db.uow() as session:
            orders.take_free(session, order_code=free.code, now=make.now, actor=ADMIN)
        waiting = make.order(of=people[1])
        for one, said in ((free, "A free order has no fapiao"), (waiting, "once the order is paid")):
            text = text_of(buyer.get(f"/orders/{one.code}/fapiao"))
            assert said in text and '<form method="post" class="qc-stack"' not in text
        assert post(admin, "/admin/papers", {"issuer": "x"}).status_code == 303  # switched off
        text = text_of(buyer.get(f"/orders/{order.code}/fapiao"))
        assert "The club issues no fapiao here" in text
        answer = post(
            buyer, f"/orders/{order.code}/fapiao",
            {"kind": "personal", "title": "Lin", "email": "a@b.example"}, follow_redirects=True,
        )  # fmt: skip
        assert "The club issues no fapiao here" in text_of(answer)
        assert f"/orders/{order.code}/fapiao" not in text_of(buyer.get(f"/orders/{order.code}"))

    def test_offered_where_the_club_counts_in_yuan(self, make_app, make, people, order):
        app = make_app(QUNCLUB_CURRENCY="USD")
        buyer = in_language(sign_in(app.test_client(), people[0]), "en")
        assert "The club issues no fapiao here" in text_of(buyer.get(f"/orders/{order.code}/fapiao"))

    def test_who(self, app, client, make, order, site_db):
        row = self.asked(site_db, order, make.now)
        mine = f"/orders/{order.code}/fapiao"
        assert client.get(mine).status_code == 303
        for roles in ((), ("admin",)):
            other = sign_in(app.test_client(), make.account(roles=roles))
            assert other.get(mine).status_code == 404
            assert post(other, mine, {}).status_code == 404
        for path in ("/admin/fapiao", "/admin/fapiao/export.csv", f"/admin/fapiao/{row.id}"):
            assert client.get(path).status_code == 303
            for roles in ((), ("instructor",), ("host",)):
                assert sign_in(app.test_client(), make.account(roles=roles)).get(path).status_code == 403
        teacher = sign_in(app.test_client(), make.account(roles=("instructor",)))
        for act in ("issue", "reject", "red"):
            assert post(teacher, f"/admin/fapiao/{row.id}/{act}").status_code == 403

    def test_the_list_and_its_table(self, admin, make, order, site_db):
        assert "Nothing here" in text_of(admin.get("/admin/fapiao"))
        row = self.asked(site_db, order, make.now)
        other = self.asked(site_db, make.paid_order(), make.now, title="Hill Ltd")
        with site_db.uow() as session:
            issue(session, session.get_one(Fapiao, other.id), make.now)
        text = text_of(admin.get("/admin/fapiao"))
        assert "Lake Ltd" in text and "Hill Ltd" not in text
        assert "Hill Ltd" in text_of(admin.get("/admin/fapiao?state=issued"))
        for q in ("Lake", order.code, CREDIT.lower()):
            assert "Lake Ltd" in text_of(admin.get("/admin/fapiao", query_string={"q": q})), q
        assert "Hill Ltd" in text_of(admin.get("/admin/fapiao?q=2511200000001"))
        for q in ("%", "_", "' OR 1=1", "x" * 200):
            assert "No such fapiao" in text_of(admin.get("/admin/fapiao", query_string={"q": q})), q
        answer = admin.get("/admin/fapiao/export.csv?state=all")
        table = list(csv.reader(io.StringIO(text_of(answer).lstrip("\ufeff"))))
        by_title = {line[3]: line for line in table[1:]}
        assert by_title["Lake Ltd"][7:10] == ["199.00", "CNY", "requested"]
        assert by_title["Hill Ltd"][10:12] == ["2511200000001", "199.00"]
        text = text_of(in_language(admin, "zh").get("/admin/fapiao?state=all"))
        assert "需要冲红" in text and "待开具" in text
        assert admin.get("/admin/fapiao/999").status_code == 404
        assert row.id

    def test_its_cost_does_not_grow(self, admin, make, order, site_db):
        self.asked(site_db, order, make.now)
        admin.get("/admin/fapiao")
        with count_statements(site_db.engine) as few:
            admin.get("/admin/fapiao")
        for _ in range(4):
            self.asked(site_db, make.paid_order(), make.now)
        with count_statements(site_db.engine) as many:
            admin.get("/admin/fapiao")
        assert few.count == many.count, many

    def test_mails_are_readable(self, app, admin, order, site_db, make):
        from qunclub import jobs

        row = self.asked(site_db, order, make.now)
        with site_db.uow() as session:
            issue(session, session.get_one(Fapiao, row.id), make.now)
        with app.app_context():
            jobs.dispatch(app.extensions["qunclub"])
        sent = {mail["subject"]: mail["body"] for mail in app.extensions["qunclub"].mailer.messages()}
        subject = f"Your fapiao for order {order.code} is issued"
        assert "2511200000001" in sent[subject] and "CN¥199.00" in sent[subject]
