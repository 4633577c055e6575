"""The showcase by season: what was featured in it, however much later its author agreed; drafts are not told of."""

import datetime as dt

import pytest
from sqlalchemy import select, text, update

from qunclub.homework import queries_showcase
from qunclub.homework.models import ShowcaseEntry
from qunclub.homework.queries_showcase import Wish
from tests.support.pages import text_of
from tests.support.statements import count_statements

DAY = dt.timedelta(days=1)


@pytest.fixture
def entry(make, session):
    """``entry(at, …)``: the id of a shown work that was featured at a moment."""

    def build(at, likes=0, **values):
        row = make.featured(consented=True, **values)
        found = session.scalars(select(ShowcaseEntry).where(ShowcaseEntry.submission_id == row.id)).one()
        found.featured_at, found.consented_at, found.likes = at, at + 50 * DAY, likes
        session.flush()
        return found.id

    return build


def test_a_season_holds_what_was_featured_from_its_first_moment_to_before_its_end(session, entry, now):
    span = (now, now + 30 * DAY)
    entry(now - dt.timedelta(seconds=1), likes=9)
    first, last = entry(now, likes=2), entry(now + 30 * DAY - dt.timedelta(seconds=1), likes=3)
    entry(now + 30 * DAY, likes=9)
    hidden = entry(now + DAY, likes=7)
    session.execute(update(ShowcaseEntry).where(ShowcaseEntry.id == hidden).values(hidden_at=now))

    def ids(**wish):
        found, after = [], ""
        while True:
            page = queries_showcase.showcase(session, Wish(season=span, after=after, **wish), per_page=1)
            found += [card.entry_id for card in page.cards]
            after = page.more
            if not after:
                return found

    assert ids() == [last, first] == ids(sort="liked")
    assert queries_showcase.of_season(session, span) == (2, 5)
    assert queries_showcase.of_season(session, (now - 9 * DAY, now - 8 * DAY)) == (0, 0)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_an_old_season_is_found_by_its_index(session, entry, now):
    for n in range(3):
        entry(now + n * DAY)
    query = "SELECT id FROM qunclub_showcase_entry WHERE featured_at >= '2020' AND featured_at < '2021' "
    plan = session.execute(text(f"EXPLAIN QUERY PLAN {query} ORDER BY featured_at DESC, id DESC")).all()
    said = " ".join(str(row[-1]) for row in plan)
    assert "ix_qunclub_showcase_entry_featured_at_id" in said and "TEMP B-TREE" not in said, said


def test_the_filter_on_the_page(visit, make, work, site_db, now):
    make.season(slug="spring", name="春季赛")
    make.season(slug="autumn", name="秋季赛", starts_at=now + 90 * DAY, opened=False)
    make.season(slug="before", name="去年", starts_at=now - 300 * DAY)
    client = visit()
    empty = text_of(client.get("/showcase?season=spring"))
    assert "Nothing of this season yet" in empty and "秋季赛" not in empty and "去年" in empty
    make.featured(assignment=work, consented=True)
    page = text_of(client.get("/showcase?season=spring"))
    assert "Of 春季赛, 1 work is shown." in page and "qc-work" in page
    assert '<option value="spring" selected>' in page
    assert "Nothing of this season yet" in text_of(client.get("/showcase?season=before"))
    assert "No shown work fits" in text_of(client.get("/showcase?season=before&month=2026-01"))
    assert "共展出 1 份作品" in text_of(visit(None, "zh").get("/showcase?season=spring"))
    # Of what is not public, and of what there is not, nothing is said: all works are shown.
    for odd in ("autumn", "x", "%00", "' OR 1=1"):
        page = text_of(client.get("/showcase", query_string={"season": odd}))
        assert "qc-work" in page and "work is shown" not in page


def test_it_costs_the_same_however_many_works_and_seasons(visit, make, work, site_db, now):
    make.season(slug="spring", name="春季赛")
    make.featured(assignment=work, consented=True)
    client = visit()

    def statements():
        client.get("/showcase?season=spring")
        with count_statements(site_db.engine) as seen:
            client.get("/showcase?season=spring")
        return seen.count

    before = statements()
    for n in range(4):
        make.featured(assignment=work, consented=True)
        make.season(starts_at=now - (100 + 40 * n) * DAY)
    assert statements() == before <= 7
