"""Giving out what others handed in."""

from __future__ import annotations

from typing import Any

from flask import Response

from qunclub.web.files import give_out


def attachment(row: Any, *, inline: bool = False, name: str | None = None) -> Response:
    """The bytes of a file as a download; *inline* only for pictures the club itself has written.

    Args:
        name: what it is called instead of its own name.
    """
    return give_out(row.storage_key, content_type=row.content_type, name=name or row.name, inline=inline)
