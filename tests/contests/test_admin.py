"""Admins write contests, look at the results before they are published, and hand the prizes over."""

import csv
import io

import pytest
from flask import render_template
from sqlalchemy import select

from qunclub.contests.models import Contest, ContestEntry, Juror, Prize, PrizeGiven
from qunclub.web.i18n import override
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def admin(visit, make):
    return visit(make.account(roles=("admin",), name="Boss"))


@pytest.fixture
def judged(make):
    """A contest whose voting has ended, with two entries, a score, a vote and a prize."""
    contest = make.contest(at="judging", slug="one-page", title="One page")
    first = make.contest_entry(contest, title="FIRST")
    make.contest_entry(contest, title="SECOND", member=make.member(name="=SUM(1)", number=True))
    make.contest_score(first, make.contest_juror(contest), 91)
    make.contest_vote(first)
    make.contest_prize(contest, title="GOLD")
    return contest


def form(**values):
    """A contest as its form sends it."""
    return {
        "title": "A new one",
        "slug": "a-new-one",
        "call_md": "Make **it**.",
        "opens_at": "2026-05-01T00:00",
        "closes_at": "2026-05-10T00:00",
        "votes_until": "2026-05-15T00:00",
        "jury_percent": "60",
        "votes_per_member": "3",
        "entries_per_member": "1",
        **values,
    }


PAGES = ["", "/new", "/1", "/1/edit", "/1/entries", "/1/entries.csv", "/1/entries/1/disqualify"]
POSTS = [
    "/new", "/1/edit", "/1/state/draft", "/1/prizes", "/1/prizes/1/remove", "/1/jury", "/1/jury/1/dismiss",
    "/1/entries/1/disqualify", "/1/results", "/1/given/1/hand-over",
]  # fmt: skip


def test_it_is_for_admins(visit, make, judged, admin):
    for roles in ((), ("instructor",), ("host",)):
        client = visit(make.account(roles=roles, number=True))
        for path in PAGES:
            assert client.get(f"/admin/contests{path}").status_code == 403, path
        for path in POSTS:
            assert post(client, f"/admin/contests{path}").status_code == 403, path
    for path in PAGES:
        assert visit().get(f"/admin/contests{path}").status_code == 303
        assert admin.get(f"/admin/contests{path}").status_code == 200, path
    assert admin.post("/admin/contests/1/results").status_code == 403, "without a token"


