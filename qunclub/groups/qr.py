"""A link as a QR picture: the way into a chat, a ticket."""

from __future__ import annotations

import io

import segno


def qr_svg(text: str) -> bytes:
    """*text* as an SVG QR code, dark on white whatever the page's colours: cameras need the contrast."""
    buffer = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        buffer,
        kind="svg",
        scale=8,
        border=2,
        dark="#111",
        light="#fff",
        xmldecl=False,
        svgclass=None,
        lineclass=None,
    )
    return buffer.getvalue()
