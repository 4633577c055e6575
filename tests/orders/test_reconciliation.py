"""Stripe's list held against the books: read whatever its columns are called, every difference found."""

from __future__ import annotations

import csv
import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest

from qunclub.kernel import Actor, Invalid
from qunclub.kernel.store import AuditEntry
from qunclub.orders import reconciliation_file, services_reconciliation
from qunclub.orders.models import Payment, Refund
from qunclub.orders.models_money import Dispute
from qunclub.orders.reconciliation import KINDS, Here, compare
from qunclub.orders.reconciliation_file import read
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEAD = (
    "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,"
    "description,charge_id,payment_intent_id"
)
AT = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
ADA = Actor("ada", "Ada", roles=frozenset({"admin"}))


def listing(*rows, head=HEAD):
    return read(io.StringIO("\n".join([head, *rows]) + "\n", newline=""), SHANGHAI)


def line(
    category,
    gross,
    source,
    *,
    intent="pi_1",
    charge="ch_1",
    currency="cny",
    at="2026-04-15 04:00:00",
    fee="0.00",
):
    return f"txn_1,{at},{at},{currency},{gross},{fee},{gross},{category},{source},text,{charge},{intent}"


CHARGE = line("charge", "199.00", "ch_1")
REFUND = line("refund", "-9.00", "re_1")
DISPUTE = line("dispute", "-199.00", "dp_1")


def here(ref, amount=19_900, currency="CNY", order="ABC", at=AT, state=""):
    return {ref: Here(ref, amount, currency, order, at, state)}


def kinds(listed, payments=None, refunds=None, disputes=None):
    found = compare(listed, payments=payments or {}, refunds=refunds or {}, disputes=disputes or {})
    return [one.kind for one in found]


class TestReading:
    def test_the_itemised_report(self):
        listed = listing(
            line("charge", "199.00", "ch_1", fee="6.20").replace("199.00,charge", "192.80,charge"),
            line("refund", "-9.00", "re_1", at="2026-04-16 10:00:00"),
            line("payout", "-100.00", "po_1", intent="", charge=""),
        )
        assert (listed.lines, listed.others) == (3, 1)
        assert (listed.first, listed.last) == (AT, dt.datetime(2026, 4, 16, 10, 0, tzinfo=dt.UTC))
        total = listed.sums["CNY"]
        assert (total.gross, total.fee, total.net) == (9_000, 620, 8_380)
        assert listed.payments["pi_1"].amount == 19_900
        assert (listed.refunds["re_1"].amount, listed.refunds["re_1"].intent) == (900, "pi_1")

    def test_the_balance_history_with_its_own_names(self):
        listed = listing(
            "txn_1,charge,ch_1,199.00,6.20,192.80,cny,2026-04-15 12:00:00,pi_1",
            "txn_2,adjustment,dp_1,-199.00,15.00,-214.00,cny,2026-04-15 12:30:00,pi_1",
            "txn_3,adjustment,re_1,9.00,0.00,9.00,cny,2026-04-15 12:30:00,pi_1",
            "txn_4,adjustment,,-1.00,0.00,-1.00,cny,2026-04-15 12:30:00,",
            head="\ufeffid,Type,Source,Amount,Fee,Net,Currency,Created,Payment Intent ID",
        )
        # Without "UTC" in its name the column speaks the account's time.
        assert listed.first == AT
        assert listed.payments["pi_1"].amount == 19_900
        assert listed.disputes["dp_1"].amount == 19_900
        assert listed.refunds["re_1"].came_back == 900
        assert listed.others == 1

    def test_a_charge_leads_to_its_payment(self):
        head = "created_utc,currency,gross,reporting_category,source_id,charge_id,payment_intent_id"
        listed = listing(
            "2026-04-15 04:00:00,cny,-9.00,refund,re_1,ch_1,",
            "2026-04-15 04:00:00,cny,199.00,charge,ch_1,,pi_1",
            head=head,
        )
        assert listed.refunds["re_1"].intent == "pi_1"

    def test_what_the_buyer_saw_when_it_was_settled_in_another_currency(self):
        head = "created_utc,currency,gross,reporting_category,source_id,payment_intent_id,customer_facing_amount,"
        listed = listing(
            "2026-04-15 04:00:00,hkd,213.70,charge,ch_1,pi_1,199.00,cny",
            "2026-04-15 04:00:00,hkd,-9.60,refund,re_1,pi_1,9.00,cny",
            head=head + "customer_facing_currency",
        )
        assert (listed.payments["pi_1"].amount, listed.payments["pi_1"].currency) == (19_900, "CNY")
        assert listed.refunds["re_1"].amount == 900
        assert list(listed.sums) == ["HKD"]

    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [
            ("199", "cny", 19_900),
            ("1,250.00", "cny", 125_000),
            ('"1.250,00"', "eur", 125_000),
            ('"12,5"', "eur", 1_250),
            ('"1,250"', "jpy", 1_250),
            ("1250", "jpy", 1_250),
            ("-0.01", "usd", -1),
        ],
    )
    def test_amounts(self, text, currency, minor):
        text = f'"{text}"' if "," in text and not text.startswith('"') else text
        assert listing(line("charge", text, "ch_1", currency=currency)).sums[currency.upper()].gross == minor

    @pytest.mark.parametrize(
        ("rows", "head", "says", "column"),
        [
            ([], HEAD, "no lines", None),
            ([], "", "no column", "created_utc"),
            ([CHARGE], HEAD.replace("gross", "x"), "no column", "gross"),
            ([CHARGE], "created_utc,currency,gross,type", "no column", "source_id"),
            ([CHARGE, line("charge", "a lot", "ch_1")], HEAD, "cannot be read", "gross"),
            ([line("charge", "1.999", "ch_1")], HEAD, "cannot be read", "gross"),
            ([line("charge", "1.00", "ch_1", at="yesterday")], HEAD, "cannot be read", "created_utc"),
            ([line("charge", "1.00", "ch_1", currency="yuan")], HEAD, "cannot be read", "currency"),
            ([line("refund", "1.00", "")], HEAD, "cannot be read", "source_id"),
        ],
    )
    def test_a_bad_file_says_where(self, rows, head, says, column):
        with pytest.raises(Invalid, match=says) as refused:
            listing(*rows, head=head)
        assert refused.value.field == "file"
        assert refused.value.params.get("column") == column
        if "cannot" in says:
            assert refused.value.params["line"] == len(rows) + 1

    def test_not_text_at_all(self):
        lines = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00pdf"), encoding="utf-8-sig", newline="")
        with pytest.raises(Invalid, match="not a CSV"):
            read(lines, SHANGHAI)