def test_an_admin_writes_a_contest_gives_it_prizes_and_a_jury_and_publishes_it(admin, make, visit, site_db):
    assert "No contest yet" in text_of(admin.get("/admin/contests"))
    answer = post(admin, "/admin/contests/new", form())
    assert answer.status_code == 303, text_of(answer)
    with site_db.session() as session:
        made = session.scalars(select(Contest)).one()
    # The club's time zone is Shanghai's.
    assert made.opens_at.isoformat() == "2026-04-30T16:00:00+00:00"
    assert (made.state, made.jury_percent) == ("draft", 60)
    path = f"/admin/contests/{made.id}"
    assert 'value="2026-05-01T00:00"' in text_of(admin.get(f"{path}/edit"))
    bad = post(admin, f"{path}/prizes", {"title": "KEPT", "first_place": "0", "stock": "1"})
    assert bad.status_code == 422 and "KEPT" in text_of(bad)
    assert (
        post(admin, f"{path}/prizes", {"title": "GOLD", "first_place": "1", "stock": "2"}).status_code == 303
    )
    juror = make.member(name="Judge", email="judge@example.com")
    assert post(admin, f"{path}/jury", {"who": "nobody"}).status_code == 422
    assert post(admin, f"{path}/jury", {"who": "judge@example.com"}).status_code == 303
    page = text_of(admin.get(path))
    assert "GOLD" in page and "Judge" in page and "0 of 2 given" in page
    assert visit().get("/contests/a-new-one").status_code == 404
    assert post(admin, f"{path}/state/published").status_code == 303
    assert "Make <strong>it</strong>" in text_of(visit().get("/contests/a-new-one"))
    assert post(admin, f"{path}/state/nonsense").status_code == 404
    assert post(admin, f"{path}/state/draft").status_code == 303
    assert post(admin, f"{path}/jury/{juror.id}/dismiss").status_code == 303
    with site_db.session() as session:
        prize = session.scalars(select(Prize.id)).one()
    assert post(admin, f"{path}/prizes/{prize}/remove").status_code == 303
    with site_db.session() as session:
        assert session.scalars(select(Juror)).all() == session.scalars(select(Prize)).all() == []
    assert "A new one" in text_of(admin.get("/admin/contests?q=new&state=draft"))
    assert "No contest found" in text_of(admin.get("/admin/contests?q=zzz"))
    audit = text_of(admin.get("/admin/audit"))
    assert "Contest drafted" in audit and "Juror appointed" in audit


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"closes_at": "2026-04-01T00:00"}, "closes after it opens"),
        ({"votes_until": "2026-05-09T00:00"}, "it ends later than that"),
        ({"jury_percent": "101"}, "from 0 to 100"),
        ({"slug": "A b"}, "small letters"),
        ({"slug": "one-page"}, "this address already"),
        ({"title": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_kept(admin, judged, change, says):
    answer = post(admin, "/admin/contests/new", form(call_md="KEPT", **change))
    page = text_of(answer)
    assert answer.status_code == 422 and says in page and "KEPT" in page


def test_a_stale_save_shows_both_texts_and_terms_hold(admin, make, site_db):
    contest = make.contest(slug="one-page")
    path = f"/admin/contests/{contest.id}/edit"
    page = text_of(admin.get(path))
    assert "Terms hold" in page
    typed = {
        name: page.split(f'name="{name}"')[1].split('value="')[1].split('"')[0]
        for name in ("opens_at", "closes_at", "votes_until")
    }
    values = form(slug="one-page", jury_percent="50", version="1", **typed)
    assert post(admin, path, {**values, "call_md": "FIRST"}).status_code == 303
    answer = post(admin, path, {**values, "call_md": "SECOND"})
    page = text_of(answer)
    assert answer.status_code == 409 and "FIRST" in page and "SECOND" in page
    held = post(admin, path, {**values, "version": "2", "jury_percent": "90"})
    assert held.status_code == 422 and "cannot change any more" in text_of(held)


def test_results_are_looked_at_then_published_then_handed_over(admin, visit, judged, site_db):
    path = f"/admin/contests/{judged.id}"
    page = text_of(admin.get(path))
    assert "Places if published now" in page and page.index("FIRST") < page.index("SECOND")
    assert "2 places and 1 prizes" in page and "95.50" in page and "GOLD" in page
    assert "1 entry has no jury score" in page and "Not every juror has scored" in page
    assert post(admin, f"{path}/results").status_code == 303
    assert "2 places, 1 prizes" in text_of(admin.get(path))
    assert post(admin, f"{path}/results").status_code == 303
    page = text_of(admin.get(path))
    assert "Nothing happened twice" in page and "still to be handed over" in page
    with site_db.session() as session:
        given = session.scalars(select(PrizeGiven.id)).one()
    assert post(admin, f"{path}/given/{given}/hand-over", {"note": "PARCEL 7"}).status_code == 303
    page = text_of(admin.get(path))
    assert "PARCEL 7" in page and "Nothing is left to do" in page
    assert "95.50" in text_of(visit().get("/contests/one-page/results"))
    for after in (f"{path}/prizes", f"{path}/jury"):
        values = {"title": "X", "first_place": "1", "stock": "1", "who": "1"}
        assert post(admin, after, values).status_code == 409


def test_an_entry_is_disqualified_with_its_effect_said_before(admin, judged, site_db):
    with site_db.session() as session:
        entry = session.scalars(select(ContestEntry.id).where(ContestEntry.title == "FIRST")).one()
    path = f"/admin/contests/{judged.id}/entries/{entry}/disqualify"
    page = text_of(admin.get(path))
    assert "1 vote goes back" in page and "no place and no prize" in page
    assert post(admin, path, {"reason": " "}).status_code == 422
    assert post(admin, path, {"reason": "Copied"}).status_code == 303
    assert post(admin, path, {"reason": "Copied"}).status_code == 409
    page = text_of(admin.get(f"/admin/contests/{judged.id}/entries"))
    assert "Copied" in page and "disqualified" in page


def test_entries_are_found_and_exported(admin, judged):
    path = f"/admin/contests/{judged.id}/entries"
    assert text_of(admin.get(f"{path}?q=first")).count('data-label="Entry"') == 1
    assert "No entry found" in text_of(admin.get(f"{path}?state=withdrawn"))
    rows = list(csv.reader(io.StringIO(text_of(admin.get(f"{path}.csv")).lstrip("\ufeff"))))
    assert len(rows) == 3 and "'=SUM(1)" in rows[1] + rows[2]


def test_admin_pages_cost_the_same_however_many_take_part(admin, make, judged, site_db):
    paths = [f"/admin/contests{path}" for path in ("", f"/{judged.id}", f"/{judged.id}/entries")]

    def costs():
        counts = []
        for path in paths:
            admin.get(path)
            with count_statements(site_db.engine) as seen:
                assert admin.get(path).status_code == 200
            counts.append(seen.count)
        return counts

    before = costs()
    for _ in range(5):
        make.contest_vote(make.contest_entry(judged))
        make.contest_juror(judged)
        make.contest_prize(judged)
    assert costs() == before
    assert max(before) <= 10, before


def test_the_mails_are_readable_in_both_languages(app):
    context = {
        "name": "Lin", "contest": "One page", "slug": "one-page", "entry": "Mine", "entry_id": 7, "reason": "Copied.",
        "place": 2, "prize": "A notebook", "club_name": "Club", "site_url": "https://club.example",
    }  # fmt: skip
    says = {
        ("contest_disqualified", "en"): ("was disqualified", "Copied.", "/contests/one-page/entries/7"),
        ("contest_disqualified", "zh"): ("取消资格", "Copied."),
        ("contest_prize", "en"): ("place 2", "A notebook", "/contests/one-page/results"),
        ("contest_prize", "zh"): ("第 2 名", "A notebook"),
    }
    for (template, code), words in says.items():
        with app.test_request_context():
            override(code)
            text = render_template(f"qunclub/mail/{template}.txt", **context)
        assert text.startswith("Subject: ") and all(word in text for word in words), text
