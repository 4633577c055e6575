"""What a post must be, whom it mentions: pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from html import escape

from qunclub.kernel import N_, Invalid

MOST_BODY = 20_000
MOST_TITLE = 120
MOST_REASON = 1_000
MOST_PICTURES = 6
MOST_MENTIONS = 20
MOST_PINNED = 5

# Digits of any letters' neighbourhood but Latin: 请@12看 is a mention, a@12.example is not.
_MENTION = re.compile(r"(?<![A-Za-z0-9_.@/])@(\d{1,9})(?![A-Za-z0-9_])")
_ALL = re.compile(r"(?<![A-Za-z0-9_.@/])@(?:all(?![A-Za-z0-9_])|所有人|全体成员)")
_TAGS = re.compile(r"(<[^>]*>)")
_MARKED = re.compile(r'<span class="qc-at">@(\d{1,9})</span>')
_QUIET = ("a", "code", "pre", "math")


GROUP_CLOSED = N_(
    "This group was merged into another or has ended. Its board stays to be read; nobody writes on it any more."
)
CLOSED = N_("This post is not open for answers.")


def check_body(text: str, *, pictures: int = 0) -> str:
    """The words of a post as they are kept; pictures alone are a post too.

    Raises:
        Invalid: when there is nothing, or too much.
    """
    kept = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not kept.strip():
        if pictures:
            return ""
        raise Invalid(N_("Write something, or add a picture."), field="body_md")
    if len(kept) > MOST_BODY:
        raise Invalid(N_("This text is longer than %(limit)s characters."), field="body_md", limit=MOST_BODY)
    return kept


def check_title(title: str, *, announcement: bool) -> str:
    """The title of an announcement; other posts have none.

    Raises:
        Invalid: for an announcement without one.
    """
    if not announcement:
        return ""
    kept = " ".join(title.split())
    if not kept:
        raise Invalid(N_("Give the announcement a title; the notice of it says only that."), field="title")
    if len(kept) > MOST_TITLE:
        raise Invalid(N_("This text is longer than %(limit)s characters."), field="title", limit=MOST_TITLE)
    return kept


def check_reason(reason: str) -> str:
    """Why a post is hidden, as its author will read it.

    Raises:
        Invalid: without one.
    """
    kept = reason.strip()
    if not kept:
        raise Invalid(N_("Write the reason; it is told to whom it concerns."), field="reason")
    if len(kept) > MOST_REASON:
        raise Invalid(N_("This text is longer than %(limit)s characters."), field="reason", limit=MOST_REASON)
    return kept


def numbers_in(text: str) -> list[int]:
    """The member numbers that a text mentions, in order.

    >>> numbers_in("谢谢@12和 @7，写信到 me@34.example")
    [12, 7]
    """
    return list(dict.fromkeys(int(found) for found in _MENTION.findall(text)))


def calls_all(text: str) -> bool:
    """Whether a text calls everybody.

    >>> calls_all("@all 明天八点"), calls_all("@所有人"), calls_all("@allan"), calls_all("me@all.example")
    (True, True, False, False)
    """
    return _ALL.search(text) is not None


def check_mentions(text: str, *, staff: bool) -> list[int]:
    """The numbers a text mentions.

    Raises:
        Invalid: when they are too many, or everybody is called by one who may not.
    """
    if calls_all(text) and not staff:
        raise Invalid(
            N_("Only hosts call everybody (@all). Mention members by their number."), field="body_md"
        )
    found = numbers_in(text)
    if len(found) > MOST_MENTIONS:
        raise Invalid(N_("Mention at most %(limit)s members."), field="body_md", limit=MOST_MENTIONS)
    return found


def marked(html: str, numbers: Collection[int]) -> str:
    """Clean *html* with the mentions of *numbers* marked, outside of links, code and tags."""
    if not numbers:
        return html
    quiet: list[str] = []
    parts = []
    for part in _TAGS.split(html):
        if part.startswith("<"):
            name = part.strip("</>").split(None, 1)[0].lower() if len(part) > 2 else ""
            if name in _QUIET:
                if not part.startswith("</"):
                    quiet.append(name)
                elif name in quiet:
                    quiet.remove(name)
        elif not quiet:
            part = _MENTION.sub(
                lambda found: (
                    f'<span class="qc-at">@{int(found[1])}</span>' if int(found[1]) in numbers else found[0]
                ),
                part,
            )
        parts.append(part)
    return "".join(parts)


def named(html: str, names: Mapping[int, str], link: Callable[[int], str]) -> str:
    """*html* with each marked mention shown by the member's present name, leading where *link* says.

    >>> named('<p><span class="qc-at">@7</span></p>', {7: "<Hua>"}, "/members/{}".format)
    '<p><a class="qc-at" href="/members/7">@&lt;Hua&gt;</a></p>'
    """

    def show(found: re.Match[str]) -> str:
        number = int(found[1])
        if number not in names:
            return found[0]
        return f'<a class="qc-at" href="{escape(link(number))}">@{escape(names[number])}</a>'

    return _MARKED.sub(show, html)


def unread(last_n: int | None, read_n: int | None) -> int:
    """How many posts a member has not read.

    >>> unread(10, 7), unread(10, None), unread(None, None), unread(3, 9)
    (3, 10, 0, 0)
    """
    return max(0, (last_n or 0) - (read_n or 0))