class TestComparing:
    def test_what_agrees(self):
        listed = listing(CHARGE, REFUND, DISPUTE)
        found = kinds(
            listed,
            here("pi_1"),
            here("re_1", 900, state="settled"),
            here("dp_1", state="open"),
        )
        assert found == []

    @pytest.mark.parametrize(
        ("rows", "payments", "refunds", "disputes", "expected"),
        [
            ([CHARGE], {}, {}, {}, "payment_not_here"),
            ([REFUND], here("pi_1"), {}, {}, "payment_not_there"),
            ([CHARGE], here("pi_1", 100), {}, {}, "payment_amount"),
            ([CHARGE], here("pi_1", currency="USD"), {}, {}, "payment_currency"),
            ([CHARGE, REFUND], here("pi_1"), {}, {}, "refund_not_here"),
            ([CHARGE], here("pi_1"), here("re_9", 1, state="settled"), {}, "refund_not_there"),
            ([CHARGE, REFUND], here("pi_1"), here("re_1", 800, state="settled"), {}, "refund_amount"),
            (
                [CHARGE, REFUND],
                here("pi_1"),
                here("re_1", 900, "USD", state="settled"),
                {},
                "refund_currency",
            ),
            (
                [CHARGE, REFUND, line("refund_failure", "9.00", "re_1")],
                here("pi_1"),
                here("re_1", 900, state="settled"),
                {},
                "refund_came_back",
            ),
            ([CHARGE, REFUND], here("pi_1"), here("re_1", 900, state="failed"), {}, "refund_went_out"),
            ([CHARGE, DISPUTE], here("pi_1"), {}, {}, "dispute_not_here"),
            ([CHARGE], here("pi_1"), {}, here("dp_9", state="open"), "dispute_not_there"),
            ([CHARGE, DISPUTE], here("pi_1"), {}, here("dp_1", 5, state="open"), "dispute_amount"),
            (
                [CHARGE, DISPUTE],
                here("pi_1"),
                {},
                here("dp_1", currency="USD", state="open"),
                "dispute_currency",
            ),
            (
                [CHARGE, DISPUTE, line("dispute_reversal", "199.00", "dp_1")],
                here("pi_1"),
                {},
                here("dp_1", state="open"),
                "dispute_won",
            ),
        ],
    )
    def test_every_kind_of_difference(self, rows, payments, refunds, disputes, expected):
        found = kinds(listing(*rows), payments, refunds, disputes)
        assert expected in found
        assert set(found) <= set(KINDS)

    def test_every_kind_is_explained(self):
        for what in ("payment", "refund", "dispute"):
            for end in ("not_here", "not_there", "amount", "currency"):
                assert len(KINDS[f"{what}_{end}"]) == 2

    @pytest.mark.parametrize(
        ("rows", "payments", "refunds", "disputes"),
        [
            # Charged, and the bank took it back before it was settled: it never was a payment here.
            ([CHARGE, line("charge_failure", "-199.00", "py_1")], {}, {}, {}),
            # Another part of the list is in another file.
            (
                [line("refund_failure", "9.00", "re_1")],
                here("pi_1", at=AT - dt.timedelta(9)),
                here("re_1", 900, state="failed"),
                {},
            ),
            (
                [line("dispute_reversal", "199.00", "dp_1")],
                here("pi_1", at=AT - dt.timedelta(9)),
                {},
                here("dp_1", state="won"),
            ),
            # Not expected there: free orders, refunds on their way, inquiries; or not of the list's time.
            (
                [CHARGE],
                {**here("pi_1"), **here("cs_1", 0)},
                here("re_2", 1, state="requested"),
                here("dp_2", state="inquiry"),
            ),
            ([CHARGE], {**here("pi_1"), **here("pi_2", at=AT + dt.timedelta(9))}, {}, {}),
        ],
    )
    def test_what_is_no_difference(self, rows, payments, refunds, disputes):
        assert kinds(listing(*rows), payments, refunds, disputes) == []

    def test_what_stands_at_the_lists_edge_is_marked(self):
        listed = listing(
            line("charge", "1.00", "ch_1", intent="pi_1", at="2026-04-15 00:00:00"),
            line("charge", "1.00", "ch_2", intent="pi_2", charge="ch_2", at="2026-04-15 12:00:00"),
            line("charge", "1.00", "ch_3", intent="pi_3", charge="ch_3", at="2026-04-15 23:59:00"),
        )
        found = compare(listed, payments={}, refunds={}, disputes={})
        assert [(one.ref, one.edge, one.line) for one in found] == [
            ("pi_1", True, 2),
            ("pi_2", False, 3),
            ("pi_3", True, 4),
        ]

    def test_a_refund_missing_here_still_names_its_order(self):
        found = compare(listing(CHARGE, REFUND), payments=here("pi_1"), refunds={}, disputes={})
        assert [(one.kind, one.order, one.there) for one in found] == [("refund_not_here", "ABC", 900)]


