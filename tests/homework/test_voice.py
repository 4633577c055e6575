"""Spoken comments: recognised by content, kept as drafts, sent with the review, heard by those who may read it."""

import io
import json

import pytest
from sqlalchemy import select

from qunclub import homework
from qunclub.home.export import export
from qunclub.homework import doctor_voice, voice_files
from qunclub.homework.models_voice import SpokenComment
from qunclub.kernel import Invalid
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.uploads import Upload
from tests.courses.test_media_rules import MP3, MP4
from tests.homework.test_desk import filled, reviews
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

WEBM = b"\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1fB\x86\x81\x01B\xf7\x81\x01"
WEBM += b"B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + b"\0" * 200
OGG = b"OggS\x00\x02" + b"\0" * 22 + b"OpusHead" + b"\0" * 100


@pytest.mark.parametrize(
    ("data", "kind"), [(MP3, "audio/mpeg"), (MP4, "audio/mp4"), (WEBM, "audio/webm"), (OGG, "audio/ogg")]
)
def test_the_type_comes_from_the_content(data, kind):
    found = voice_files.check(Upload("x.exe", data))
    assert found.content_type == kind and found.name == f"comment{voice_files.ENDINGS[kind]}"


@pytest.mark.parametrize(
    "data",
    [b"", b"<html><script>", b"%PDF-1.7 x", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, MP3 + b"\0" * 8_000_000],
)
def test_what_is_no_recording_is_refused(data):
    with pytest.raises(Invalid) as refused:
        voice_files.check(Upload("a.mp3", data))
    assert refused.value.field == "voice"


@pytest.fixture
def one(make, work, author):
    """A submission that waits."""
    return make.submission(work, member=author[1], body_md="THE WORK")


def told(answer):
    return json.loads(answer.data)


def sent(client, one, data=MP3, path="voice", **fields):
    where = f"/desk/{one.id}/{path}" if path else f"/desk/{one.id}"
    return post(
        client,
        where,
        {"voice": (io.BytesIO(data), "recording"), **fields},
        content_type="multipart/form-data",
    )


def rows(site_db):
    with site_db.session() as session:
        return [
            (row.id, row.review_id)
            for row in session.scalars(select(SpokenComment).order_by(SpokenComment.id))
        ]


