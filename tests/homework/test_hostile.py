"""Hostile files, each refused with a sentence that names it, or made harmless and given out as nobody's page."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile

import pytest
from PIL import Image

from qunclub.homework import StoredFile, uploads
from qunclub.homework.uploads import Limits, Upload
from qunclub.kernel import Invalid
from tests.homework.pictures import office, picture, png_claiming, zipped

LIMITS = Limits(max_files=6, max_bytes=3_000_000)
SCRIPT = b"<script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def archive(*members, first=("[Content_Types].xml", "_rels/.rels")):
    """A packed ZIP of (name, bytes); with *first* it looks like an office file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in first:
            packed.writestr(name, "x" * 40)
        for name, data in members:
            packed.writestr(name, data)
    return out.getvalue()


def lying(size):
    """A ZIP whose list of contents claims that a member has *size* bytes."""
    data = archive(("word/document.xml", b"x"))
    at = data.rindex(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


def overlapping():
    """A ZIP whose list names the same bytes again and again."""
    data = archive(("a.txt", bytes(range(256)) * 8), first=())
    start, stop = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    entry = data[start:stop]
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 40, 40, len(entry) * 40, start, 0)
    return data[:start] + entry * 40 + end


def crowded(count=5_001):
    """A ZIP with very many empty files."""
    return archive(*((f"{n}", b"") for n in range(count)), first=())


def animated(kind, frames=60):
    """A picture that moves."""
    out = io.BytesIO()
    pictures = [Image.new("RGB", (64, 64), (n * 4, 0, 255 - n * 4)) for n in range(frames)]
    pictures[0].save(out, kind, save_all=True, append_images=pictures[1:], duration=10)
    return out.getvalue()


def jpeg_claiming(width, height):
    """A JPEG whose header claims any size."""
    data = picture("JPEG")
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def webp_claiming(width, height):
    """A WebP whose extended header claims any size."""
    body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", len(body)) + body + picture("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def located():
    """A photograph that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "SECRET PLACE"
    return picture("JPEG", exif=exif)


REFUSED = {
    "bomb.docx": archive(("word/document.xml", b"\0" * 60_000_000)),
    "liar.docx": lying(4_000_000_000),
    "over.zip": overlapping(),
    "crowd.zip": crowded(),
    "slip.zip": zipped("../../etc/cron.d/evil"),
    "slip2.zip": zipped("..\\..\\evil.exe"),
    "slip3.zip": zipped("/etc/passwd"),
    "slip4.zip": zipped("C:\\evil.exe"),
    "torn.zip": zipped("one.txt")[:60],
    "torn.docx": office("word")[:-30],
    "macro.docm": archive(("word/document.xml", b"x"), ("word/vbaProject.bin", b"x")),
    "macro.docx": archive(("word/document.xml", b"x"), ("word/vbaProject.bin", b"x")),
    "macro.xlsx": archive(("xl/workbook.xml", b"x"), ("xl/vbaProject.bin", b"x")),
    "huge.png": png_claiming(60_000, 60_000),
    "huge.jpg": jpeg_claiming(65_000, 65_000),
    "huge.webp": webp_claiming(16_000, 16_000),
    "long.png": png_claiming(2**31 - 1, 1),
    "moves.png": animated("PNG"),
    "torn.png": picture()[:45],
    "torn.jpg": picture("JPEG")[:300],
    "empty.png": b"",
    "empty.txt": b"",
    "image.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "page.html": b"<!doctype html>" + SCRIPT,
    "page.htm": b"<!doctype html>" + SCRIPT,
    "page.pdf": SCRIPT + PDF,
    "run.exe": b"MZ" + bytes(300),
    "invoice.pdf.exe": b"MZ" + bytes(300),
    "tool.txt": b"\x7fELF\x02\x01\x01" + bytes(300),
    "old.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "deck.pptx": office("word"),
    "notes.docx": PDF,
    "terminal.txt": b"\x1b]0;owned\x07",
    "zero.txt": b"text\0more",
    "big.txt": b"a" * 3_000_001,
    "script.sh": b"#!/bin/sh\nrm -rf /\n",
    "link.url": b"[InternetShortcut]\nURL=http://evil.example\n",
}
NEUTRALISED = {
    "gif.js": picture("GIF", comment=b"*/=1;alert(1)//"),
    "moves.gif": animated("GIF"),
    "moves.webp": animated("WEBP"),
    "shell.php.png": picture() + b"<?php system(1); ?>",
    "where.jpg": located(),
    "lie.jpg": picture("PNG"),
    "both.pdf": PDF + SCRIPT,
    "html.txt": b"<!doctype html>" + SCRIPT,
    "../../../etc/passwd.txt": b"root",
    "cod\u202etxt.exe.md": b"# right to left",
    "nul\x00.php.txt": b"hello",
    "\r\nSet-Cookie: a=b.txt": b"hello",
    "长" * 500 + ".txt": b"hello",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_sentence_that_names_the_file(name):
    with pytest.raises(Invalid) as error:
        uploads.check(Upload(name, REFUSED[name]), LIMITS)
    assert error.value.field == "files"
    assert str(error.value) and error.value.params["name"] == name


def test_an_honest_archive_is_not_refused():
    for name, data in {
        "work.zip": archive(("a/b.txt", b"text " * 20_000), first=()),
        "deck.pptx": office("ppt"),
        "..notes.zip": zipped("..notes.txt"),
    }.items():
        assert uploads.check(Upload(name, data), LIMITS).data == data


def test_neutralised_and_given_out_as_nobodys_page(app, visit, author, work, make, site_db):
    """Whatever it was, what leaves the club is pixels, or bytes that a browser only saves."""
    from tests.homework.test_pages import file_ids

    files = app.extensions["qunclub"].files
    kept = []
    for at, (name, data) in enumerate(NEUTRALISED.items()):
        found = uploads.check(Upload(name, data), LIMITS)
        assert len(found.name) <= uploads.MAX_NAME and re.fullmatch(r"[^./\\\r\n\0\u202e]+\.\w+", found.name)
        if found.content_type in uploads.PICTURES:
            for trace in (b"alert", b"<?php", b"SECRET"):
                assert trace not in found.data
            with Image.open(io.BytesIO(found.data)) as clean:
                assert getattr(clean, "n_frames", 1) == 1 and not clean.getexif()
        digest = hashlib.sha256(found.data).hexdigest()
        files.put(f"homework/{at}", found.data)
        kept.append(StoredFile(found.name, found.content_type, len(found.data), digest, f"homework/{at}"))
    make.submission(work, member=author[1], files=kept)
    client = visit(author[0])
    idents = file_ids(site_db)
    assert len(idents) == len(NEUTRALISED)
    for ident in idents:
        answer = client.get(f"/homework/files/{ident}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie: a" not in str(answer.headers)
