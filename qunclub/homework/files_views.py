"""Giving out what others handed in."""

from __future__ import annotations

from typing import Any

from flask import Response

from qunclub.web.files import give_out


def attachment(row: Any, *, inline: bool = False) -> Response:
    """The bytes of a file as a download; *inline* only for pictures the club itself has written."""
    return give_out(row.storage_key, content_type=row.content_type, name=row.name, inline=inline)
