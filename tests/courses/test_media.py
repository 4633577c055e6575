"""Files of a course: who may fetch them, in which pieces, and what editors do with them."""

import io

import pytest
from sqlalchemy import select

from qunclub import courses
from qunclub.courses import media_files, media_links, rules_media, services_media
from qunclub.courses.models import Lesson, Progress
from qunclub.courses.models_media import Media
from qunclub.kernel import Conflict, Invalid
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.kernel.uploads import StoredFile, Upload
from tests.courses.test_media_rules import MP3, MP4
from tests.homework import pictures
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


def kept(name="a.png", content_type="image/png", key="k1"):
    return StoredFile(name, content_type, 10, "0" * 64, key)


# ---- services


def test_names_are_taken_once_and_follow_into_the_texts(session, make, now):
    admin = make.actor(roles=("admin",))
    course = make.course()
    first, second = services_media.add(
        session, course_id=course.id, files=[kept(), kept("A.png", key="k2")], now=now, actor=admin
    )
    assert (first.name, second.name) == ("a.png", "A-2.png")
    lesson = make.lesson(course, body_md="![x](a.png) and a.png")
    with pytest.raises(Invalid):
        services_media.rename(session, media_id=first.id, name="A-2", now=now, actor=admin)
    assert services_media.rename(session, media_id=first.id, name="new one", now=now, actor=admin) == 1
    assert lesson.body_md == "![x](new-one.png) and a.png" and 'src="new-one.png"' in lesson.body_html
    with pytest.raises(Conflict):
        services_media.delete(session, media_id=first.id, now=now, actor=admin)
    with pytest.raises(Invalid):
        services_media.replace(
            session, media_id=first.id, file=kept("b.jpg", "image/jpeg", "k3"), now=now, actor=admin
        )
    services_media.replace(session, media_id=first.id, file=kept(key="k4"), now=now, actor=admin)
    services_media.delete(session, media_id=second.id, now=now, actor=admin)
    gone = {row.payload["storage_key"] for row in session.scalars(select(OutboxMessage))}
    assert gone == {"k1", "k2"} and first.storage_key == "k4"
    acts = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("media.%"))).all()
    assert sorted(acts) == ["media.add", "media.add", "media.delete", "media.rename", "media.replace"]


def test_a_lesson_takes_only_what_it_can_play(session, make, now):
    admin = make.actor(roles=("admin",))
    course, other = make.course(), make.course()
    services_media.add(session, course_id=course.id, files=[kept()], now=now, actor=admin)
    song = kept("s.mp3", "audio/mpeg", "k2")
    services_media.add(session, course_id=other.id, files=[song], now=now, actor=admin)
    for kind, name in (("video", "a.png"), ("audio", "a.png"), ("audio", "s.mp3")):
        with pytest.raises(Invalid) as refused:
            courses.add_lesson(
                session, course_id=course.id, slug="x", title="X", kind=kind, media=name, now=now, actor=admin
            )
        assert refused.value.field == "media"
    made = courses.add_lesson(
        session, course_id=other.id, slug="x", title="X", kind="audio", media="s.mp3", now=now, actor=admin
    )
    with pytest.raises(Conflict):
        services_media.delete(session, media_id=made.media_id or 0, now=now, actor=admin)


# ---- pages


@pytest.fixture
def admin(make):
    return make.account(roles=("admin",))


@pytest.fixture
def course(make):
    made = make.course(slug="c")
    make.plan(slug="basic", courses=[made])
    return made


def put(client, course, name, data):
    """Upload as the form does."""
    return post(
        client, f"/admin/courses/{course.id}/files", {"files": (io.BytesIO(data), name)},
        content_type="multipart/form-data",
    )  # fmt: skip


@pytest.fixture
def shop(app, make, admin, course):
    """A course with a film for holders of a pass and a picture in its preview."""
    client = sign_in(app.test_client(), admin)
    assert put(client, course, "film.mp4", MP4).status_code == 303
    assert put(client, course, "pic.png", pictures.picture()).status_code == 303
    make.lesson(course, slug="free", is_preview=True, body_md="![p](pic.png)")
    make.lesson(course, slug="paid", body_md="[film](film.mp4)")
    return client


@pytest.fixture
def reader(make, course):
    account, member = make.person()
    plan = make.plan(slug="second", courses=[course])
    make.pass_(plan, member)
    return account


def link_of(client, lesson="paid", name="film.mp4"):
    answer = client.get(f"/courses/c/-/media/{lesson}/{name}")
    assert answer.status_code == 302, answer.status_code
    return answer.location


