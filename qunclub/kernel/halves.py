"""Texts that no database, page or file takes: JSON can write half of a pair of surrogates, and the character zero."""

from __future__ import annotations

from typing import Any

from .errors import N_

NO_TEXT = N_("This is no text: it holds half of a character, or the character zero.")
INSTEAD = "\ufffd"
_DEEPEST = 100
"""No body of the club's has so many levels; what is deeper is refused for other reasons."""


def is_text(text: str) -> bool:
    """Whether *text* can be kept.

    >>> is_text("群 🎫"), is_text("\ud83c"), is_text("a\x00")
    (True, False, False)
    """
    return (text.isascii() and "\x00" not in text) or not any(map(_is_half, text))


def _is_half(letter: str) -> bool:
    return letter == "\x00" or "\ud800" <= letter <= "\udfff"


def misfits(given: Any, deep: int = 0) -> Any:
    """What cannot be kept of a JSON value, by field: messages where it stands, None when all can.

    >>> misfits({"code": "\ud800", "more": ["a", "b\x00"], "key": "k"}) == {"code": [NO_TEXT], "more": {1: [NO_TEXT]}}
    True
    """
    if isinstance(given, str):
        return None if is_text(given) else [NO_TEXT]
    if not isinstance(given, dict | list) or deep > _DEEPEST:
        return None
    rows = given.items() if isinstance(given, dict) else enumerate(given)
    # A name that is none is told by its mended form.
    found = {mended(name): misfits(name) or misfits(value, deep + 1) for name, value in rows}
    return {name: wrong for name, wrong in found.items() if wrong is not None} or None


def mended(given: Any) -> Any:
    """The same with a mark in place of each, for what comes from somebody who cannot be told to write it anew.

    >>> mended({"name": "a\ud83c", "n": 1}) == {"name": "a\ufffd", "n": 1}
    True
    """
    if isinstance(given, str):
        return given if is_text(given) else "".join(INSTEAD if _is_half(one) else one for one in given)
    if isinstance(given, list):
        return [mended(one) for one in given]
    if isinstance(given, dict):
        return {mended(name): mended(value) for name, value in given.items()}
    return given
