"""Whether a picture's bytes hold pixels only, as the club itself writes them: nothing behind its end or beside them.

What is plain may be kept as it is; writing it anew would only lose quality, and a copy would never equal its original.
"""

from __future__ import annotations

import io
import struct

from PIL import Image

from .uploads import SHOWN_SIDE

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
WEBP_CHUNKS = (b"VP8X", b"ALPH", b"VP8 ", b"VP8L")
# Start of the frame, Huffman and quantisation tables, restart interval: what a picture cannot be drawn without.
JPEG_PARTS = (0xC0, 0xC4, 0xDB, 0xDD)


def is_plain(data: bytes, kind: str) -> bool:
    """Whether *data*, a whole picture of the type *kind* that was decoded before, is as the club writes pictures."""
    read = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}.get(kind)
    if read is None:
        return False
    try:
        if not read(data):
            return False
        with Image.open(io.BytesIO(data)) as picture:
            return max(picture.size) <= SHOWN_SIDE
    except (struct.error, IndexError, OSError, ValueError):
        return False


def _png(data: bytes) -> bool:
    at = len(PNG_START)
    if data[:at] != PNG_START:
        return False
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if name not in PNG_CHUNKS:
            return False
        if name == b"IEND":
            return bool(length == 0 and at == len(data))
    return False


def _webp(data: bytes) -> bool:
    start, size, name = struct.unpack_from("<4sI4s", data)
    if (start, name) != (b"RIFF", b"WEBP") or size + 8 != len(data):
        return False
    at = 12
    while at < len(data):
        chunk, length = struct.unpack_from("<4sI", data, at)
        if chunk not in WEBP_CHUNKS:
            return False
        at += 8 + length + length % 2
    return at == len(data)


def _jpeg(data: bytes) -> bool:
    if data[:2] != b"\xff\xd8":
        return False
    at = 2
    while data[at] == 0xFF:
        mark = data[at + 1]
        (length,) = struct.unpack_from(">H", data, at + 2)
        header = data[at + 4 : at + 9] == b"JFIF\0" and length == 16
        if mark == 0xDA:
            # Within the picture a mark is followed by zero, or it is a restart; the first other one ends it.
            end = data.find(b"\xff", at + 2 + length)
            while end >= 0 and (data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7):
                end = data.find(b"\xff", end + 2)
            return data[end:] == b"\xff\xd9"
        if mark not in JPEG_PARTS and not (mark == 0xE0 and header):
            return False
        at += 2 + length
    return False
