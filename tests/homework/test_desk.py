"""The review desk: two windows, a lost lease, a stale save, and nothing typed is lost."""

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub.homework.models import Criterion, Review, Submission
from qunclub.points.models import LedgerEntry
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def one(make, work, author):
    """A submission that waits."""
    return make.submission(work, member=author[1], body_md="THE WORK")


@pytest.fixture
def second(make):
    """(account, member) of another instructor."""
    return make.person(name="Second", roles=("instructor",))


def filled(site_db, work, points=8, **extra):
    """A whole review as the form sends it."""
    with site_db.session() as session:
        ids = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id)).all()
    scores = {f"score-{ident}": str(points) for ident in ids}
    return {"version": "1", "verdict": "accept", "comment_md": "MY COMMENT", **scores, **extra}


def reviews(site_db):
    with site_db.session() as session:
        return list(session.scalars(select(Review.comment_md).order_by(Review.id)))


@pytest.mark.parametrize("roles", [(), ("host",)])
def test_the_desk_is_for_instructors(visit, make, one, roles):
    client = visit(make.account(roles=roles, number=True))
    for path in ("/desk", f"/desk/{one.id}"):
        assert client.get(path).status_code == 403
    for path in ("/desk/next", f"/desk/{one.id}/claim", f"/desk/{one.id}"):
        assert post(client, path).status_code == 403


def test_the_queue_says_how_many_and_how_late(visit, make, teacher, work, one, now):
    make.submission(work, at=now - dt.timedelta(days=9))
    page = text_of(visit(teacher[0]).get("/desk"))
    assert page.index("late") < page.index("Author") or "late" in page
    assert "longer than promised" in page and "旧页改造" in page
    chinese = text_of(visit(teacher[0], "zh").get("/desk"))
    assert "份已超时" in chinese and "领取下一份" in chinese


def test_a_search_for_a_digit_that_is_no_number_finds_nothing(visit, teacher, work, one):
    assert visit(teacher[0]).get("/desk?q=²").status_code == 200


def test_an_empty_queue_is_good_news(visit, teacher):
    assert "Nothing waits" in text_of(visit(teacher[0]).get("/desk"))
    client = visit(teacher[0])
    assert post(client, "/desk/next").location == "/desk"


def test_filters(visit, make, teacher, work, one):
    other = make.assignment(title="Other work")
    make.submission(other)
    client = visit(teacher[0])
    page = text_of(client.get(f"/desk?assignment={other.id}"))
    assert 'data-label="Homework"><a href="/desk' in page and page.count('data-label="Author"') == 1
    page = text_of(client.get(f"/desk?course={work.course_id}"))
    assert page.count('data-label="Author"') == 1 and "Other work</a>" not in page
    assert "With these filters" in text_of(client.get("/desk?mine=1"))
    post(client, f"/desk/{one.id}/claim")
    assert text_of(client.get("/desk?mine=1")).count('data-label="Author"') == 1


def test_claim_review_next(visit, make, site_db, teacher, work, one, now):
    two = make.submission(work, at=now + dt.timedelta(minutes=1))
    client = visit(teacher[0])
    answer = post(client, "/desk/next")
    assert answer.location == f"/desk/{one.id}"
    page = text_of(client.get(answer.location))
    assert "THE WORK" in page and 'name="verdict"' in page and 'data-key="s"' in page
    saved = post(client, f"/desk/{one.id}", filled(site_db, work, next="1"))
    assert saved.location == f"/desk/{two.id}"
    with site_db.session() as session:
        row = session.get_one(Submission, one.id)
        assert (row.state, row.score) == ("accepted", 80)
        assert session.scalars(
            select(LedgerEntry.amount).where(LedgerEntry.kind == "homework_accepted")
        ).all() == [80]


def test_without_a_claim_there_is_no_form(visit, teacher, one):
    page = text_of(visit(teacher[0]).get(f"/desk/{one.id}"))
    assert "THE WORK" in page and 'name="verdict"' not in page and "Claim it first" in page


def test_whoever_comes_second_sees_who_holds_it(visit, teacher, second, one):
    post(visit(teacher[0]), f"/desk/{one.id}/claim")
    client = visit(second[0])
    page = text_of(client.get(f"/desk/{one.id}"))
    assert "Teacher holds it until" in page and 'name="verdict"' not in page
    assert post(client, f"/desk/{one.id}/claim").status_code == 409
    assert post(client, f"/desk/{one.id}/release").status_code == 409
    assert "taken" in text_of(client.get("/desk"))


