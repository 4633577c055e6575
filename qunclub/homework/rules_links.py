"""A link that belongs to work: what is taken for one, and how it is written down."""

from __future__ import annotations

import unicodedata
from urllib.parse import SplitResult, quote, urlsplit

from qunclub.kernel import N_, Invalid

MAX_LINK = 500
"""Most characters of a link as it is kept."""
MAX_TYPED = 2_000
"""Most characters of what a draft keeps: not yet a link, so longer."""
_PORTS = {"http": 80, "https": 443}
# What RFC 3986 lets stand; everything else is written as %XX. A "%" stays: it is written already.
_PATH = "%/:@!$&'()*+,;=-._~"
_QUERY = _PATH + "?"


def clean_link(text: str) -> str:
    """*text* as one normalised http(s) address; "" when nothing was typed. Cleaning twice changes nothing more.

    A host in another script is written in its ASCII form (punycode), so that a letter that only looks like another
    is seen to be one.

    >>> clean_link(" HTTPS://Example.ORG:443/页?a=1 ")
    'https://example.org/%E9%A1%B5?a=1'
    >>> clean_link("https://аpple.com/")
    'https://xn--pple-43d.com/'

    Raises:
        Invalid: on ``link``, saying what to write instead.
    """
    typed = text.strip()
    if not typed:
        return ""
    if len(typed) > MAX_TYPED:
        raise _too_long()
    if any(unicodedata.category(one)[0] in "CZ" for one in typed) or "\\" in typed:
        raise Invalid(
            N_("The link holds a space, a backslash or a character one cannot see: copy it again."),
            field="link",
        )
    try:
        parts = urlsplit(typed)
        port = parts.port
    except ValueError:
        raise _no_link() from None
    if parts.scheme not in _PORTS or not parts.netloc:
        raise Invalid(N_("A link begins with https:// or http://."), field="link")
    if "@" in parts.netloc:
        raise Invalid(N_("A link with a user name or a password is not taken: leave it out."), field="link")
    if port == 0:
        raise _no_link()
    shown = "" if port is None or port == _PORTS[parts.scheme] else f":{port}"
    link = f"{parts.scheme}://{_host(parts)}{shown}{quote(_whole(parts.path), safe=_PATH) or '/'}"
    if parts.query:
        link += "?" + quote(_whole(parts.query), safe=_QUERY)
    if parts.fragment:
        link += "#" + quote(_whole(parts.fragment), safe=_QUERY)
    if len(link) > MAX_LINK:
        raise _too_long()
    return link


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        # Two dots in a row, a label too long, a character no host has: the codec refuses them.
        written = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _no_link() from None
    labels = written.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(_is_label(one) for one in labels):
        # Bare names and numbers lead into the network of whoever clicks, not to a page of the author's.
        raise Invalid(N_("A link names a site on the web, such as https://example.org/page."), field="link")
    if len(written) > 253:
        raise _no_link()
    return written


def _is_label(label: str) -> bool:
    fits = all(one.isascii() and (one.isalnum() or one in "-_") for one in label)
    return bool(label) and len(label) <= 63 and fits and label[0] != "-" and label[-1] != "-"


def _whole(text: str) -> str:
    # A "%" that begins no %XX is a percent sign somebody typed.
    pieces = text.split("%")
    done = [pieces[0]]
    for piece in pieces[1:]:
        hexadecimal = len(piece) >= 2 and all(one in "0123456789abcdefABCDEF" for one in piece[:2])
        done.append(f"%{piece}" if hexadecimal else f"%25{piece}")
    return "".join(done)


def _no_link() -> Invalid:
    return Invalid(
        N_("This is no link that can be opened: copy it from the browser's address bar."), field="link"
    )


def _too_long() -> Invalid:
    return Invalid(N_("A link has at most %(limit)s characters."), field="link", limit=MAX_LINK)
