"""Markdown from people, made into HTML that is safe to show. Rendered once, on save."""

from __future__ import annotations

import re

import markdown
import nh3

EXTENSIONS = ["extra", "sane_lists", "nl2br", "toc"]
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "li", "ol", "p", "pre", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "abbr": {"title"},
    "td": {"align"},
    "th": {"align"},
    "h2": {"id"},
    "h3": {"id"},
    "h4": {"id"},
}
MAX_LENGTH = 200_000


def render_markdown(source: str) -> str:
    """HTML of *source*: raw HTML, scripts, event handlers and odd schemes are taken out.

    Headings begin at h2 below the page's own and go down one level at a time, however their author marked them.
    """
    parser = markdown.Markdown(
        extensions=EXTENSIONS,
        extension_configs={"toc": {"baselevel": 2, "slugify": lambda value, sep: _anchor(value)}},
        output_format="html",
    )
    html = parser.convert(source[:MAX_LENGTH])
    return _levelled(
        nh3.clean(
            html,
            tags=TAGS,
            attributes=ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="nofollow noopener",
            id_prefix="s-",
        )
    )


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