def test_giving_back(visit, teacher, second, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    assert post(client, f"/desk/{one.id}/release").location == "/desk"
    assert post(visit(second[0]), f"/desk/{one.id}/claim").status_code == 303


def test_two_windows_one_review_and_no_lost_text(visit, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    assert post(client, f"/desk/{one.id}", filled(site_db, work)).status_code == 303
    answer = post(
        client, f"/desk/{one.id}", filled(site_db, work, comment_md="OTHER WINDOW", verdict="return")
    )
    page = text_of(answer)
    assert answer.status_code == 409
    assert "MY COMMENT" in page and "OTHER WINDOW" in page and "data-error" in page
    assert reviews(site_db) == ["MY COMMENT"]


def test_a_lost_lease_refuses_the_save_and_keeps_the_text(visit, site_db, clock, teacher, second, work, one):
    first = visit(teacher[0])
    post(first, f"/desk/{one.id}/claim")
    clock.advance(minutes=46)
    post(visit(second[0]), f"/desk/{one.id}/claim")
    answer = post(first, f"/desk/{one.id}", filled(site_db, work, comment_md="MY LONG TEXT"))
    page = text_of(answer)
    assert answer.status_code == 409 and "MY LONG TEXT" in page and "Second holds it until" in page
    assert 'value="8"' in page and reviews(site_db) == []
    assert post(visit(second[0]), f"/desk/{one.id}", filled(site_db, work)).status_code == 303


def test_an_expired_lease_that_nobody_took_still_saves(visit, site_db, clock, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    clock.advance(hours=5)
    assert post(client, f"/desk/{one.id}", filled(site_db, work)).status_code == 303


def test_a_new_attempt_meanwhile_is_shown(visit, make, site_db, teacher, second, work, one, author, now):
    first = visit(teacher[0])
    page = filled(site_db, work, comment_md="ABOUT THE OLD ONE")
    other = visit(second[0])
    post(other, f"/desk/{one.id}/claim")
    post(other, f"/desk/{one.id}", filled(site_db, work, verdict="return", comment_md="Shorter"))
    make.submission(work, member=author[1], body_md="THE NEW ONE")
    answer = post(first, f"/desk/{one.id}", page)
    text = text_of(answer)
    assert answer.status_code == 409 and "THE NEW ONE" in text and "ABOUT THE OLD ONE" in text
    assert "A newer attempt was handed in" in text
    # Having seen it, the same text can be saved for it.
    assert 'name="version" value="3"' in text
    assert post(first, f"/desk/{one.id}", {**page, "version": "3"}).status_code == 303


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verdict": ""}, "Choose a verdict"),
        ({"verdict": "burn"}, "Choose a verdict"),
        ({"verdict": "return", "comment_md": " "}, "Say what should change"),
    ],
)
def test_what_is_not_complete_is_said_and_kept(visit, site_db, teacher, work, one, change, says):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    answer = post(client, f"/desk/{one.id}", filled(site_db, work, **change))
    page = text_of(answer)
    assert answer.status_code == 422 and says in page and 'value="8"' in page
    assert reviews(site_db) == []


@pytest.mark.parametrize("points", ["", "11", "-1", "many"])
def test_a_score_that_is_none(visit, site_db, teacher, work, one, points):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    assert post(client, f"/desk/{one.id}", filled(site_db, work, points=points)).status_code == 422
    assert reviews(site_db) == []


def test_a_preview_saves_nothing(visit, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    page = text_of(post(client, f"/desk/{one.id}", filled(site_db, work, comment_md="**b**", preview="1")))
    assert "<strong>b</strong>" in page and "**b**" in page and reviews(site_db) == []


def test_own_work_is_left_to_others(visit, make, work, teacher):
    mine = make.submission(work, member=teacher[1])
    client = visit(teacher[0])
    assert "This is your own work" in text_of(client.get(f"/desk/{mine.id}"))
    assert post(client, f"/desk/{mine.id}/claim").status_code == 403
    assert "your own" in text_of(client.get("/desk"))


def test_the_queue_costs_the_same_however_long_it_is(visit, make, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")

    def statements():
        counts = []
        for path in ("/desk", "/desk?mine=1", f"/desk?assignment={work.id}", f"/desk/{one.id}"):
            client.get(path)
            with count_statements(site_db.engine) as seen:
                client.get(path)
            counts.append(seen.count)
        return counts

    before = statements()
    for _ in range(8):
        make.submission(work)
    assert statements() == before
    assert max(before) <= 9
