"""Files for the upload tests, friendly and hostile, made on the spot."""

import io
import struct
import zipfile
import zlib

from PIL import Image


def picture(kind="PNG", size=(8, 6), colour=(200, 30, 30), **options):
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


def chunk(name, data):
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width, height, data=b""):
    """A PNG of a few bytes whose header claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(data or b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_with_text_bomb(size=80_000_000):
    """A small picture with a compressed note that unfolds to *size* bytes."""
    plain = picture()
    note = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * size))
    return plain[:33] + note + plain[33:]


def zipped(*names):
    """A ZIP with those members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 40)
    return out.getvalue()


def office(folder):
    """The skeleton of an office file: folder is word, ppt or xl."""
    return zipped("[Content_Types].xml", "_rels/.rels", f"{folder}/document.xml")
