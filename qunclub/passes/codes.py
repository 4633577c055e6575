"""Reading a QR code out of a picture: looked at and thrown away, nothing of it is kept."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image, UnidentifiedImageError

from qunclub.kernel import N_, Invalid

MOST_BYTES = 12 * 1024 * 1024
"""A photo as phones make them."""
MOST_PIXELS = 60_000_000
LOOKED_AT = 2_000
"""Pixels of the longer side at which a photo is read: more finds no more."""
LONGEST_TEXT = 400
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


def read(data: bytes) -> str | None:
    """The text of the first QR code in a picture; None when there is none.

    Raises:
        Invalid: on ``photo``, for what is no picture, or one too large.
    """
    if len(data) > MOST_BYTES:
        raise Invalid(N_("The photo is too large: send one of at most 12 MB."), field="photo")
    try:
        with Image.open(io.BytesIO(data), formats=KINDS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Invalid(N_("The photo is too large: send one of at most 12 MB."), field="photo")
            # JPEG decodes at a fraction of its size at once: quicker, and enough.
            picture.draft("L", (LOOKED_AT, LOOKED_AT))
            grey = picture.convert("L")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise Invalid(
            N_("This is no picture the club can read: send a JPEG or PNG."), field="photo"
        ) from error
    if max(grey.size) > LOOKED_AT:
        grey.thumbnail((LOOKED_AT, LOOKED_AT))
    for found in zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)):
        if found.text and len(found.text) <= LONGEST_TEXT:
            return str(found.text)
    return None
