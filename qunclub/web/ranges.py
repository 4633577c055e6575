"""Giving out large files in the pieces that were asked for: a film is wound on without sending what lies before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import http_date

from qunclub.kernel import NotFound
from qunclub.kernel.ports import FileStore

from .files import SANDBOX
from .state import club

PIECE = 512 * 1024


def give_out_ranges(
    key: str, *, size: int, etag: str, modified: dt.datetime, content_type: str, name: str, inline: bool
) -> Response:
    """The bytes under *key*, whole or the one range asked for (RFC 9110: 206, 304, 416, If-Range, HEAD).

    Args:
        size: of the whole, in bytes.
        etag: changes with the bytes.
        inline: whether a page may show it; everything else is a download.

    Raises:
        NotFound: when the bytes are gone.
    """
    files = club().files
    response = Response(mimetype=content_type)
    response.set_etag(etag)
    headers = response.headers
    headers["Accept-Ranges"] = "bytes"
    headers["Last-Modified"] = http_date(modified)
    shown = "inline" if inline else "attachment"
    headers["Content-Disposition"] = f"{shown}; filename*=UTF-8''{quote(name)}"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = SANDBOX
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    # Kept by the browser, but asked for again each time: a right that is taken back is gone at once.
    headers["Cache-Control"] = "private, no-cache"
    if request.if_none_match.contains(etag):
        response.status_code = 304
        return response
    begin, end = 0, size
    asked = request.range
    # Several ranges at once are answered with the whole: no player asks for them.
    if asked is not None and asked.units == "bytes" and len(asked.ranges) == 1 and _still(etag, modified):
        found = asked.range_for_length(size)
        if found is None:
            headers["Content-Range"] = f"bytes */{size}"
            response.status_code = 416
            return response
        begin, end = found
        response.status_code = 206
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    if request.method == "HEAD":
        if not files.has(key):
            raise NotFound()
    else:
        # The first piece is read before anything is answered: what is missing is a 404 and not a broken stream.
        try:
            first = files.get_range(key, begin, min(PIECE, end - begin))
        except KeyError:
            raise NotFound() from None
        response.response = _pieces(files, key, first, begin, end)
    headers["Content-Length"] = str(end - begin)
    return response


def _still(etag: str, modified: dt.datetime) -> bool:
    asked = request.if_range
    if asked is None or (asked.etag is None and asked.date is None):
        return True
    if asked.etag is not None:
        return asked.etag == etag
    return asked.date is not None and asked.date == modified.replace(microsecond=0)


def _pieces(files: FileStore, key: str, first: bytes, begin: int, end: int) -> Iterator[bytes]:
    yield first
    at = begin + len(first)
    while at < end:
        piece = files.get_range(key, at, min(PIECE, end - at))
        if not piece:
            return
        yield piece
        at += len(piece)
