"""What a lesson's medium may be, what a text names, which bytes were asked for, and where a reader goes on: pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from qunclub.kernel import N_, Invalid
from qunclub.kernel.uploads import AUDIO, PICTURES, clean_name

KINDS = ("article", "audio", "video", "live", "file")
WITH_MEDIA = ("audio", "video", "file")
VIDEO = {"video/mp4": ".mp4", "video/webm": ".webm"}
SHOWN = PICTURES | AUDIO.keys() | VIDEO.keys()
"""What a page shows or plays; everything else is only ever a download."""
LINK_LASTS = dt.timedelta(hours=6)
LIVE_EARLY = dt.timedelta(minutes=15)
"""How long before the hour the door of a live lesson stands open."""
MOST_SECONDS = 24 * 3600
WHOLE = 1000
"""A text is measured in thousandths: that is its end."""
# Only names as the club gives them: one word with an ending; anything else is an ordinary link.
_NAMED = re.compile(r'(<(?:img|a)\b[^>]*?\s(src|href)=")([^"]*)(")')
NAME = re.compile(r"[^\s/\\<>()\[\]#?&%\"':]+\.[a-z0-9]{2,4}")


def file_name(name: str) -> str:
    """*name* as a text can name it: one word, without brackets.

    >>> file_name("My chart (2).PNG")
    'My-chart-2.png'
    """
    stem, dot, ending = clean_name(name).rpartition(".")
    if not dot:
        stem, ending = ending, ""
    stem = re.sub(r"[^\w.]+", "-", stem).strip("-.") or "file"
    return f"{stem}.{ending.lower()}" if ending else stem


def check_name(name: str, old: str) -> str:
    """The new name of a file: it keeps its ending, which says what it is.

    Raises:
        Invalid: on ``name``.
    """
    ending = "." + old.rpartition(".")[2]
    made = file_name(name.strip() if name.strip().lower().endswith(ending) else name.strip() + ending)
    if not name.strip() or len(made) > 100 or not NAME.fullmatch(made):
        raise Invalid(
            N_("Write a short name without spaces, such as %(example)s."), field="name", example=old
        )
    return made


def names_in(html: str) -> frozenset[str]:
    """The files that a rendered text names.

    >>> sorted(names_in('<img src="a.png"> <a href="b%20c.pdf">x</a> <a href="https://x.org/d.png">y</a>'))
    ['a.png']
    """
    found = (_name(match[3]) for match in _NAMED.finditer(html))
    return frozenset(name for name in found if name)


def pictures_in(html: str) -> frozenset[str]:
    """The files that a rendered text shows as pictures.

    >>> sorted(pictures_in('<img src="a.png"> <a href="b.pdf">x</a>'))
    ['a.png']
    """
    found = (_name(match[3]) for match in _NAMED.finditer(html) if match[2] == "src")
    return frozenset(name for name in found if name)


def linked(html: str, address: Callable[[str], str]) -> str:
    """*html* with the files it names at the *address* where they can be fetched."""

    def put(match: re.Match[str]) -> str:
        name = _name(match[3])
        return f"{match[1]}{escape(address(name))}{match[4]}" if name else match[0]

    return _NAMED.sub(put, html)


def renamed(source: str, old: str, new: str) -> str:
    """The Markdown *source* with every link to *old* going to *new*.

    >>> renamed("![a](x.png) and ax.png", "x.png", "y.png")
    '![a](y.png) and ax.png'
    """
    either = f"(?:{re.escape(old)}|{re.escape(quote(old))})"
    return re.sub(
        rf"(\]\(\s*<?|^[ ]{{0,3}}\[[^\]\n]+\]:[ ]*<?){either}(?=[>\s)]|$)",
        lambda found: found[1] + new,
        source,
        flags=re.MULTILINE,
    )


def _name(address: str) -> str:
    name = unquote(unescape(address))
    return name if NAME.fullmatch(name) else ""


@dataclass(frozen=True, slots=True)
class Medium:
    """What stands beside a lesson's text.

    Attributes:
        kind: one of ``KINDS``.
        name: of the file; empty for an article and a live lesson.
        size: bytes.
    """

    kind: str
    name: str = ""
    content_type: str = ""
    size: int = 0
    live_url: str = ""
    live_starts_at: dt.datetime | None = None
    live_ends_at: dt.datetime | None = None


def check_kind(
    kind: str,
    *,
    media: str,
    live_url: str,
    live_starts_at: dt.datetime | None,
    live_ends_at: dt.datetime | None,
) -> dict[str, Any]:
    """What is kept of a lesson's kind: only what belongs to it.

    Raises:
        Invalid: naming the field that is missing or does not fit.
    """
    if kind not in KINDS:
        raise Invalid(N_("Choose what kind of lesson this is."), field="kind")
    made: dict[str, Any] = {
        "kind": kind, "media": "", "live_url": "", "live_starts_at": None, "live_ends_at": None,
    }  # fmt: skip
    if kind in WITH_MEDIA:
        if not media:
            raise Invalid(
                N_("Choose the file of this lesson; add it to the course's files first."), field="media"
            )
        made["media"] = media
    if kind == "live":
        parts = urlsplit(live_url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or len(live_url) > 500:
            raise Invalid(N_("Write the whole link, beginning with https://."), field="live_url")
        if live_starts_at is None:
            raise Invalid(N_("Say when it begins."), field="live_starts_at")
        if live_ends_at is not None and live_ends_at <= live_starts_at:
            raise Invalid(N_("It ends after it begins."), field="live_ends_at")
        made |= {
            "live_url": live_url.strip(), "live_starts_at": live_starts_at, "live_ends_at": live_ends_at,
        }  # fmt: skip
    return made


def check_fit(kind: str, content_type: str) -> None:
    """Refuse a file that a lesson of *kind* cannot play.

    Raises:
        Invalid: on ``media``.
    """
    if kind == "audio" and content_type not in AUDIO:
        raise Invalid(N_("This file is not a sound that browsers play: MP3, M4A, OGG or WAV."), field="media")
    if kind == "video" and content_type not in VIDEO:
        raise Invalid(N_("This file is not a film that browsers play: MP4 or WebM."), field="media")


def live_state(starts_at: dt.datetime, ends_at: dt.datetime | None, now: dt.datetime) -> str:
    """``before``, ``open`` (from a quarter of an hour before) or ``over``; without an end it is over a day later.

    >>> at = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    >>> [live_state(at, None, at + dt.timedelta(minutes=m)) for m in (-16, -15, 60, 1440)]
    ['before', 'open', 'open', 'over']
    """
    if now < starts_at - LIVE_EARLY:
        return "before"
    return "over" if now >= (ends_at or starts_at + dt.timedelta(days=1)) else "open"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is in a lesson: thousandths of its text, seconds of its medium."""

    text: int = 0
    media: int = 0


def place_to_keep(*, text: int | None, media: int | None, kept: Place) -> Place:
    """Where the reader goes on next time: where they are now, back or ahead; what was not said stays.

    A reader may go back on purpose, so the last word counts; it is only held within the lesson.

    >>> place_to_keep(text=1200, media=None, kept=Place(10, 7))
    Place(text=1000, media=7)
    """
    return Place(
        kept.text if text is None else max(0, min(WHOLE, text)),
        kept.media if media is None else max(0, min(MOST_SECONDS, media)),
    )