class TestService:
    def run(self, session, make, *rows):
        return services_reconciliation.reconcile(
            session, listed=listing(*rows), file="april.csv", provider="stripe", actor=ADA, now=make.now
        )

    def test_it_finds_what_it_needs_and_changes_nothing(self, make, session):
        payment = make.payment(make.paid_order(ref="pi_1"))
        later = make.payment(make.paid_order(ref="pi_2"))
        make.paid_order(provider="offline", ref="bank-1")
        session.add(
            Refund(payment_id=payment.id, key="k", amount=900, state="settled", provider_ref="re_1",
                   requested_by="x", created_at=make.now)
        )  # fmt: skip
        session.add(
            Dispute(
                payment_id=later.id,
                provider="stripe",
                ref="dp_9",
                amount=1,
                currency="CNY",
                opened_at=make.now,
            )
        )
        session.flush()
        result = self.run(
            session, make, CHARGE, REFUND, line("charge", "5.00", "ch_3", intent="pi_3", charge="ch_3")
        )
        assert sorted((one.kind, one.ref) for one in result.differences) == [
            ("dispute_not_there", "dp_9"), ("payment_not_here", "pi_3"), ("payment_not_there", "pi_2"),
        ]  # fmt: skip
        assert services_reconciliation.last_result(session) == result
        assert session.query(AuditEntry).filter_by(action="reconciliation.run").count() == 1
        session.refresh(payment)
        assert (payment.refunded, payment.amount) == (0, 19_900)

    def test_a_long_list_in_few_statements(self, make, session, db):
        rows = [line("charge", "1.00", f"ch_{n}", intent=f"pi_{n}", charge=f"ch_{n}") for n in range(1_200)]
        with count_statements(db.engine) as sent:
            result = self.run(session, make, *rows)
        assert result.count == 1_200
        assert sent.count < 12

    def test_only_so_many_are_kept(self, make, session, monkeypatch):
        monkeypatch.setattr(services_reconciliation, "MOST_KEPT", 1)
        result = self.run(session, make, CHARGE, line("charge", "1.00", "ch_2", intent="pi_2", charge="ch_2"))
        assert (result.count, len(result.differences)) == (2, 1)


