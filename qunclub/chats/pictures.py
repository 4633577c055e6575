"""The QR picture of a chat that has no link: recognised by content, written anew, never larger than a screen."""

from __future__ import annotations

import io

import filetype
from PIL import Image

from qunclub.kernel import N_, Invalid
from qunclub.kernel.uploads import PICTURES, reencode

MOST_BYTES = 5_000_000
SIDE = 1_200
FOLDER = "chats"


def check(data: bytes) -> bytes:
    """A QR picture as it will be kept: a PNG of our own writing.

    Raises:
        Invalid: on ``picture``.
    """
    if not data:
        raise Invalid(N_("This file is empty."), field="picture")
    if len(data) > MOST_BYTES:
        raise Invalid(
            N_("This file is larger than %(limit)s MB."), field="picture", limit=MOST_BYTES // 1_000_000
        )
    kind = filetype.guess_mime(data)
    if kind not in PICTURES:
        raise Invalid(N_("Send a picture: JPG, PNG or WebP."), field="picture")
    _type, clean = reencode(data, kind, "picture", field="picture")
    with Image.open(io.BytesIO(clean)) as shown:
        shown.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        shown.save(out, "PNG")
    return out.getvalue()
