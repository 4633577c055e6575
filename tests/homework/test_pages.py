"""My homework, handing in, files: who sees what, in both languages."""

import io

import pytest
from sqlalchemy import select

from qunclub.homework.models import Attempt, Submission, SubmissionFile
from tests.homework.pictures import picture
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


def hand_in(client, work, body="My **work**.", files=(), **extra):
    data = {"body_md": body, "files": [(io.BytesIO(data), name) for name, data in files], **extra}
    return post(client, f"/homework/{work.id}", data, content_type="multipart/form-data")


def file_ids(site_db):
    with site_db.session() as session:
        return list(session.scalars(select(SubmissionFile.id).order_by(SubmissionFile.id)))


def test_my_homework_says_what_to_do_next(visit, author, work):
    page = text_of(visit(author[0]).get("/homework"))
    assert "旧页改造" in page and "What to do next" in page and "up to 105 points" in page
    chinese = text_of(visit(author[0], "zh").get("/homework"))
    assert "完成并提交" in chinese and "最多 105 积分" in chinese


def test_without_a_pass_the_list_says_where_homework_comes_from(visit, make, work):
    page = text_of(visit(make.account()).get("/homework"))
    assert "No homework for you yet" in page and "旧页改造" not in page


def test_strangers_sign_in_first(visit, work):
    assert "/sign-in" in visit().get("/homework").location
    assert hand_in(visit(), work).status_code == 303


def test_everybody_may_read_the_brief_and_the_rubric(visit, author, work):
    page = text_of(visit().get(f"/homework/{work.id}"))
    assert "Make <strong>one</strong> page" in page and "Clear" in page and "60 %" in page
    assert "/passes/basic" in page and "<textarea" not in page


def test_a_draft_is_for_staff(visit, make, teacher):
    hidden = make.assignment(state="draft")
    assert visit().get(f"/homework/{hidden.id}").status_code == 404
    assert visit(teacher[0]).get(f"/homework/{hidden.id}").status_code == 200


def test_handing_in_with_files(visit, author, work, site_db, app):
    client = visit(author[0])
    answer = hand_in(client, work, files=[("改后.png", picture()), ("notes.md", b"# Notes")])
    assert (answer.status_code, answer.location) == (303, f"/homework/{work.id}#mine")
    page = text_of(client.get(f"/homework/{work.id}"))
    assert "Handed in." in page and "My <strong>work</strong>." in page and "改后.png" in page
    assert "Waiting for review" in page and '<form method="post" enctype' not in page
    with site_db.session() as session:
        keys = session.scalars(select(SubmissionFile.storage_key)).all()
    assert all(app.extensions["qunclub"].files.get(key) for key in keys)


def test_what_was_typed_stays_when_a_file_is_refused(visit, author, work, site_db, app, tmp_path):
    answer = hand_in(
        visit(author[0]), work, body="KEPT TEXT", files=[("a.svg", b"<svg/>"), ("b.png", picture())]
    )
    page = text_of(answer)
    assert answer.status_code == 422 and "KEPT TEXT" in page and "a.svg is not a file" in page
    assert "Choose your files again" in page
    assert file_ids(site_db) == []
    assert not [path for path in (tmp_path / "instance" / "files").rglob("*") if path.is_file()]


def test_bytes_are_forgotten_when_the_work_is_refused(visit, author, work, tmp_path):
    client = visit(author[0])
    hand_in(client, work)
    answer = hand_in(client, work, files=[("b.png", picture())])
    assert answer.status_code == 409
    assert not [path for path in (tmp_path / "instance" / "files").rglob("*") if path.is_file()]


def test_nothing_is_refused_with_a_sentence(visit, author, work):
    answer = hand_in(visit(author[0]), work, body="  ")
    assert answer.status_code == 422 and "Write something, or add a file." in text_of(answer)


def test_limits_of_the_club_hold(make_app, author, work):
    from tests.support.pages import in_language, sign_in

    client = make_app(QUNCLUB_UPLOAD_MAX_FILES="2", QUNCLUB_UPLOAD_MAX_BYTES="1000").test_client()
    in_language(sign_in(client, author[0]), "en")
    many = hand_in(client, work, files=[("a.txt", b"1"), ("b.txt", b"1"), ("c.txt", b"1")])
    assert many.status_code == 422 and "At most 2 files" in text_of(many)
    assert hand_in(client, work, files=[("a.txt", b"1" * 1001)]).status_code == 422


def test_who_holds_no_pass_cannot_hand_in(visit, make, work):
    assert hand_in(visit(make.account()), work).status_code == 403