def test_only_who_may_read_the_lesson_can_fetch(app, make, shop, reader, clock):
    mine = sign_in(app.test_client(), reader)
    link = link_of(mine)
    whole = mine.get(link)
    assert whole.status_code == 200 and whole.data == MP4 and whole.mimetype == "video/mp4"
    assert (
        whole.headers["X-Content-Type-Options"] == "nosniff"
        and "sandbox" in whole.headers["Content-Security-Policy"]
    )
    stranger, other = app.test_client(), sign_in(app.test_client(), make.person()[0])
    for client in (stranger, other):
        assert client.get("/courses/c/-/media/paid/film.mp4").status_code == 403
        assert client.get(link).status_code == 403
        # A lesson that is open does not lend its door to files that it does not show.
        assert client.get("/courses/c/-/media/free/film.mp4").status_code == 403
        assert client.get("/courses/c/-/media/-/film.mp4").status_code == 403
        assert client.get("/courses/c/-/media/none/film.mp4").status_code == 403
    # A link that expired, one of another's making, one of another purpose.
    assert mine.get(link.replace("/-/media/", "/-/media/x")).status_code == 404
    clock.advance(seconds=rules_media.LINK_LASTS.total_seconds())
    assert mine.get(link).status_code == 403
    assert mine.get(link_of(mine)).status_code == 200


def test_a_right_that_ends_ends_the_link(app, site_db, shop, reader):
    mine = sign_in(app.test_client(), reader)
    link = link_of(mine)
    with site_db.session() as session:
        session.scalars(select(Lesson).where(Lesson.slug == "paid")).one().state = "draft"
        session.commit()
    assert mine.get(link).status_code == 403


def test_another_holder_of_a_pass_needs_a_link_of_their_own(app, make, shop, reader, course):
    account, member = make.person()
    make.pass_(make.plan(slug="third", courses=[course]), member)
    link = link_of(sign_in(app.test_client(), reader))
    other = sign_in(app.test_client(), account)
    assert other.get(link).status_code == 403 and other.get(link_of(other)).status_code == 200


def test_a_preview_is_public_and_its_page_names_the_file(app, shop):
    stranger = app.test_client()
    page = text_of(stranger.get("/courses/c/free"))
    assert 'src="/courses/c/-/media/free/pic.png"' in page
    answer = app.test_client().get(link_of(stranger, "free", "pic.png"))
    assert answer.status_code == 200 and answer.mimetype == "image/png"
    assert answer.headers["Content-Disposition"].startswith("inline")


def test_a_link_for_everybody_opens_nothing_that_is_not_public(app, site_db, shop, clock):
    with site_db.session() as session:
        media = session.scalars(select(Media.id).where(Media.name == "film.mp4")).one()
        lesson = session.scalars(select(Lesson.id).where(Lesson.slug == "paid")).one()
    token = media_links.sign(
        app.extensions["qunclub"].secret, media_id=media, lesson_id=lesson, member_id=0, now=clock()
    )
    assert app.test_client().get(f"/courses/-/media/{token}/film.mp4").status_code == 403
    # Staff reads everything, but not with a link that names nobody.
    assert shop.get(f"/courses/-/media/{token}/film.mp4").status_code == 403


