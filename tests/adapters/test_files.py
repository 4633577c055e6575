"""The file store in a folder and in a bucket: the same answers, and of a range nothing else is read."""

import pytest
from obstore.store import LocalStore

from qunclub.adapters.files import ObjectFiles
from tests.courses.test_media_rules import MP4
from tests.support.pages import sign_in
from tests.support.s3 import s3_files

KEY = "media/a-film"
FILM = bytes(range(256)) * 4_000


@pytest.fixture(params=["folder", "s3"])
def files(request, tmp_path):
    if request.param == "folder":
        yield ObjectFiles(LocalStore(str(tmp_path / "files"), mkdir=True))
    else:
        with s3_files() as (store, _bucket):
            yield store


def test_bytes_come_back_whole_and_in_ranges(files):
    files.put(KEY, FILM)
    assert files.has(KEY) and files.get(KEY) == FILM
    for start, length in ((0, 1), (255, 2), (500_000, 7), (len(FILM) - 3, 3), (len(FILM) - 3, 10)):
        assert files.get_range(KEY, start, length) == FILM[start : start + length]
    files.delete(KEY)
    files.delete(KEY)
    assert not files.has(KEY)
    for ask in (lambda: files.get(KEY), lambda: files.get_range(KEY, 0, 1)):
        with pytest.raises(KeyError):
            ask()


def test_of_a_bucket_only_the_range_is_sent():
    with s3_files() as (files, bucket):
        files.put(KEY, FILM)
        bucket.sent = 0
        assert files.get_range(KEY, 1_000, 20) == FILM[1_000:1_020]
        assert bucket.sent == 20
        assert bucket.asked[-1] == ("GET", KEY, "bytes=1000-1019")


def test_a_player_winds_on_in_a_film_that_lies_in_a_bucket(app, client, make):
    """From the page's link to the bucket: what was asked for is what is read, and no more."""
    account = make.account(roles=("admin",))
    sign_in(client, account)
    course = make.course()
    with s3_files() as (files, bucket):
        app.extensions["qunclub"].files = files
        make.medium(course, "film.mp4", "video/mp4", data=MP4, store=files)
        bucket.sent = 0
        answer = client.get(f"/admin/courses/{course.id}/files/film.mp4", headers={"Range": "bytes=10-19"})
        assert (answer.status_code, answer.data) == (206, MP4[10:20])
        assert answer.headers["Content-Range"] == f"bytes 10-19/{len(MP4)}"
        assert bucket.sent == 10
        tail = client.get(f"/admin/courses/{course.id}/files/film.mp4", headers={"Range": "bytes=-4"})
        assert tail.data == MP4[-4:]
        bucket.objects.clear()
        gone = client.get(f"/admin/courses/{course.id}/files/film.mp4", headers={"Range": "bytes=0-3"})
        assert gone.status_code == 404