def test_a_preview_hands_nothing_in(visit, author, work, site_db):
    client = visit(author[0])
    page = text_of(hand_in(client, work, body="**bold**", preview="1"))
    assert "<strong>bold</strong>" in page
    fragment = post(client, "/homework/preview", {"body_md": "<img src=x onerror=alert(1)>ok"}, htmx=True)
    assert "onerror" not in text_of(fragment)
    with site_db.session() as session:
        assert session.scalars(select(Submission.id)).all() == []


def test_after_a_return_the_comment_is_read_and_the_work_revised(visit, author, teacher, work, site_db, make):
    client = visit(author[0])
    hand_in(client, work, body="FIRST TEXT")
    with site_db.session() as session:
        ident = session.scalars(select(Submission.id)).one()
    desk = visit(teacher[0])
    assert post(desk, f"/desk/{ident}/claim").status_code == 303
    saved = post(
        desk, f"/desk/{ident}", {"version": "1", "verdict": "return", "comment_md": "Make it **shorter**"}
    )
    assert saved.status_code == 303
    page = text_of(client.get(f"/homework/{work.id}"))
    assert "Make it <strong>shorter</strong>" in page and "Returned" in page
    # Revising starts from the text of before.
    assert "FIRST TEXT</textarea>" in page
    assert "Revise" in text_of(client.get("/homework"))
    assert hand_in(client, work, body="SECOND TEXT").status_code == 303
    page = text_of(client.get(f"/homework/{work.id}"))
    assert "Attempt 2" in page and "Attempt 1" in page and "SECOND TEXT" in page
    with site_db.session() as session:
        assert session.scalars(select(Attempt.n).order_by(Attempt.n)).all() == [1, 2]


# ---- files are given out to whoever may have them, and to nobody as a page


@pytest.fixture
def handed(visit, author, work, site_db):
    """Ids of a picture and of a text in a waiting submission."""
    hand_in(
        visit(author[0]), work, files=[("shot.html", picture()), ("page.txt", b"<script>alert(1)</script>")]
    )
    return file_ids(site_db)


def test_a_file_is_an_attachment_that_runs_nothing(visit, author, handed):
    for ident, kind in zip(handed, ("image/png", "text/plain"), strict=True):
        answer = visit(author[0]).get(f"/homework/files/{ident}")
        assert answer.mimetype == kind
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "no-store" in answer.headers["Cache-Control"]
    assert ".html" not in visit(author[0]).get(f"/homework/files/{handed[0]}").headers["Content-Disposition"]


def test_files_are_for_the_author_and_instructors(visit, make, author, teacher, handed):
    path = f"/homework/files/{handed[0]}"
    assert visit(author[0]).get(path).status_code == 200
    assert visit(teacher[0]).get(path).status_code == 200
    assert visit(make.account(number=True)).get(path).status_code == 404
    assert visit(make.account(roles=("host",))).get(path).status_code == 404
    assert visit().get(path).status_code == 303
    assert visit(author[0]).get("/homework/files/999999").status_code == 404


def test_pages_cost_the_same_however_much_was_handed_in(visit, make, author, work, site_db):
    client = visit(author[0])
    hand_in(client, work, files=[("a.txt", b"1")])

    def statements():
        counts = []
        for path in ("/homework", f"/homework/{work.id}"):
            client.get(path)
            with count_statements(site_db.engine) as seen:
                client.get(path)
            counts.append(seen.count)
        return counts

    before = statements()
    for _ in range(5):
        make.submission(work)
        make.assignment(course=make.course())
    assert statements() == before
    assert max(before) <= 13


def test_the_mail_speaks_the_authors_language(app, visit, author, teacher, work, site_db, make):
    from qunclub.web.mailing import deliver

    sent = []

    class Box:
        def send(self, message):
            sent.append(message)

    state = app.extensions["qunclub"]
    state.mailer = Box()
    context = {
        "name": "小林", "title": "旧页改造", "assignment_id": 3, "verdict": "feature", "score": 95, "scored": True,
        "reviewer": "王老师",
    }  # fmt: skip
    for locale in ("zh", "en"):
        for verdict in ("accept", "feature", "return"):
            payload = {"to": "a@b.c", "template": "review_done", "context": {**context, "verdict": verdict}}
            with app.app_context():
                deliver(state, {**payload, "locale": locale}, f"{locale}-{verdict}")
    assert "已点评" in sent[0].subject and "王老师" in sent[0].body
    assert "was reviewed" in sent[3].subject and "/homework/3" in sent[5].body