def test_ranges(app, shop, reader):
    client = sign_in(app.test_client(), reader)
    link, size = link_of(client), len(MP4)

    def ask(value=None, **headers):
        given = {key.replace("_", "-"): text for key, text in headers.items()}
        return client.get(link, headers={**given, **({"Range": value} if value else {})})

    for value, piece in (
        ("bytes=0-0", MP4[:1]),
        ("bytes=4-11", MP4[4:12]),
        ("bytes=200-", MP4[200:]),
        ("bytes=-5", MP4[-5:]),
        ("bytes=10-99999", MP4[10:]),
    ):
        answer = ask(value)
        assert (answer.status_code, answer.data) == (206, piece), value
        begin = size - 5 if value == "bytes=-5" else int(value[6:].split("-")[0])
        assert answer.headers["Content-Range"] == f"bytes {begin}-{begin + len(piece) - 1}/{size}"
        assert int(answer.headers["Content-Length"]) == len(piece)
    for value in (f"bytes={size}-", "bytes=99999-"):
        none = ask(value)
        assert none.status_code == 416 and none.headers["Content-Range"] == f"bytes */{size}"
    for value in ("bytes=x-", "lines=1-2", "bytes=0-1,4-5", "bytes=9-1"):
        assert (ask(value).status_code, ask(value).data) == (200, MP4), value
    whole = ask()
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert ask("bytes=0-3", If_Range=etag).status_code == 206
    assert ask("bytes=0-3", If_Range=modified).status_code == 206
    assert ask("bytes=0-3", If_Range='"old"').data == MP4
    assert ask("bytes=0-3", If_Range="Wed, 01 Jan 2020 00:00:00 GMT").data == MP4
    assert ask(If_None_Match=etag).status_code == 304
    head = client.head(link)
    assert head.status_code == 200 and int(head.headers["Content-Length"]) == size and not head.data
    part = client.head(link, headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and int(part.headers["Content-Length"]) == 4 and not part.data


def test_what_is_not_shown_is_a_download(app, make, shop, reader, course):
    assert put(shop, course, "paper.pdf", b"%PDF-1.4 x").status_code == 303
    make.lesson(course, slug="paper", body_md="[p](paper.pdf)")
    client = sign_in(app.test_client(), reader)
    answer = client.get(link_of(client, "paper", "paper.pdf"))
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_an_editor_adds_renames_replaces_deletes(app, shop, course, site_db, client, reader):
    with site_db.session() as session:
        ids = dict(session.execute(select(Media.name, Media.id)).all())
    in_language(shop, "en")
    page = text_of(shop.get(f"/admin/courses/{course.id}/files"))
    assert "film.mp4" in page and "![pic](pic.png)" in page and "2 files" in page
    sent = post(
        shop, f"/admin/courses/{course.id}/files", {"files": (io.BytesIO(MP3), "song.mp3")},
        content_type="multipart/form-data", headers={"Accept": "application/json"},
    )  # fmt: skip
    assert sent.json == {"files": [{"name": "song.mp3", "markdown": "[song.mp3](song.mp3)"}]}
    bad = put(shop, course, "page.html", b"<script>")
    assert bad.status_code == 422 and "page.html is not a file the club takes" in text_of(bad)
    assert post(shop, f"/admin/files/{ids['pic.png']}/rename", {"name": "cover"}).status_code == 303
    assert "/-/media/free/cover.png" in text_of(client.get("/courses/c/free"))
    assert post(shop, f"/admin/files/{ids['pic.png']}/delete").status_code == 409
    answer = post(
        shop, f"/admin/files/{ids['pic.png']}/replace",
        {"files": (io.BytesIO(pictures.picture(size=(3, 3))), "x.png")}, content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 303
    member = sign_in(app.test_client(), reader)
    assert member.get(f"/admin/courses/{course.id}/files").status_code == 403
    assert put(member, course, "a.mp3", MP3).status_code == 403


def test_a_lesson_plays_its_film_and_a_live_one_opens_its_door(app, shop, course, reader, site_db, clock):
    values = {
        "title": "Film",
        "slug": "movie",
        "body_md": "See.",
        "kind": "video",
        "media": "film.mp4",
        "state": "published",
    }
    path = f"/admin/courses/{course.id}/lessons/new"
    assert post(shop, path, {**values, "media": ""}).status_code == 422
    assert post(shop, path, values).status_code == 303
    starts = clock().astimezone(app.extensions["qunclub"].settings.zone)
    live = {**values, "slug": "live", "kind": "live", "media": "", "live_url": "https://meet.example/1"}
    live["live_starts_at"] = starts.strftime("%Y-%m-%dT%H:%M")
    assert post(shop, path, live).status_code == 303
    mine = sign_in(app.test_client(), reader)
    page = text_of(mine.get("/courses/c/movie"))
    assert "<video" in page and 'src="/courses/c/-/media/movie/film.mp4"' in page
    assert mine.get(link_of(mine, "movie")).data == MP4
    assert "https://meet.example/1" in text_of(mine.get("/courses/c/live"))
    stranger = app.test_client()
    assert "https://meet.example/1" not in text_of(stranger.get("/courses/c/live"))
    assert "/-/media/" not in text_of(stranger.get("/courses/c/movie"))


# ---- where the reader was


def test_the_place_is_kept_and_offered_again(app, shop, reader, site_db):
    mine = sign_in(app.test_client(), reader)
    mine.get("/courses/c/paid")
    assert post(mine, "/courses/c/paid/place", {"text": "420", "media": "33"}).status_code == 204
    assert post(mine, "/courses/c/paid/place", {"text": "x"}).status_code == 204
    page = text_of(mine.get("/courses/c/paid"))
    assert 'data-text="420"' in page and 'data-media="33"' in page
    with site_db.session() as session:
        assert [(row.text_at, row.media_at) for row in session.scalars(select(Progress))] == [(420, 33)]
    in_language(mine, "en")
    assert "Continue where you were" in text_of(mine.get("/courses/c"))
    other = app.test_client()
    assert post(other, "/courses/c/paid/place", {"text": "1"}).status_code in (302, 303, 401, 403)


def test_a_place_in_a_locked_lesson_is_refused(app, make, shop, course):
    other = sign_in(app.test_client(), make.person()[0])
    assert post(other, "/courses/c/paid/place", {"text": "1"}).status_code == 403
    assert post(other, "/courses/c/none/place", {"text": "1"}).status_code == 404


def test_fetching_costs_the_same_however_large_the_course(app, make, shop, course, reader, site_db):
    mine = sign_in(app.test_client(), reader)
    counts = []
    for _round in range(2):
        with count_statements(site_db.engine) as seen:
            mine.get(link_of(mine))
        counts.append(seen.count)
        for _lesson in range(5):
            make.lesson(course)
    assert counts[0] == counts[1]


def test_an_upload_that_fails_leaves_no_bytes(app, make, admin, course):
    client = sign_in(app.test_client(), admin)
    files = app.extensions["qunclub"].files
    put_keys = []
    original = files.put

    def put_and_note(key, data):
        put_keys.append(key)
        original(key, data)

    files.put = put_and_note
    post(
        client, "/admin/courses/99999/files", {"files": (io.BytesIO(MP3), "a.mp3")},
        content_type="multipart/form-data",
    )  # fmt: skip
    assert put_keys and not any(files.has(key) for key in put_keys)
    assert media_files.check(Upload("a.mp3", MP3), max_bytes=999).name == "a.mp3"
