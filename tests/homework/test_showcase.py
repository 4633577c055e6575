"""The showcase: nothing without consent, nothing after it is taken back, pictures only."""

import io

import pytest
from sqlalchemy import select

from qunclub.homework.models import Criterion, ShowcaseEntry, Submission, SubmissionFile
from tests.homework.pictures import picture
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def featured(visit, author, teacher, work, site_db):
    """(submission id, entry id, picture id, text file id) of featured work without consent."""
    client = visit(author[0])
    files = [(io.BytesIO(picture()), "shot.png"), (io.BytesIO(b"private"), "notes.txt")]
    post(
        client,
        f"/homework/{work.id}",
        {"body_md": "MY WORK", "files": files},
        content_type="multipart/form-data",
    )
    with site_db.session() as session:
        ident = session.scalars(select(Submission.id)).one()
        criteria = session.scalars(select(Criterion.id)).all()
    desk = visit(teacher[0])
    post(desk, f"/desk/{ident}/claim")
    scores = {f"score-{one}": "10" for one in criteria}
    saved = post(
        desk, f"/desk/{ident}", {"version": "1", "verdict": "feature", "comment_md": "PRIVATE WORD", **scores}
    )
    assert saved.status_code == 303
    with site_db.session() as session:
        entry = session.scalars(select(ShowcaseEntry.id)).one()
        shot, notes = session.scalars(select(SubmissionFile.id).order_by(SubmissionFile.id)).all()
    return ident, entry, shot, notes


def agree(client, submission_id, answer="yes"):
    return post(client, f"/homework/{submission_id}/consent", {"agree": answer})


def test_an_empty_showcase_says_how_it_fills(visit):
    assert "Nothing to see yet" in text_of(visit().get("/showcase"))
    assert "还没有作品" in text_of(visit(None, "zh").get("/showcase"))


def test_without_consent_nobody_sees_it(visit, teacher, featured):
    _submission, entry, shot, _notes = featured
    for client in (visit(), visit(teacher[0])):
        assert "MY WORK" not in text_of(client.get("/showcase"))
        assert client.get(f"/showcase/{entry}").status_code == 404
        assert client.get(f"/showcase/{entry}/pictures/{shot}").status_code == 404


def test_with_consent_text_and_pictures_are_shown_and_nothing_else(visit, author, work, featured):
    submission, entry, shot, notes = featured
    mine = visit(author[0])
    assert "May others see it?" in text_of(mine.get(f"/homework/{work.id}"))
    assert agree(mine, submission).status_code == 303
    stranger = visit()
    assert "旧页改造" in text_of(stranger.get("/showcase"))
    page = text_of(stranger.get(f"/showcase/{entry}"))
    assert "MY WORK" in page and "PRIVATE WORD" not in page and "notes.txt" not in page
    assert f'property="og:image" content="http://127.0.0.1:8000/showcase/{entry}/pictures/{shot}"' in page
    assert (
        'property="og:title" content="旧页改造' in page
        and 'property="og:description" content="MY WORK"' in page
    )
    answer = stranger.get(f"/showcase/{entry}/pictures/{shot}")
    assert answer.mimetype == "image/png" and "inline" in answer.headers["Content-Disposition"]
    assert (
        answer.headers["X-Content-Type-Options"] == "nosniff"
        and "no-store" in answer.headers["Cache-Control"]
    )
    assert stranger.get(f"/showcase/{entry}/pictures/{notes}").status_code == 404
    assert stranger.get(f"/homework/files/{shot}").status_code == 303


def test_taking_it_back_counts_at_once(visit, author, work, featured):
    submission, entry, shot, _notes = featured
    mine = visit(author[0])
    agree(mine, submission)
    assert visit().get(f"/showcase/{entry}").status_code == 200
    agree(mine, submission, "no")
    for path in (f"/showcase/{entry}", f"/showcase/{entry}/pictures/{shot}"):
        assert visit().get(path).status_code == 404
    assert "MY WORK" not in text_of(visit().get("/showcase"))
    assert "May others see it?" in text_of(mine.get(f"/homework/{work.id}"))


def test_nobody_consents_for_somebody_else(visit, make, teacher, featured):
    submission, entry, *_rest = featured
    for client in (visit(make.account(number=True)), visit(teacher[0])):
        assert agree(client, submission).status_code == 404
    assert visit().get(f"/showcase/{entry}").status_code == 404


def test_a_picture_of_other_work_does_not_slip_through(visit, make, author, featured, work, site_db):
    submission, entry, shot, _notes = featured
    agree(visit(author[0]), submission)
    make.featured(assignment=work, consented=True)
    assert visit().get(f"/showcase/{entry + 1}").status_code == 200
    assert visit().get(f"/showcase/{entry + 1}/pictures/{shot}").status_code == 404


def test_the_showcase_costs_the_same_however_much_is_in_it(visit, make, author, featured, site_db, now):
    agree(visit(author[0]), featured[0])
    client = visit()

    def statements():
        counts = []
        for path in ("/showcase", f"/showcase/{featured[1]}"):
            client.get(path)
            with count_statements(site_db.engine) as seen:
                client.get(path)
            counts.append(seen.count)
        return counts

    before = statements()
    for _ in range(4):
        make.featured(consented=True)
    assert statements() == before
    assert max(before) <= 4
