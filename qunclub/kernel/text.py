"""Markdown from people, made into HTML that is safe to show. Rendered once, on save."""

from __future__ import annotations

import re
from html import escape, unescape

import markdown
import nh3
from latex2mathml.converter import convert as latex_to_mathml
from pygments.token import STANDARD_TYPES

PREFIX = "s-"
EXTENSIONS = [
    "extra", "sane_lists", "nl2br", "toc", "pymdownx.arithmatex", "pymdownx.highlight", "pymdownx.quotes",
    "pymdownx.superfences", "pymdownx.tasklist", "pymdownx.tilde",
]  # fmt: skip
CALLOUTS = ("note", "tip", "important", "warning", "caution")
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "li", "ol", "p", "pre", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead",
    "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title", "id"},
    "img": {"src", "alt", "title"},
    "abbr": {"title"},
    "td": {"align"},
    "th": {"align"},
    "h2": {"id"},
    "h3": {"id"},
    "h4": {"id"},
    # Footnotes point at each other.
    "li": {"id"},
    "sup": {"id"},
}
# What Markdown itself marks; a class that somebody wrote by hand and that is not here is taken out.
CLASSES = {
    "div": {"highlight", "footnote", "qc-callout", *(f"qc-callout-{kind}" for kind in CALLOUTS)},
    "p": {"qc-callout-title"},
    "ul": {"task-list"},
    "span": {"qc-check", *(name for name in STANDARD_TYPES.values() if name)},
}
MAX_LENGTH = 200_000
LONGEST_FORMULA = 2_000
MATH_TAGS = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup",
    "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd", "mstyle", "mpadded",
    "mphantom", "menclose", "merror",
}  # fmt: skip
MATH_ATTRIBUTES = {
    "accent", "columnalign", "columnlines", "columnspacing", "depth", "display", "displaystyle", "fence", "height",
    "largeop", "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits", "notation",
    "rowlines", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "symmetric", "width",
}  # fmt: skip
_MATH = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
_HOLE = re.compile(r"\ue000(\d+)\ue001")


def render_markdown(source: str) -> str:
    """HTML of *source*: raw HTML, scripts, event handlers and odd schemes are taken out.

    Beside plain Markdown: tables, footnotes, task lists, fenced code with its language coloured, callouts
    (``> [!NOTE]``, also TIP, IMPORTANT, WARNING, CAUTION) and mathematics (``$…$``, ``$$…$$``) as MathML, which
    browsers set without a script. Headings begin at h2 below the page's own and go down one level at a time,
    however their author marked them.
    """
    parser = markdown.Markdown(
        extensions=EXTENSIONS,
        extension_configs={
            "toc": {"baselevel": 2, "slugify": lambda value, sep: _anchor(value)},
            # Words would be in one language; the arrow says it, the number tells which.
            "extra": {"footnotes": {"BACKLINK_TITLE": "↑ {}"}},
            "pymdownx.arithmatex": {"generic": True},
            "pymdownx.highlight": {"guess_lang": False},
            "pymdownx.quotes": {"callouts": True},
        },
        output_format="html",
    )
    # Private-use characters mark the holes that formulas are put into after the cleaning; nobody else may make one.
    html = parser.convert(re.sub(r"[\ue000\ue001]", "", source[:MAX_LENGTH]))
    formulas: list[str] = []
    html = _MATH.sub(lambda found: _hole(formulas, found), _marked(html))
    html = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener",
        id_prefix=PREFIX,
    )
    return _HOLE.sub(lambda found: formulas[int(found[1])], _levelled(html))


def _marked(html: str) -> str:
    """The marks that the extensions make, in the club's own classes."""
    html = html.replace('href="#', f'href="#{PREFIX}')
    html = re.sub(
        r'<input type="checkbox" disabled( checked)?/?>',
        lambda box: f'<span class="qc-check">{"☑" if box[1] else "☐"}</span>',
        html,
    )
    return re.sub(
        r'<div class="admonition (\w+)">\n<p class="admonition-title">(.*?)</p>',
        _callout,
        html,
        flags=re.DOTALL,
    )


def _callout(found: re.Match[str]) -> str:
    kind = found[1] if found[1] in CALLOUTS else "note"
    # Without a title of the author's own the style sheet says the kind in the reader's language.
    title = "" if found[2].strip().lower() == found[1] else found[2]
    return f'<div class="qc-callout qc-callout-{kind}">\n<p class="qc-callout-title">{title}</p>'


def _hole(formulas: list[str], found: re.Match[str]) -> str:
    formulas.append(_formula(unescape(found[3].strip()), block=found[2] == "["))
    return f"\ue000{len(formulas) - 1}\ue001"


def _formula(latex: str, *, block: bool) -> str:
    """MathML of *latex*, cleaned by itself; what cannot be read as a formula is shown as it was written."""
    if len(latex) > LONGEST_FORMULA:
        return f"<code>{escape(latex)}</code>"
    try:
        made = latex_to_mathml(latex, display="block" if block else "inline")
    except Exception:
        # The converter raises whatever its parser stumbled over; an author sees the source and mends it.
        return f"<code>{escape(latex)}</code>"
    allowed = {tag: MATH_ATTRIBUTES for tag in MATH_TAGS}
    math = nh3.clean(made, tags=MATH_TAGS, attributes=allowed, link_rel=None)
    return f'<div class="qc-math">{math}</div>' if block else math


def _levelled(html: str) -> str:
    above: list[int] = []

    def level(tag: re.Match[str]) -> str:
        if not tag[1]:
            while above and above[-1] >= int(tag[2]):
                above.pop()
            above.append(int(tag[2]))
        return f"<{tag[1]}h{min(1 + len(above), 6)}"

    return re.sub(r"<(/?)h([2-6])(?=[ >])", level, html)


def _anchor(value: str) -> str:
    return re.sub(r"[^\w]+", "-", value.lower()).strip("-")


def plain(html: str, limit: int = 160) -> str:
    """The words of *html* without tags, cut at *limit* characters: for descriptions and excerpts."""
    text = re.sub(r"\s+", " ", nh3.clean(html, tags=set())).strip()
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, char)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
