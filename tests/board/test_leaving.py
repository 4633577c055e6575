"""One's own data holds what one wrote and was told; leaving the club takes it away."""

from __future__ import annotations

import datetime as dt
import json

from sqlalchemy import select

from qunclub import board, notices
from qunclub.board import doctor
from qunclub.board.models import BoardPicture, BoardPost, BoardReader
from qunclub.home import leaving
from qunclub.home.export import export
from qunclub.kernel import outbox
from qunclub.kernel.uploads import StoredFile
from qunclub.notices import doctor as notices_doctor
from qunclub.notices.models import Notice, NoticeChoice

PICTURE = StoredFile("page.png", "image/png", 3, "0" * 64, "board/key-1")


def life(session, ring, now):
    """Ada wrote and changed a post with a picture, noted an announcement, was answered and mentioned."""
    ada, bo, _cy = ring.people
    slug = ring.group.slug
    ring.write(session, ring.host, title="Rules", announcement=True)
    ring.write(session, ada, "My words.", pictures=[PICTURE])
    board.edit(
        session, slug=slug, n=2, version=1, actor=ada, body_md="My better words.", now=now, zone=dt.UTC
    )
    ring.write(session, bo, f"Secret of another, @{ring.number(session, ada)}", answer_to=2)
    board.receive(session, slug=slug, n=1, actor=ada, now=now)
    board.seen(session, slug=slug, upto=3, actor=ada)
    board.hide(session, slug=slug, n=2, reason="Too loud.", actor=ring.host, now=now)
    notices.choose(session, member_id=ada.member_id, ways={"reply": "none"})
    return ada


def test_the_export_holds_ones_own(session, ring, now):
    ada = life(session, ring, now)
    data = json.loads(json.dumps(export(session, ada.member_id, now=now)))
    assert [one["body_md"] for one in data["board_posts"]] == ["My better words."]
    assert [one["body_md"] for one in data["board_versions"]] == ["My words.", "My better words."]
    assert len(data["board_pictures"]) == len(data["board_receipts"]) == len(data["notice_choices"]) == 1
    assert data["board_read"] == [{"group": ring.group.name, "read_to": 3}]
    assert [one["kind"] for one in data["notices"]] == ["mention", "conduct"]
    assert "Too loud." in data["notices"][1]["said"]
    text = json.dumps(data)
    assert "Secret of another" not in text and "key-1" not in text and "Person 1" not in text


def test_leaving_takes_it_away(session, ring, now):
    ada = life(session, ring, now)
    leaving.leave(session, actor=ada, member_id=ada.member_id, now=now)
    session.expire_all()
    rows = session.scalars(select(BoardPost).order_by(BoardPost.n)).all()
    assert [bool(one.body_md or one.title) for one in rows] == [True, False, True]
    for query in (
        select(BoardPicture.id),
        select(BoardReader.group_id).where(BoardReader.member_id == ada.member_id),
        select(NoticeChoice.kind).where(NoticeChoice.member_id == ada.member_id),
    ):
        assert session.execute(query).all() == []
    assert not session.scalars(select(Notice).where(Notice.member_id == ada.member_id)).all()
    files = select(outbox.OutboxMessage.payload).where(outbox.OutboxMessage.kind == "file_delete")
    assert {"storage_key": "board/key-1"} in session.scalars(files).all()
    assert doctor.check(session, now) == notices_doctor.check(session, now) == []
