"""The showcase: nothing without consent, nothing after it is taken back, pictures only."""

import io

import pytest
from PIL import Image
from sqlalchemy import select

from qunclub.homework.models import Criterion, ShowcaseEntry, Submission, SubmissionFile
from qunclub.members.models import Member
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
    assert f'property="og:image" content="http://127.0.0.1:8000/showcase/{entry}/card.png"' in page
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
    for path in (f"/showcase/{entry}", f"/showcase/{entry}/pictures/{shot}", f"/showcase/{entry}/card.png"):
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
    assert max(before) <= 6


def test_the_picture_of_the_link_is_of_the_work_and_ends_with_the_consent(visit, author, featured):
    submission, entry, *_rest = featured
    mine, stranger, address = visit(author[0]), visit(), f"/showcase/{featured[1]}/card.png"
    assert stranger.get(address).status_code == 404
    said = post(mine, f"/showcase/mine/{submission}", {"sentence": "改了三版，才像一页。"})
    assert said.status_code == 303 and said.location.endswith(f"/showcase/{entry}")
    first = stranger.get(address)
    with Image.open(io.BytesIO(first.data)) as shown:
        assert shown.size == (1200, 630) and shown.format == "PNG"
    assert stranger.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    page = text_of(stranger.get(f"/showcase/{entry}"))
    assert 'property="og:description" content="改了三版，才像一页。"' in page
    post(mine, f"/showcase/mine/{submission}", {"sentence": "Another one"})
    assert stranger.get(address).headers["ETag"] != first.headers["ETag"]
    agree(mine, submission, "no")
    assert stranger.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 404


def test_a_sentence_too_long_is_explained_and_kept(visit, author, featured):
    mine, long = visit(author[0]), "字" * 201
    answer = post(mine, f"/showcase/mine/{featured[0]}", {"sentence": long})
    assert answer.status_code == 422 and long in text_of(answer)
    assert visit().get(f"/showcase/{featured[1]}").status_code == 404


def test_my_works_say_what_others_see(visit, author, teacher, featured, site_db):
    submission, entry, *_rest = featured
    mine = visit(author[0])
    assert "Only you see it" in text_of(mine.get("/showcase/mine"))
    assert "Nothing featured yet" in text_of(visit(teacher[0]).get("/showcase/mine"))
    assert visit(teacher[0]).get(f"/showcase/mine/{submission}").status_code == 404
    agree(mine, submission)
    assert "Everybody sees it" in text_of(mine.get("/showcase/mine"))
    with site_db.session() as session:
        by = f"/showcase/by/{session.get_one(Member, author[1].id).number}"
    assert f"/showcase/{entry}" in text_of(visit().get(by))
    agree(mine, submission, "no")
    assert visit().get(by).status_code == 404


def test_likes_with_and_without_javascript(visit, make, author, featured):
    submission, entry, *_rest = featured
    agree(visit(author[0]), submission)
    reader, address = visit(make.account(number=True)), f"/showcase/{entry}/like"
    assert post(visit(), address).status_code in (302, 303)
    assert post(reader, address).location.endswith(f"/showcase/{entry}#like-{entry}")
    page = text_of(reader.get("/showcase"))
    assert 'name="take" value="1"' in page and 'aria-pressed="true"' in page
    part = text_of(post(reader, address, {"take": "1"}, headers={"HX-Request": "true"}))
    assert "<html" not in part and 'aria-pressed="false"' in part
    own = post(visit(author[0]), address)
    assert own.status_code == 403 and "This is your own work." in text_of(own)
    assert "/like" not in text_of(visit(author[0]).get(f"/showcase/{entry}"))


def test_the_course_is_recommended_with_what_it_costs(visit, make, author, featured):
    submission, entry, *_rest = featured
    agree(visit(author[0]), submission)
    page = text_of(visit().get(f"/showcase/{entry}"))
    assert "The cheapest pass that opens it now is" in page and "/passes/basic" in page
    assert "It is open to you." in text_of(visit(author[0]).get(f"/showcase/{entry}"))


def test_an_admin_hides_with_a_reason_and_puts_back(visit, make, author, featured, site_db):
    submission, entry, *_rest = featured
    mine = visit(author[0])
    agree(mine, submission)
    desk = visit(make.account(roles=("admin",)))
    assert "旧页改造" in text_of(desk.get("/admin/showcase"))
    assert post(desk, f"/admin/showcase/{entry}/hide", {"reason": ""}).status_code == 422
    assert post(desk, f"/admin/showcase/{entry}/hide", {"reason": "A CLIENT IS NAMED"}).status_code == 303
    for client in (visit(), mine, desk):
        assert client.get(f"/showcase/{entry}").status_code == 404
        assert client.get(f"/showcase/{entry}/card.png").status_code == 404
    assert "MY WORK" not in text_of(visit().get("/"))
    for path in ("/showcase/mine", f"/showcase/mine/{submission}"):
        assert "A CLIENT IS NAMED" in text_of(mine.get(path))
    assert "A CLIENT IS NAMED" in text_of(desk.get("/admin/showcase?state=hidden"))
    assert post(desk, f"/admin/showcase/{entry}/unhide").status_code == 303
    assert visit().get(f"/showcase/{entry}").status_code == 200
    assert post(mine, f"/admin/showcase/{entry}/hide", {"reason": "no"}).status_code == 403


def test_filters_stand_in_the_address_and_nonsense_is_no_crash(visit, author, featured, work):
    agree(visit(author[0]), featured[0])
    client = visit()
    assert "旧页改造" in text_of(client.get(f"/showcase?course={work.course_id}&work={work.id}&sort=liked"))
    assert "Nothing here yet" in text_of(client.get("/showcase?month=2020-01"))
    for odd in ("month=2020-13", "after=x", "after=99999999999999999-1", "course=x", "sort=x"):
        assert "旧页改造" in text_of(client.get(f"/showcase?{odd}")), odd
