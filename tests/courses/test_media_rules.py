"""Names in texts, kinds of lessons, hours of a live session, places in a lesson: by example and by property."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qunclub.courses import media_files, media_links, rules_media
from qunclub.courses.rules_media import Place
from qunclub.kernel import Invalid, render_markdown
from qunclub.kernel.uploads import Upload, clean_name, named
from tests.homework import pictures

MP3 = b"ID3\x03\x00\x00\x00\x00\x00\x21" + b"\0" * 200
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\0" * 200


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_name_made_here_can_stand_in_a_text(name):
    made = rules_media.file_name(named(clean_name(name), ".png"))
    assert rules_media.NAME.fullmatch(made)
    html = render_markdown(f"![x]({made})")
    assert rules_media.names_in(html) == {made}
    assert "/at/" in rules_media.linked(html, lambda found: f"/at/{found}")
    assert rules_media.renamed(f"![x]({made})", made, "new.png") == "![x](new.png)"


def test_other_links_stay_as_they_are():
    html = '<a href="second">x</a> <a href="https://x.org/a.png">y</a> <a href="/a.png">z</a> <a href="#a.png">n</a>'
    assert rules_media.linked(html, lambda name: "no") == html and not rules_media.names_in(html)


@given(st.one_of(st.none(), st.integers(-9, 10**9)), st.one_of(st.none(), st.integers(-9, 10**9)))
def test_a_place_is_within_the_lesson_and_what_was_not_said_stays(text, media):
    kept = rules_media.place_to_keep(text=text, media=media, kept=Place(3, 4))
    assert 0 <= kept.text <= rules_media.WHOLE and 0 <= kept.media <= rules_media.MOST_SECONDS
    assert text is not None or kept.text == 3
    assert media is not None or kept.media == 4
    assert rules_media.place_to_keep(text=text, media=media, kept=kept) == kept


def test_a_kind_keeps_only_what_is_its_own(now):
    live = {"live_url": "https://x.org/room", "live_starts_at": now, "live_ends_at": None}
    kept = rules_media.check_kind("article", media="a.mp3", **live)
    assert kept["media"] == "" and kept["live_url"] == "" and kept["live_starts_at"] is None
    assert rules_media.check_kind("live", media="", **live)["live_url"] == "https://x.org/room"
    for field, values in (
        ("media", {"kind": "video", "media": ""}),
        ("kind", {"kind": "dance", "media": ""}),
        ("live_url", {"kind": "live", "media": "", "live_url": "javascript:alert(1)"}),
        ("live_starts_at", {"kind": "live", "media": "", "live_starts_at": None}),
        ("live_ends_at", {"kind": "live", "media": "", "live_ends_at": now - dt.timedelta(hours=1)}),
    ):
        with pytest.raises(Invalid) as refused:
            rules_media.check_kind(**{**live, **values})
        assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "data", "kind", "made"),
    [
        ("My song (1).mp3", MP3, "audio/mpeg", "My-song-1.mp3"),
        ("film.exe", MP4, "video/mp4", "film.mp4"),
        ("图 1.png", pictures.picture(), "image/png", "图-1.png"),
        ("../../x.pdf", b"%PDF-1.4\n%x", "application/pdf", "x.pdf"),
        ("pack.zip", pictures.zipped("a.txt"), "application/zip", "pack.zip"),
    ],
)
def test_the_content_says_what_a_file_is(name, data, kind, made):
    found = media_files.check(Upload(name, data), max_bytes=10_000)
    assert (found.content_type, found.name) == (kind, made)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<html><script>alert(1)</script>"),
        ("picture.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("song.mp3", b"MZ\x90\0" + b"\0" * 100),
        ("run.pdf", pictures.zipped("a")),
        ("script.jar", pictures.zipped("a")),
        ("bomb.png", pictures.png_claiming(60_000, 60_000)),
        ("empty.mp4", b""),
        ("large.mp3", MP3 + b"\0" * 10_000),
    ],
)
def test_hostile_files_are_refused(name, data):
    with pytest.raises(Invalid):
        media_files.check(Upload(name, data), max_bytes=10_000)


def test_what_hides_in_a_picture_is_left_behind():
    dirty = pictures.picture() + b"<script>alert(1)</script>"
    assert b"script" not in media_files.check(Upload("a.png", dirty), max_bytes=10_000).data


def test_a_link_cannot_be_made_by_others(now):
    token = media_links.sign("secret", media_id=1, lesson_id=2, member_id=3, now=now)
    link = media_links.read("secret", token)
    assert link is not None and (link.media_id, link.lesson_id, link.member_id) == (1, 2, 3)
    assert link.holds(now) and not link.holds(now + rules_media.LINK_LASTS)
    assert media_links.read("other", token) is None
    assert media_links.read("secret", token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert media_links.read("secret", "") is None
