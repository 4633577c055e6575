"""The calendar as admins plan by it, and all seasons on one page, as everybody reads them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from qunclub import jobs
from qunclub.kernel.outbox import OutboxMessage
from qunclub.seasons.models import Season
from qunclub.web import mailing
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

DAY = dt.timedelta(days=1)


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


def asked(**changed):
    return {
        "kind": "month", "first": "2026-05-01", "count": "3", "dates": "", "pattern": "Season {n}",
        "first_number": "4", "source": "",
    } | changed  # fmt: skip


def slugs(db):
    with db.session() as session:
        return list(session.scalars(select(Season.slug).order_by(Season.starts_at)))


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/calendar"), ("post", "/calendar"), ("post", "/1/announce"), ("post", "/1/withdraw")],
)
def test_the_calendar_is_for_admins(client, make, method, path):
    make.season(opened=False)
    sign_in(client, make.account(number=600, roles=("instructor", "host")))
    answer = client.get(f"/admin/seasons{path}") if method == "get" else post(client, f"/admin/seasons{path}")
    assert answer.status_code == 403


def test_an_admin_looks_at_dates_plans_announces_and_withdraws(admin, client, site_db, clock):
    page = text_of(admin.get("/admin/seasons/calendar"))
    assert "Nothing is planned" in page and 'value="2026-05-01"' in page
    assert "/admin/seasons/calendar" in text_of(admin.get("/admin/seasons"))
    shown = text_of(post(admin, "/admin/seasons/calendar", asked(show="1")))
    assert "These would be planned" in shown and "Season 6 (2026-07)" in shown and slugs(site_db) == []
    assert post(admin, "/admin/seasons/calendar", asked()).status_code == 303
    assert slugs(site_db) == ["2026-05", "2026-06", "2026-07"]
    twice = post(admin, "/admin/seasons/calendar", asked(source="1"))
    assert (
        twice.status_code == 422 and "would overlap Season 4" in text_of(twice) and len(slugs(site_db)) == 3
    )
    page = text_of(admin.get("/admin/seasons/calendar"))
    assert "Season 4" in page and "Announce" in page and 'value="2026-08-01"' in page
    assert admin.get("/season/2026-05").status_code == 404
    back = post(admin, "/admin/seasons/1/announce", {"back": "calendar"})
    assert back.status_code == 303 and back.location.endswith("/calendar")
    said = text_of(admin.get("/season/2026-05"))
    assert "opens by itself on" in said and "Published on" in said and "The core group has 69 seats" in said
    show = text_of(admin.get("/admin/seasons/1"))
    assert "there is nothing to do until it ends" in show and "Withdraw the announcement" in show
    assert post(admin, "/admin/seasons/1/edit", {}).status_code == 422
    assert "2026-05" in text_of(admin.get("/season")) and "2026-06" not in text_of(admin.get("/season"))
    assert post(admin, "/admin/seasons/1/withdraw", {"reason": "Two weeks later"}).status_code == 303
    assert admin.get("/season/2026-05").status_code == 404
    assert post(admin, "/admin/seasons/1/withdraw", {"reason": "Two weeks later"}).status_code == 409
    post(admin, "/admin/seasons/1/announce")
    acts = text_of(admin.get("/admin/audit?thing=season"))
    assert "Season announced" in acts and "Announcement withdrawn" in acts
    clock.now = dt.datetime(2026, 6, 1, 4, tzinfo=dt.UTC)
    assert "its start is past" in text_of(admin.get("/admin/seasons/calendar"))
    assert "Open the season late" in text_of(admin.get("/admin/seasons/2"))
    assert post(admin, "/admin/seasons/2/announce").status_code == 409
    assert post(admin, "/admin/seasons/2/open").status_code == 303
    assert "after the season&#39;s start" in admin.get("/season").text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"count": "99"}, "between 1 and 24"),
        ({"first": ""}, "Choose the day from which"),
        ({"first": "2026-01-01"}, "begin in the past"),
        ({"kind": "free"}, "Write dates such as"),
        ({"kind": "free", "dates": "2026-05-01, then"}, "“then” is none"),
        ({"kind": "free", "dates": "2026-06-01, 2026-05-01"}, "Each date comes after"),
        ({"pattern": "Same"}, "so that the seasons differ"),
        ({"kind": "year"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_planned_is_said_and_nothing_typed_is_lost(admin, site_db, changed, said):
    answer = post(admin, "/admin/seasons/calendar", asked(first_number="4711") | changed)
    page = text_of(answer)
    assert answer.status_code == 422 and said in page and "4711" in page
    assert slugs(site_db) == []


def test_free_dates_take_over_a_formula_and_a_gap_is_shown(admin, make, site_db):
    old = make.season(slug="old", name="Old", days=12, seats=7, eliminate=2, min_points=5)
    typed = asked(kind="free", dates="2026-05-01 2026-05-11 2026-06-20", source=str(old.id), pattern="{when}")
    assert post(admin, "/admin/seasons/calendar", typed).status_code == 303
    assert slugs(site_db) == ["old", "2026-05-01", "2026-05-11"]
    with site_db.session() as session:
        assert {one.formula for one in session.scalars(select(Season))} == {old.formula}
    page = text_of(admin.get("/admin/seasons/calendar"))
    assert "13 days without a season" in page and "at its end you are asked" in page
    assert "没有赛季" in text_of(in_language(admin, "zh").get("/admin/seasons/calendar"))


def test_everybody_reads_past_present_and_coming_on_one_page(client, make, app, clock, site_db, now):
    in_language(client, "en")
    assert "No season yet" in text_of(client.get("/seasons"))
    past = make.season(slug="past", name="Past", starts_at=now - 60 * DAY, days=30)
    make.closed(past)
    make.season(slug="present", name="Present")
    make.season(slug="coming", name="Coming", starts_at=now + 40 * DAY)
    make.season(slug="secret", name="Secret", starts_at=now + 90 * DAY, opened=False)
    page = text_of(client.get("/seasons"))
    assert page.index("Coming seasons") < page.index("/season/coming") < page.index("Present season")
    assert page.index("/season/present") < page.index("Past seasons") < page.index("/season/past")
    assert "Secret" not in page
    assert "/seasons" in text_of(client.get("/season")) and "/seasons" in text_of(client.get("/season/past"))
    assert "/seasons" in text_of(client.get("/season/coming"))
    assert "全部赛季" in text_of(in_language(client, "zh").get("/seasons"))
    with count_statements(site_db.engine) as few:
        client.get("/seasons")
    for index in range(12):
        make.season(slug=f"more-{index}", starts_at=now - (400 - 30 * index) * DAY, days=2)
    with count_statements(site_db.engine) as many:
        client.get("/seasons")
    assert few.count == many.count


def test_the_letter_that_asks_to_freeze_says_what_and_where(app, make, now, site_db, clock):
    make.member(roles=("admin",), number=1)
    season = make.season(slug="first", name="Spring")
    clock.now = season.ends_at
    sent: list[Any] = []
    with app.app_context():
        state = app.extensions["qunclub"]
        jobs._load(jobs.SWEEPS["season_calendar"])(state)
        with site_db.session() as session:
            payload = session.scalars(select(OutboxMessage)).one().payload
        state.mailer = type("Box", (), {"send": staticmethod(sent.append)})()
        for locale in ("en", "zh"):
            mailing.deliver(state, {**payload, "locale": locale}, "k")
    assert sent[0].subject == "Spring has ended: please freeze the standings"
    assert sent[1].subject == "“Spring”已结束：请冻结排名"
    assert all(f"/admin/seasons/{season.id}" in message.body and "%(" not in message.body for message in sent)