def test_recorded_kept_sent_and_heard(visit, make, site_db, teacher, author, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    found = told(sent(client, one, WEBM))
    listened = client.get(found["url"])
    assert (
        listened.data == WEBM
        and listened.mimetype == "audio/webm"
        and listened.headers["Accept-Ranges"] == "bytes"
    )
    piece = client.get(found["url"], headers={"Range": "bytes=1-3"})
    assert piece.status_code == 206 and piece.data == WEBM[1:4]
    # It waits with the draft, for its reviewer alone.
    assert f'name="voice_id" value="{found["id"]}"' in text_of(visit(teacher[0]).get(f"/desk/{one.id}"))
    second, mine = visit(make.person(name="Second", roles=("instructor",))[0]), visit(author[0])
    other = visit(make.person(name="Other")[0])
    assert [who.get(found["url"]).status_code for who in (second, mine, other)] == [404, 404, 404]
    assert "voice_id" not in text_of(second.get(f"/desk/{one.id}"))
    unseen = told(sent(client, one, OGG))
    # What the window did not show is not sent with it.
    assert (
        post(client, f"/desk/{one.id}", filled(site_db, work, voice_id=str(found["id"]))).status_code == 303
    )
    (first, review), (rest, none) = rows(site_db)
    assert (first, rest, none) == (found["id"], unseen["id"], None) and review is not None
    assert [who.get(found["url"]).status_code for who in (second, mine, other, visit())] == [
        200,
        200,
        404,
        303,
    ]
    assert found["url"] in text_of(mine.get(f"/homework/{work.id}"))
    assert post(client, f"/desk/{one.id}", {"unvoice": str(first)}).status_code == 404


def test_without_a_script_it_comes_with_the_form(visit, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    form = filled(site_db, work, comment_md="TYPED")
    page = text_of(sent(client, one, path="", voice_keep="1", **form))
    (ident, _none) = rows(site_db)[0]
    assert "TYPED" in page and f'name="voice_id" value="{ident}"' in page and reviews(site_db) == []
    page = text_of(post(client, f"/desk/{one.id}", {**form, "unvoice": str(ident)}))
    assert "TYPED" in page and rows(site_db) == []
    with site_db.session() as session:
        assert "file_delete" in session.scalars(select(OutboxMessage.kind)).all()
    wrong = sent(client, one, b"<html>", path="", **form)
    assert wrong.status_code == 422 and "not a recording" in text_of(wrong) and "TYPED" in text_of(wrong)
    assert reviews(site_db) == []


def test_a_stale_review_leaves_the_recording_with_its_reviewer(visit, make, site_db, teacher, work, one):
    client = visit(teacher[0])
    ident = told(sent(client, one))["id"]
    second = visit(make.person(name="Second", roles=("instructor",))[0])
    post(second, f"/desk/{one.id}", filled(site_db, work))
    answer = post(client, f"/desk/{one.id}", filled(site_db, work, voice_id=str(ident)))
    assert (
        answer.status_code == 409
        and f'value="{ident}"' in text_of(answer)
        and rows(site_db) == [(ident, None)]
    )


def test_there_is_an_end_to_it(visit, site_db, teacher, make, work, one):
    client = visit(teacher[0])
    for _ in range(voice_files.MAX_RECORDINGS):
        assert sent(client, one).status_code == 200
    refused = sent(client, one)
    assert refused.status_code == 422 and "at most 3" in told(refused)["message"]
    own = make.submission(work, member=teacher[1])
    assert sent(client, own).status_code == 403
    assert sent(visit(make.account(number=True)), one).status_code == 403


def test_another_cannot_send_or_throw_away_mine(visit, make, site_db, teacher, work, one):
    ident = told(sent(visit(teacher[0]), one))["id"]
    second = visit(make.person(name="Second", roles=("instructor",))[0])
    assert post(second, f"/desk/{one.id}", {"unvoice": str(ident)}).status_code == 404
    post(second, f"/desk/{one.id}", filled(site_db, work, voice_id=str(ident)))
    assert rows(site_db) == [(ident, None)]


def test_lost_bytes_export_and_forgetting(app, visit, site_db, teacher, author, work, one, now):
    client = visit(teacher[0])
    ident = told(sent(client, one))["id"]
    left = told(sent(client, one))["id"]
    post(client, f"/desk/{one.id}", filled(site_db, work, voice_id=str(ident)))
    files = app.extensions["qunclub"].files
    with site_db.session() as session:
        assert doctor_voice.check_bytes(files, session, now) == []
        key = session.get_one(SpokenComment, ident).storage_key
        files.delete(key)
        assert [found.details for found in doctor_voice.check_bytes(files, session, now)] == [
            {"recording": ident}
        ]
    assert client.get(f"/homework/voice/{ident}").status_code == 404
    with site_db.session() as session:
        assert [row["id"] for row in export(session, author[1].id, now=now)["recordings"]] == [ident]
        assert [row["id"] for row in export(session, teacher[1].id, now=now)["recordings"]] == [ident, left]
        keys = homework.forget(session, member_id=teacher[1].id, now=now)
        assert len(keys) == 1 and session.get(SpokenComment, ident) is not None
        assert key in homework.forget(session, member_id=author[1].id, now=now)
        session.commit()
    assert rows(site_db) == []


def test_pages_cost_the_same_with_recordings(visit, site_db, teacher, author, work, one):
    client, mine = visit(teacher[0]), visit(author[0])

    def cost():
        counts = []
        for who, path in ((client, f"/desk/{one.id}"), (mine, f"/homework/{work.id}")):
            who.get(path)
            with count_statements(site_db.engine) as seen:
                who.get(path)
            counts.append(seen.count)
        return counts

    before = cost()
    ids = [str(told(sent(client, one))["id"]) for _ in range(3)]
    assert cost() == before
    post(client, f"/desk/{one.id}", filled(site_db, work, voice_id=ids))
    assert len([1 for _id, review in rows(site_db) if review]) == 3 and cost() == before
