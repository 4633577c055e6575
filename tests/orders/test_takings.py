"""The takings: each payment and each settled refund booked once, on its day in the club's zone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import sys
import threading
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from qunclub import jobs
from qunclub.kernel import locks
from qunclub.orders import doctor_takings, jobs_takings, queries_takings, services_takings, takings_chart
from qunclub.orders.admin_takings import days_of
from qunclub.orders.models import Payment, Refund
from qunclub.orders.models_money import MonthTaking, Taking
from qunclub.orders.queries_takings import Line
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Ada", roles=("admin",))), "en")


def book(session, now, **changes):
    return services_takings.book(session, zone=SHANGHAI, now=now, **changes)


def refund(session, make, payment, amount=100, *, state="settled", key="k", settled=None):
    made = Refund(
        payment_id=payment.id,
        key=key,
        amount=amount,
        state=state,
        requested_by="x",
        created_at=make.now,
        settled_at=settled or make.now,
    )
    session.add(made)
    session.flush()
    return made


def rows(session):
    query = select(Taking).order_by(Taking.day, Taking.id).execution_options(populate_existing=True)
    return [
        (t.day.isoformat(), t.method, t.currency, t.received, t.payments, t.refunded, t.refunds)
        for t in session.scalars(query)
    ]


class TestBooking:
    def test_a_payment_once_on_its_day_in_the_clubs_zone(self, make, session):
        payment = make.payment(make.paid_order())
        payment.received_at = dt.datetime(2026, 4, 15, 16, 0, tzinfo=dt.UTC)  # midnight in Shanghai
        session.flush()
        assert book(session, make.now) == 1
        expected = [("2026-04-16", "card", "CNY", 19_900, 1, 0, 0)]
        assert rows(session) == expected
        assert book(session, make.now) == 0
        assert rows(session) == expected
        assert services_takings.as_of(session) == make.now
        assert doctor_takings.check(session) == []

    def test_many_payments_of_one_day_in_small_batches(self, make, session):
        plan = make.plan(stock=None)
        for _ in range(5):
            make.paid_order(plan)
        assert [book(session, make.now, limit=2) for _ in range(3)] == [2, 2, 1]
        assert rows(session) == [("2026-04-15", "card", "CNY", 5 * 19_900, 5, 0, 0)]

    def test_currencies_and_methods_stand_apart(self, make, session):
        plan = make.plan(stock=None)
        for method, currency in (("card", "CNY"), ("alipay", "CNY"), ("card", "JPY")):
            payment = make.payment(make.paid_order(plan))
            payment.method, payment.currency = method, currency
        session.flush()
        book(session, make.now)
        assert sorted(row[1:4] for row in rows(session)) == [
            ("alipay", "CNY", 19_900),
            ("card", "CNY", 19_900),
            ("card", "JPY", 19_900),
        ]

    def test_what_was_free_is_no_taking(self, make, session):
        payment = make.payment(make.paid_order(make.plan(price=0)))
        assert book(session, make.now) == 1
        assert rows(session) == []
        session.refresh(payment)
        assert payment.to_book is False

    def test_a_refund_counts_when_it_is_settled_on_that_day(self, make, session):
        payment = make.payment(make.paid_order())
        made = refund(session, make, payment, 900, state="requested")
        book(session, make.now)
        assert rows(session) == [("2026-04-15", "card", "CNY", 19_900, 1, 0, 0)]
        made.state, made.settled_at, made.to_book = "settled", make.now + dt.timedelta(days=2), True
        session.flush()
        book(session, make.now)
        assert rows(session)[1] == ("2026-04-17", "card", "CNY", 0, 0, 900, 1)
        session.refresh(made)
        assert (made.booked, made.booked_on, made.to_book) == (900, dt.date(2026, 4, 17), False)
        assert doctor_takings.check(session) == []

    def test_a_refund_that_fails_afterwards_is_taken_out_of_its_day(self, make, session):
        made = refund(session, make, make.payment(make.paid_order()), 900)
        book(session, make.now)
        made.state, made.settled_at, made.to_book = "failed", make.now + dt.timedelta(days=3), True
        session.flush()
        book(session, make.now)
        assert rows(session) == [("2026-04-15", "card", "CNY", 19_900, 1, 0, 0)]
        session.refresh(made)
        assert (made.booked, made.booked_on) == (0, None)
        assert doctor_takings.check(session) == []

    def test_made_anew_they_are_the_same(self, make, session):
        payment = make.payment(make.paid_order())
        refund(session, make, payment, 900)
        book(session, make.now)
        before = rows(session)
        services_takings.forget(session)
        assert rows(session) == []
        assert book(session, make.now) == 2
        assert rows(session) == before
        assert doctor_takings.check(session) == []

    def test_the_doctor_sees_a_month_that_is_not_its_days(self, make, session):
        make.payment(make.paid_order())
        book(session, make.now)
        session.scalars(select(MonthTaking)).one().received -= 1
        session.flush()
        (found,) = doctor_takings.check(session)
        assert "the month 2026-04 in CNY" in found.message

    def test_the_doctor_sees_what_does_not_agree(self, make, session):
        made = refund(session, make, make.payment(make.paid_order()), 900)
        book(session, make.now)
        taking = session.scalars(select(Taking)).one()
        taking.received += 1
        taking.refunds += 1
        made.booked = 800
        session.flush()
        found = [finding.message for finding in doctor_takings.check(session)]
        # The day does not say what came and went, the refund is another, and the month is not its days.
        assert len(found) == 4
        assert "19901 came with 1 payments" in found[0]


class TestSweepers:
    SWEEPERS = 4

    def _race(self, db, make):
        plan = make.plan(stock=None)
        payments = [make.payment(make.paid_order(plan)) for _ in range(20)]
        with db.uow() as session:
            refund(session, make, payments[0], 900)
        start = threading.Barrier(self.SWEEPERS)
        failures = []

        def sweep():
            start.wait()
            for _ in range(6):
                try:
                    with db.uow() as session:
                        book(session, make.now, limit=5)
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=sweep) for _ in range(self.SWEEPERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with db.session() as session:
            return rows(session), [f.message for f in doctor_takings.check(session)], failures

    def test_several_at_once_book_each_thing_once(self, db, make):
        found, findings, failures = self._race(db, make)
        assert failures == []
        assert found == [("2026-04-15", "card", "CNY", 20 * 19_900, 20, 900, 1)]
        assert findings == []

    def test_without_the_lock_they_would_not(self, db, make, monkeypatch):
        """All have read before the first one writes: the negative control."""
        met, meeting, plain = threading.local(), threading.Barrier(self.SWEEPERS), services_takings._slot

        def meet(*arguments):
            if not hasattr(met, "already"):
                met.already = True
                meeting.wait(timeout=20)
            return plain(*arguments)

        monkeypatch.setattr(services_takings, "_slot", meet)
        with locks.disabled():
            found, findings, failures = self._race(db, make)
        assert failures or findings or found[0][3] != 20 * 19_900

    def test_the_job_books_and_makes_anew(self, app, make, site_db):
        order = make.paid_order()
        with app.app_context():
            state = app.extensions["qunclub"]
            assert jobs.sweep(state)["takings"] == 1
            assert jobs_takings.sweep(state) == 0
            assert jobs_takings.rebuild(state) == 1
        with site_db.session() as session:
            assert rows(session)[0][3] == order.total
        answer = app.test_cli_runner().invoke(args=["qunclub", "takings", "rebuild"])
        assert "1 payments and refunds are booked." in answer.output

    def test_the_sweep_goes_on_until_all_is_booked(self, app, make, monkeypatch):
        monkeypatch.setattr(services_takings, "BATCH", 2)
        plan = make.plan(stock=None)
        for _ in range(5):
            make.paid_order(plan)
        with app.app_context():
            assert jobs_takings.sweep(app.extensions["qunclub"]) == 5

    def test_a_payment_somebody_holds_waits_for_the_next_sweep(self, db, make):
        if db.kind == "sqlite":
            # There one writer holds everything; the sweep itself waits.
            return
        payment = make.payment(make.paid_order())
        with db.uow() as holding:
            locks.lock(holding, Payment, payment.id)
            with db.uow() as session:
                assert book(session, make.now) == 0
        with db.uow() as session:
            assert book(session, make.now) == 1


class TestDays:
    TODAY = dt.date(2026, 3, 15)

    @pytest.mark.parametrize(
        ("span", "first", "last"),
        [
            ("month", "2026-03-01", "2026-03-15"),
            ("last_month", "2026-02-01", "2026-02-28"),
            ("days", "2026-02-14", "2026-03-15"),
            ("year", "2026-01-01", "2026-03-15"),
            ("custom", "2026-03-01", "2026-03-15"),
            ("nonsense", "2026-03-01", "2026-03-15"),
        ],
    )
    def test_named_ranges(self, span, first, last):
        assert days_of(span, self.TODAY, None, None) == (
            dt.date.fromisoformat(first),
            dt.date.fromisoformat(last),
        )

    def test_chosen_days_in_any_order_and_not_without_end(self):
        early, late = dt.date(2026, 1, 5), dt.date(2026, 2, 5)
        assert days_of("custom", self.TODAY, early, late) == (early, late)
        assert days_of("custom", self.TODAY, late, early) == (early, late)
        assert days_of("custom", self.TODAY, early, None) == (early, self.TODAY)
        assert days_of("custom", self.TODAY, None, late) == (late, late)
        first, last = days_of("custom", self.TODAY, dt.date(1900, 1, 1), late)
        assert (last - first).days < 2_200

    def test_sums_stand_apart_by_currency(self):
        days = [
            Line(dt.date(2026, 3, 1), "CNY", 5, 1, 1, 1),
            Line(dt.date(2026, 3, 9), "CNY", 7, 1),
            Line(dt.date(2026, 3, 9), "JPY", 9, 1),
        ]
        assert queries_takings.totals(days) == [Line(None, "CNY", 12, 2, 1, 1), Line(None, "JPY", 9, 1)]
        assert [line.net for line in queries_takings.totals(days)] == [11, 9]

    def test_by_day_and_by_month_say_the_same(self, make, session):
        plan = make.plan(stock=None)
        for days in (0, 0, 3, 40):
            make.payment(make.paid_order(plan)).received_at = make.now - dt.timedelta(days=days)
        session.flush()
        book(session, make.now)
        first, last = dt.date(2026, 1, 1), dt.date(2026, 4, 15)
        by_day = queries_takings.takings(session, first, last)
        by_month = queries_takings.takings(session, first, last, by_month=True)
        assert [(line.label, line.payments) for line in by_day.days] == [
            (dt.date(2026, 3, 6), 1),
            (dt.date(2026, 4, 12), 1),
            (dt.date(2026, 4, 15), 2),
        ]
        assert [(line.label, line.payments) for line in by_month.days] == [
            (dt.date(2026, 3, 1), 1),
            (dt.date(2026, 4, 1), 3),
        ]
        assert (by_day.totals, by_day.plans, by_day.methods) == (
            by_month.totals,
            by_month.plans,
            by_month.methods,
        )

    @pytest.mark.parametrize(
        ("first", "last"),
        [
            (dt.date(2026, 2, 10), dt.date(2026, 4, 15)),  # cut off at both ends
            (dt.date(2026, 3, 1), dt.date(2026, 3, 31)),  # one whole month
            (dt.date(2026, 3, 2), dt.date(2026, 3, 30)),  # no whole month
            (dt.date(2026, 3, 20), dt.date(2026, 4, 10)),  # two halves
            (dt.date(2025, 12, 31), dt.date(2026, 4, 30)),  # over the year's end
        ],
    )
    def test_months_that_are_cut_off_hold_only_their_days(self, make, session, first, last):
        plan = make.plan(stock=None)
        for days in (0, 5, 15, 20, 40, 44, 60, 105):
            make.payment(make.paid_order(plan)).received_at = make.now - dt.timedelta(days=days)
        session.flush()
        book(session, make.now)
        expected: dict[dt.date, int] = {}
        for line in queries_takings.takings(session, first, last).days:
            month = line.label.replace(day=1)
            expected[month] = expected.get(month, 0) + line.received
        by_month = queries_takings.takings(session, first, last, by_month=True).days
        assert {line.label: line.received for line in by_month} == expected


class TestPage:
    @pytest.mark.parametrize("path", ["", "/chart.svg?currency=CNY", "/export.csv"])
    def test_only_admins(self, client, make, path):
        where = "/admin/takings" + path
        assert client.get(where).status_code == 303
        assert sign_in(client, make.account(roles=("instructor",))).get(where).status_code == 403
        assert sign_in(client, make.account(roles=("admin",))).get(where).status_code == 200

    def test_nothing_yet(self, admin):
        page = text_of(admin.get("/admin/takings"))
        assert "Nothing came in these days" in page
        assert "As of" not in page

    @pytest.fixture
    def booked(self, app, make, site_db):
        order = make.paid_order(make.plan(title="Master pass"))
        payment = make.payment(order)
        with site_db.uow() as session:
            refund(session, make, payment, 900)
            book(session, make.now)
        return order

    def test_it_says_what_came_and_what_went(self, admin, booked, make):
        page = text_of(admin.get("/admin/takings"))
        for words in ("CN¥199.00", "CN¥9.00", "CN¥190.00", "Master pass", "Card", "As of Apr 15, 2026 12:00"):
            assert words in page, words
        assert "it is added within a minute" not in page
        assert "/admin/takings/chart.svg?" in page
        make.paid_order()
        assert "it is added within a minute" in text_of(admin.get("/admin/takings"))
        assert "Nothing came" in text_of(admin.get("/admin/takings?range=last_month"))
        assert "Apr 2026" in text_of(admin.get("/admin/takings?range=year&by=month"))
        chosen = admin.get("/admin/takings?since=2026-04-15&until=2026-04-15&range=custom&by=day")
        assert 'value="2026-04-15"' in text_of(chosen)

    def test_in_chinese(self, admin, booked):
        page = text_of(in_language(admin, "zh").get("/admin/takings"))
        for words in ("收款统计", "已收", "已退款", "净额", "按支付方式", "截至"):
            assert words in page, words

    def test_the_picture(self, admin, booked):
        for query in ("", "&dark=1", "&range=year", "&range=custom&since=2025-01-01&until=2026-04-15"):
            answer = admin.get(f"/admin/takings/chart.svg?currency=CNY{query}")
            assert answer.mimetype == "image/svg+xml"
            assert "<script" not in text_of(answer)
            assert "script-src" not in answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "Came in" in text_of(answer)
        assert "已退款" in text_of(in_language(admin, "zh").get("/admin/takings/chart.svg?currency=CNY"))
        assert admin.get("/admin/takings/chart.svg").status_code == 200

    def test_the_table_of_record(self, admin, booked):
        answer = admin.get("/admin/takings/export.csv?range=month")
        found = list(csv.DictReader(io.StringIO(text_of(answer).lstrip("\ufeff"))))
        assert [
            (row["day"], row["plan"], row["received"], row["given_back"], row["net"]) for row in found
        ] == [("2026-04-15", "Master pass", "19900", "900", "19000")]

    def test_it_costs_the_same_with_many(self, admin, make, site_db):
        def visit():
            with count_statements(site_db.engine) as sent:
                admin.get("/admin/takings")
            return sent.count

        make.paid_order()
        with site_db.uow() as session:
            book(session, make.now)
        visit()
        few = visit()
        for _ in range(6):
            make.paid_order()
        with site_db.uow() as session:
            book(session, make.now)
        assert visit() == few

    def test_the_front_page_says_it_too(self, admin, booked):
        page = text_of(admin.get("/admin/"))
        assert "Takings today" in page
        assert "CN¥190.00" in page


def test_a_picture_of_nothing_is_a_picture():
    drawn = takings_chart.draw([], labels=[], names=("a", "b"), currency="JPY", dark=False, money=str)
    assert drawn.startswith("<svg")


def test_the_chart_library_leaves_imports_alone():
    from qunclub.orders import takings_chart

    assert takings_chart.__name__ in sys.modules
    assert not [finder for finder in sys.meta_path if type(finder).__module__ == "pygal"]
