"""Hostile uploads: whatever they are called, they end as pixels, as a harmless attachment, or not at all."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qunclub.homework import uploads
from qunclub.homework.uploads import Limits, Upload
from qunclub.kernel import Invalid
from qunclub.kernel.uploads import stored
from tests.homework.pictures import office, picture, png_claiming, png_with_text_bomb, zipped

LIMITS = Limits(max_files=3, max_bytes=2_000_000)
SCRIPT = b"<script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def check(name, data):
    return uploads.check(Upload(name, data), LIMITS)


def refused(name, data):
    with pytest.raises(Invalid) as error:
        check(name, data)
    assert error.value.field == "files"
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "data", "kept", "content_type"),
    [
        ("a.png", picture(), "a.png", "image/png"),
        ("a.JPG", picture("JPEG"), "a.jpg", "image/jpeg"),
        ("a.webp", picture("WEBP"), "a.webp", "image/webp"),
        ("a.gif", picture("GIF"), "a.png", "image/png"),
        ("a.pdf", PDF, "a.pdf", "application/pdf"),
        ("稿子.pptx", office("ppt"), "稿子.pptx", uploads.OFFICE[".pptx"]),
        ("a.docx", office("word"), "a.docx", uploads.OFFICE[".docx"]),
        ("a.xlsx", office("xl"), "a.xlsx", uploads.OFFICE[".xlsx"]),
        ("a.zip", zipped("one.txt"), "a.zip", "application/zip"),
        ("a.txt", "一页，一句话\n".encode(), "a.txt", "text/plain"),
        ("a.md", b"# Title\r\n", "a.md", "text/plain"),
    ],
)
def test_what_the_club_takes(name, data, kept, content_type):
    found = check(name, data)
    assert (found.name, found.content_type) == (kept, content_type)


def test_windows_chinese_text_becomes_utf8():
    assert check("a.txt", "结论".encode("gb18030")).data == "结论".encode()


# ---- wrong types


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("evil.svg", SVG),
        ("evil.svg", b'<?xml version="1.0"?>' + SVG),
        ("page.html", b"<!doctype html>" + SCRIPT),
        ("page.png", b"<!doctype html>" + SCRIPT),
        ("page.pdf", b"<!doctype html>" + SCRIPT),
        ("late.pdf", SCRIPT + PDF),
        ("run.exe", b"MZ" + bytes(200)),
        ("run.txt", b"MZ\x90\x00" + bytes(200)),
        ("run.pptx", b"MZ" + bytes(200)),
        ("run.sh", b"#!/bin/sh\nrm -rf /\n"),
        ("lib.txt", b"\x7fELF" + bytes(60)),
        ("app.jar", zipped("META-INF/MANIFEST.MF")),
        ("macro.docm", office("word")),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        ("locked.pptx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        ("word.pptx", office("word")),
        ("doc.pdf", zipped("one.txt")),
        ("song.mp3", b"ID3" + bytes(100)),
        ("picture.bmp", picture("BMP")),
        ("picture.tif", picture("TIFF")),
        ("icon.ico", picture("ICO", size=(16, 16))),
        ("nul.txt", b"abc\0def"),
        ("escape.md", b"\x1b]0;title\x07"),
        ("random.txt", bytes(range(256))),
        ("noending", b"hello"),
        ("", b"hello"),
    ],
)
def test_what_the_club_does_not_take(name, data):
    assert refused(name, data)


@pytest.mark.parametrize("name", ["a.png", "a.txt", "a.pdf"])
def test_empty_files_are_refused(name):
    assert "empty" in refused(name, b"")


def test_large_files_are_refused():
    assert "2 MB" in refused("a.txt", b"a" * 2_000_001)


def test_too_many_files_are_refused():
    with pytest.raises(Invalid):
        uploads.check_all([Upload("a.txt", b"a")] * 4, LIMITS)


# ---- pictures that are more than pictures


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", picture() + SCRIPT),
        ("a.png", picture() + zipped("run.exe")),
        ("a.jpg", picture("JPEG", comment=SCRIPT)),
        ("a.jpg", picture("JPEG") + b"<?php system($_GET['c']); ?>"),
        ("a.gif", picture("GIF", comment=SCRIPT)),
        ("a.gif", picture("GIF") + b"*/=1;alert(1)"),
        ("a.webp", picture("WEBP", xmp=SCRIPT)),
        ("shell.php", picture() + b"<?php system($_GET['c']); ?>"),
        ("page.html", picture() + SCRIPT),
        ("page.svg", picture()),
    ],
)
def test_a_polyglot_comes_out_as_pixels_only(name, data):
    found = check(name, data)
    assert found.content_type in uploads.PICTURES
    assert found.name.endswith((".png", ".jpg", ".webp"))
    for trace in (b"script", b"alert", b"<?php", b"PK\x03\x04", b"run.exe"):
        assert trace not in found.data
    with Image.open(io.BytesIO(found.data)) as clean:
        assert clean.size == (8, 6) and not clean.info.get("comment")


def test_where_a_photograph_was_taken_is_forgotten():
    exif = Image.Exif()
    exif[0x010E] = "at home"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    found = check("a.jpg", picture("JPEG", exif=exif))
    with Image.open(io.BytesIO(found.data)) as clean:
        assert not clean.getexif()
        # Turned upright before the note that said so was dropped.
        assert clean.size == (6, 8)


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (25_000, 100), (100, 25_000), (2**31 - 1, 1), (8_000, 8_000)]
)
def test_huge_dimensions_are_refused_before_they_are_decoded(width, height):
    data = png_claiming(width, height)
    tracemalloc.start()
    try:
        assert refused("bomb.png", data)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_compressed_note_is_no_bomb():
    bomb = png_with_text_bomb()
    assert len(bomb) < LIMITS.max_bytes
    try:
        found = check("note.png", bomb)
    except Invalid:
        return
    assert len(found.data) < 10_000


@pytest.mark.parametrize(
    "data",
    [
        picture()[:40],
        picture("JPEG")[:200],
        picture("WEBP")[:30],
        picture("GIF")[:20],
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        png_claiming(100, 100, b"short"),
        png_claiming(0, 0),
        b"RIFF\x00\x00\x00\x00WEBP",
    ],
)
def test_damaged_pictures_are_refused(data):
    assert refused("a.png", data)


def test_a_large_picture_is_made_smaller():
    found = check("a.png", picture(size=(5_000, 50)))
    with Image.open(io.BytesIO(found.data)) as clean:
        assert clean.size[0] == uploads.SHOWN_SIDE


def test_transparency_is_kept():
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(check("a.png", out.getvalue()).data)) as clean:
        assert clean.mode == "RGBA"


# ---- names


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\win.txt", "win.txt"),
        ("/etc/cron.d/x.txt", "x.txt"),
        ("C:\\a\\b.txt", "b.txt"),
        ("a\x00.txt", "a.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie x=1.txt"),
        ("invoice\u202etxt.exe.txt", "invoicetxt_exe.txt"),
        ("a\u200b.txt", "a.txt"),
        ("con.txt", "file con.txt"),
        (".htaccess.txt", "htaccess.txt"),
        ("shell.php.txt", "shell_php.txt"),
        ('"><img src=x>.txt', "img src=x .txt"),
        ("é.txt", "é.txt"),
        ("名字.txt", "名字.txt"),
    ],
)
def test_names_are_made_safe(name, kept):
    assert check(name, b"hello").name == kept


def test_long_names_are_cut():
    found = check("很" * 400 + ".txt", b"hello")
    assert len(found.name) <= uploads.MAX_NAME and found.name.endswith(".txt")


def test_equal_names_are_told_apart():
    found = uploads.check_all([Upload("a.txt", b"1"), Upload("A.txt", b"2"), Upload("x/a.txt", b"3")], LIMITS)
    assert [one.name for one in found] == ["a.txt", "A-2.txt", "a-3.txt"]


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name):
    clean = uploads.clean_name(name)
    assert "/" not in clean and "\\" not in clean and "\0" not in clean
    assert clean not in ("", ".", "..") and len(clean) <= uploads.MAX_NAME + 1
    assert not clean.startswith(".") and clean.isprintable()


@given(st.binary(max_size=400), st.sampled_from(["png", "pdf", "txt", "zip", "pptx", "svg", "html"]))
def test_whatever_comes_it_is_taken_or_refused_with_a_sentence(data, ending):
    try:
        found = check(f"a.{ending}", data)
    except Invalid:
        return
    assert found.content_type in (
        *uploads.PICTURES, "application/pdf", "text/plain", "application/zip", *uploads.OFFICE.values(),
    )  # fmt: skip


# ---- bytes and rows live and die together


class Shelf:
    """A file store in memory."""

    def __init__(self, full_after=99):
        self.kept, self.full_after = {}, full_after

    def put(self, key, data):
        if len(self.kept) >= self.full_after:
            raise OSError("full")
        self.kept[key] = data

    def get(self, key):
        return self.kept[key]

    def get_range(self, key, start, length):
        return self.kept[key][start : start + length]

    def has(self, key):
        return key in self.kept

    def delete(self, key):
        self.kept.pop(key, None)


def test_bytes_are_kept_under_random_keys():
    shelf = Shelf()
    files = uploads.check_all([Upload("a.txt", b"1"), Upload("b.txt", b"1")], LIMITS)
    with stored(shelf, files, folder="homework") as kept:
        assert len({one.storage_key for one in kept}) == 2
    assert set(shelf.kept) == {one.storage_key for one in kept}
    assert all("a.txt" not in key and ".." not in key for key in shelf.kept)


def test_bytes_are_forgotten_when_the_transaction_fails():
    shelf = Shelf()
    files = uploads.check_all([Upload("a.txt", b"1")], LIMITS)
    with pytest.raises(RuntimeError), stored(shelf, files, folder="homework"):
        raise RuntimeError("rolled back")
    assert not shelf.kept


def test_a_full_store_leaves_nothing_behind():
    shelf = Shelf(full_after=1)
    files = uploads.check_all([Upload("a.txt", b"1"), Upload("b.txt", b"2")], LIMITS)
    with pytest.raises(OSError), stored(shelf, files, folder="homework"):
        pass
    assert not shelf.kept