class TestPage:
    WHERE = "/admin/reconciliation"

    @pytest.fixture
    def admin(self, client, make):
        return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")

    def send(self, admin, *rows, head=HEAD, name="april.csv", **more):
        text = "\n".join([head, *rows]) + "\n"
        return post(
            admin,
            self.WHERE,
            {"file": (io.BytesIO(text.encode()), name)},
            content_type="multipart/form-data",
            **more,
        )

    def test_only_admins(self, client, make):
        assert client.get(self.WHERE).status_code == 303
        assert sign_in(client, make.account(roles=("host",))).get(self.WHERE).status_code == 403
        assert self.send(client, CHARGE).status_code == 403
        assert sign_in(client, make.account(roles=("admin",))).get(self.WHERE).status_code == 200

    def test_nothing_yet(self, admin):
        assert "No list was compared yet" in text_of(admin.get(self.WHERE))
        assert admin.get(f"{self.WHERE}/differences.csv").status_code == 404

    def test_differences_with_their_order_and_what_to_do(self, admin, make, site_db):
        order = make.paid_order(ref="pi_1")
        page = text_of(self.send(admin, CHARGE.replace("199.00", "190.00"), REFUND, follow_redirects=True))
        for words in (
            "the differences stand below", "Payment of another amount", "CN¥190.00", "CN¥199.00",
            "Refund at Stripe, but not here", "the refund then has its effect here too", f"/admin/orders/{order.code}",
            "april.csv", "Ada", "line 2",
        ):  # fmt: skip
            assert words in page, words
        table = text_of(admin.get(f"{self.WHERE}/differences.csv")).lstrip("\ufeff")
        rows = list(csv.DictReader(io.StringIO(table)))
        assert [(row["reference"], row["order"]) for row in rows] == [
            ("pi_1", order.code),
            ("re_1", order.code),
        ]
        with site_db.session() as session:
            assert session.get_one(Payment, make.payment(order).id).refunded == 0

    def test_in_chinese(self, admin, make):
        page = text_of(self.send(in_language(admin, "zh"), CHARGE, follow_redirects=True))
        for words in ("对账", "Stripe 有这笔支付，本站没有", "差异"):
            assert words in page, words

    def test_all_is_well(self, admin, make):
        make.paid_order(ref="pi_1")
        assert "everything agrees" in text_of(self.send(admin, CHARGE, follow_redirects=True))
        assert "Everything agrees" in text_of(admin.get(self.WHERE))

    def test_what_cannot_be_read(self, admin, make, monkeypatch):
        assert post(admin, self.WHERE, {}, content_type="multipart/form-data").status_code == 422
        answer = self.send(admin, CHARGE, line("charge", "x", "ch_1"))
        assert answer.status_code == 422
        assert "Line 3, column “gross”: “x” cannot be read." in text_of(answer)
        assert 'id="file-error"' in text_of(answer)
        monkeypatch.setattr(reconciliation_file, "MOST_BYTES", 10)
        assert "larger than 20 MB" in text_of(self.send(admin, CHARGE))

    def test_names_are_harmless(self, admin, make):
        page = text_of(self.send(admin, CHARGE, name="<b>.csv", follow_redirects=True))
        assert "<b>.csv" not in page


class TestSandbox:
    """The list that the pay sandbox writes, in Stripe's own columns, against what the real SDK did with it."""

    @pytest.fixture
    def bought(self, shop, make):
        plan = make.plan(slug="master", title="Master pass")
        orders = []
        for _ in range(2):
            order = shop.buy(shop.buyer(make.account()), plan)
            shop.sandbox.pay(order.checkout_ref)
            orders.append(order)
        return orders

    def compared(self, shop, make):
        text = shop.sandbox.control("/sandbox/balance.csv").text
        listed = read(io.StringIO(text, newline=""), SHANGHAI)
        with shop.db.uow() as session:
            return services_reconciliation.reconcile(
                session, listed=listed, file="balance.csv", provider="stripe", actor=ADA, now=shop.clock()
            )

    def test_it_agrees_once_everything_was_told(self, shop, make, bought):
        shop.box.wait(2)
        shop.bring(shop.letter("checkout.session.completed"))
        result = self.compared(shop, make)
        # Paid at the gateway, and nobody told the club of one of them yet.
        assert [one.kind for one in result.differences] == ["payment_not_here"]
        shop.box.wait(2)
        for letter in list(shop.box.letters):
            shop.bring(letter)
        result = self.compared(shop, make)
        assert result.differences == []
        assert result.matched == 2
        assert result.sums["CNY"].gross == 2 * 19_900
        assert result.sums["CNY"].fee > 0

    def test_a_refund_made_in_the_dashboard_is_missing_until_it_is_told(self, shop, make, bought):
        shop.box.wait(2)
        for letter in list(shop.box.letters):
            shop.bring(letter)
        payment = shop.payments()[0]
        shop.state.gateway.refund(payment.ref, 900, "CNY", idempotency_key="k")
        result = self.compared(shop, make)
        assert [(one.kind, one.there) for one in result.differences] == [("refund_not_here", 900)]
        shop.box.wait(3)
        for letter in list(shop.box.letters):
            shop.bring(letter)
        assert self.compared(shop, make).differences == []
