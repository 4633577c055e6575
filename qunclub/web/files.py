"""Giving out what others uploaded: never as a page of ours, whatever it contains."""

from __future__ import annotations

import io

from flask import Response, send_file

from qunclub.kernel import NotFound

from .state import club

# Even opened by hand such a response runs nothing, loads nothing and belongs to no origin.
SANDBOX = "default-src 'none'; style-src 'none'; sandbox; frame-ancestors 'none'"


def give_out(key: str, *, content_type: str, name: str, inline: bool = False) -> Response:
    """The bytes kept under *key* as a download; *inline* only for pictures the club itself has written."""
    try:
        data = club().files.get(key)
    except KeyError:
        raise NotFound() from None
    response = send_file(
        io.BytesIO(data), mimetype=content_type, as_attachment=not inline, download_name=name
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # A right that is taken back is gone at once: nothing is kept on the way.
    response.headers["Cache-Control"] = "private, no-store"
    return response
