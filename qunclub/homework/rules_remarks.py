"""Remarks at a passage or at a spot of a picture: how they are anchored, found again and marked in the text.

A passage is anchored as W3C Web Annotations are: by its place in the plain text of the attempt (``TextPosition``) and
by its words (``TextQuote``). The plain text is what a browser calls the ``textContent`` of the rendered attempt,
counted in characters (code points). Attempts never change, so the place is exact; the words find it in another one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from itertools import pairwise

from qunclub.kernel import N_, Invalid

MAX_REMARKS = 50
MAX_BODY = 2_000
MAX_QUOTE = 2_000
WHOLE = 1_000
"""A spot is so many thousandths from the left and from the top of its picture."""
_TAG = re.compile(r"""<(/?)([A-Za-z][^\s/>]*)((?:[^"'>]|"[^"]*"|'[^']*')*)>|<!--.*?-->""", re.DOTALL)
_BLOCKS = {
    "blockquote", "div", "dd", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "table",
    "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_FIELD = re.compile(r"remark-(\d{1,4})-(at|quote|x|y|body)")
_AT = re.compile(r"(?:text-(\d{1,18})-(\d{1,7})-(\d{1,7})|spot-(\d{1,18})-(\d{1,18}))")


@dataclass(frozen=True, slots=True)
class Mark:
    """A passage to be marked: *ident* names it in the page, *n* is the number shown; without a name it has no link."""

    start: int
    end: int
    ident: str
    n: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of an attempt, by its number from 1: for whoever chooses without a pointer."""

    n: int
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of an attempt's plain text."""

    attempt_id: int
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a picture, in thousandths from the left and the top."""

    attempt_id: int
    file_id: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Typed:
    """A remark as the desk's form holds it; without an anchor that can be read it is still shown and kept."""

    n: int
    anchor: Passage | Spot | None
    body: str

    @property
    def at(self) -> str:
        """The anchor as the form holds it."""
        if isinstance(self.anchor, Passage):
            return f"text-{self.anchor.attempt_id}-{self.anchor.start}-{self.anchor.end}"
        return f"spot-{self.anchor.attempt_id}-{self.anchor.file_id}" if self.anchor else ""

    @property
    def passage(self) -> Passage | None:
        """Its passage, if it is about words."""
        return self.anchor if isinstance(self.anchor, Passage) else None

    @property
    def spot(self) -> Spot | None:
        """Its spot, if it is about a picture."""
        return self.anchor if isinstance(self.anchor, Spot) else None


def _tokens(html: str) -> Iterator[tuple[str, str, bool, str]]:
    """(tag's name, source, closing, text): tags have a name, text has none."""
    at, after_pre = 0, False
    for found in _TAG.finditer(html):
        if found.start() > at:
            yield _words(html[at : found.start()], after_pre)
        name = (found[2] or "").lower()
        yield name or "!", found[0], bool(found[1]), ""
        at, after_pre = found.end(), name == "pre" and not found[1]
    if at < len(html):
        yield _words(html[at:], after_pre)


def _words(source: str, after_pre: bool) -> tuple[str, str, bool, str]:
    text = unescape(source)
    # A browser takes the first line end of a <pre> away.
    return "", source, False, text[1:] if after_pre and text.startswith("\n") else text


def plain_text(html: str) -> str:
    """The text of sanitised *html*, as a browser's ``textContent`` gives it.

    >>> plain_text("<p>a &amp; <b>b</b></p>")
    'a & b'
    """
    return "".join(text for _name, _source, _closing, text in _tokens(html))


def paragraphs(html: str) -> list[Paragraph]:
    """The runs of text between blocks, without those that hold only space.

    >>> [(one.n, one.words) for one in paragraphs("<h2>One</h2><ul><li>two <b>three</b></li></ul>")]
    [(1, 'One'), (2, 'two three')]
    """
    found: list[Paragraph] = []
    at, begun, words = 0, 0, ""

    def close() -> None:
        nonlocal words
        if words.strip():
            lead = len(words) - len(words.lstrip())
            start = begun + lead
            found.append(Paragraph(len(found) + 1, start, start + len(words.strip()), words.strip()))
        words = ""

    for name, _source, _closing, text in _tokens(html):
        if name in _BLOCKS:
            close()
        if text:
            if not words:
                begun = at
            words += text
            at += len(text)
    close()
    return found


def find(text: str, start: int, end: int, quote: str) -> tuple[int, int] | None:
    """Where *quote* stands in *text*: at its place, else where it is found nearest to it, else nowhere.

    >>> find("one two one", 0, 3, "one"), find("a one two one", 8, 11, "one"), find("two", 0, 3, "one")
    ((0, 3), (10, 13), None)
    """
    if not quote.strip():
        return None
    if 0 <= start < end <= len(text) and text[start:end] == quote:
        return start, end
    best: int | None = None
    at = text.find(quote)
    while at >= 0:
        if best is None or abs(at - start) < abs(best - start):
            best = at
        at = text.find(quote, at + 1)
    return None if best is None else (best, best + len(quote))


def chosen(html: str, attempt_id: int, paragraph: int, quote: str) -> Passage:
    """The passage that is named by the number of its paragraph and, if not the whole of it, by its words.

    Raises:
        Invalid: when there is no such paragraph, or it does not hold the words.
    """
    one = next((one for one in paragraphs(html) if one.n == paragraph), None)
    if one is None:
        raise Invalid(N_("Choose the paragraph that the remark is about."), field="remarks")
    words = quote.strip()
    if not words:
        return Passage(attempt_id, one.start, one.end, one.words)
    at = one.words.find(words)
    if at < 0:
        raise Invalid(
            N_("Paragraph %(n)s does not hold these words; copy them as they stand there."),
            field="remarks",
            n=paragraph,
        )
    return Passage(attempt_id, one.start + at, one.start + at + len(words), words)


def highlight(html: str, marks: Sequence[Mark]) -> str:
    """Sanitised *html* with its passages marked.

    Only text is wrapped, never a tag, so that what nested well nests well still; no character of the text is added,
    changed or lost. A number that leads to the remark stands behind each passage, outside of other links and of
    formulas; it holds no text, the style sheet shows its number.
    """
    shown = sorted((one for one in marks if one.start < one.end), key=lambda one: (one.start, one.end, one.n))
    if not shown:
        return html
    text = plain_text(html)
    # Behind the last word of each, not behind the space (or between the blocks) that follows it.
    ends: dict[int, list[Mark]] = {}
    spans: list[tuple[int, int, Mark]] = []
    for one in shown:
        words = text[one.start : one.end]
        if words.strip():
            start = one.start + len(words) - len(words.lstrip())
            end = start + len(words.strip())
            spans.append((start, end, one))
            ends.setdefault(end, []).append(one)
    cuts = sorted({at for start, end, _one in spans for at in (start, end)})
    out: list[str] = []
    waiting: list[Mark] = []
    closed = {"a": 0, "math": 0}
    at = 0

    def link() -> None:
        for one in (entry for entry in waiting if entry.ident):
            out.append(
                f'<a class="qc-mark__no" href="#remark-{one.ident}" id="mark-{one.ident}" '
                f'aria-labelledby="remark-{one.ident}-name" data-n="{one.n}"></a>'
            )
        waiting.clear()

    for name, source, closing, words in _tokens(html):
        if name:
            out.append(source)
            if name in closed and not source.endswith("/>"):
                closed[name] = max(0, closed[name] + (-1 if closing else 1))
            if waiting and not any(closed.values()):
                link()
            continue
        if not words:
            out.append(source)
            continue
        if words != unescape(source):
            out.append("\n")  # the first line end of a <pre>, which no browser shows
        end = at + len(words)
        edges = [at, *cuts[bisect_right(cuts, at) : bisect_right(cuts, end - 1)], end]
        for left, right in pairwise(edges):
            piece = words[left - at : right - at]
            over = [one for start, stop, one in spans if start <= left and right <= stop]
            safe = escape(piece, quote=False)
            if over and piece.strip() and not closed["math"]:
                out.append(f'<mark class="qc-mark">{safe}</mark>')
            else:
                out.append(safe)
            waiting += ends.pop(right, ())
            if waiting and not any(closed.values()):
                link()
        at = end
    link()
    return "".join(out)


def typed(form: Mapping[str, str]) -> list[Typed]:
    """The remarks of the desk's form, in the order of their numbers."""
    groups: dict[int, dict[str, str]] = {}
    for name, value in form.items():
        if (found := _FIELD.fullmatch(name)) is not None:
            groups.setdefault(int(found[1]), {})[found[2]] = value.replace("\r\n", "\n")
    return [Typed(n, _anchor(fields), fields.get("body", "")) for n, fields in sorted(groups.items())]


def fields_of(one: Typed) -> dict[str, str]:
    """A remark as fields of the form."""
    found = {"at": one.at, "body": one.body}
    if isinstance(one.anchor, Passage):
        found["quote"] = one.anchor.quote
    elif one.anchor is not None:
        found |= {"x": str(one.anchor.x), "y": str(one.anchor.y)}
    return {f"remark-{one.n}-{name}": value for name, value in found.items()}


def without(form: Mapping[str, str], n: int) -> dict[str, str]:
    """The form without its *n*-th remark."""
    return {name: value for name, value in form.items() if not name.startswith(f"remark-{n}-")}


def next_n(form: Mapping[str, str]) -> int:
    """The number of the next remark of the form."""
    return max((one.n for one in typed(form)), default=0) + 1


def _anchor(fields: Mapping[str, str]) -> Passage | Spot | None:
    found = _AT.fullmatch(fields.get("at", ""))
    if found is None:
        return None
    if found[1]:
        return Passage(int(found[1]), int(found[2]), int(found[3]), fields.get("quote", ""))
    return Spot(int(found[4]), int(found[5]), _part(fields.get("x", "")), _part(fields.get("y", "")))


def _part(value: str) -> int:
    return min(int(value[:6]), WHOLE) if value.isascii() and value.isdecimal() else WHOLE // 2
