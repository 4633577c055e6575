"""What every page of the club must be: as wide as the screen, open to everybody, in one language."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from qunclub.web.i18n import catalogue
from tests.support.browser import scrolls_sideways

PHONE, DESK = 360, 1280
AXE = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
}
# Every text a reader meets, but for code, and for words that say themselves which language they are in.
TEXTS = """() => {
  const found = [];
  const other = "code, pre, kbd, script, style, template, textarea, .qc-prose, [lang]:not(html)";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (text && !at.closest(other)) found.push(text);
  }
  for (const at of document.querySelectorAll("body *")) {
    if (at.closest(other)) continue;
    for (const name of ["aria-label", "alt", "title", "placeholder", "data-label", "data-copied"]) {
      const text = (at.getAttribute(name) || "").trim();
      if (text) found.push(text);
    }
  }
  return [document.title, ...found];
}"""


def too_wide(page: Page) -> list[str]:
    """The widths at which the page has to be scrolled sideways, with what sticks out."""
    found = []
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 800})
        if scrolls_sideways(page):
            found.append(f"{page.url} scrolls sideways at {width} px: {_sticking_out(page)}")
    return found


def _sticking_out(page: Page) -> Any:
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((at) => at.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
            .slice(0, 4).map((at) => at.tagName.toLowerCase() + "." + at.className)"""
    )


# Rows that are like the ones before them cost axe time and tell it nothing.
SHORTEN = """() => {
  const rows = ":is(tbody > tr, .qc-list > li, .qc-rank > li, .qc-timeline > li):nth-child(n + 7)";
  for (const row of document.querySelectorAll(rows)) row.remove();
}"""


def barriers(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA and its own good practice; the page's long lists are cut short."""
    page.evaluate(SHORTEN)
    result = Axe().run(page, options=AXE).response
    return [
        f"{page.url}: {one['id']} ({one['help']}): "
        + "; ".join(f"{node['target']} {node['html'][:140]}" for node in one["nodes"][:3])
        for one in result["violations"]
    ]


@cache
def _english() -> tuple[frozenset[str], list[re.Pattern[str]]]:
    """The English of every text that has a Chinese one: whole, and those with a place to fill in."""
    whole, filled = set(), []
    for key, chinese in catalogue("zh")._catalog.items():
        text = key[0] if isinstance(key, tuple) else key
        if not text or text == chinese or not re.search(r"[A-Za-z]{2}", re.sub(r"%\(\w+\)[sd]", "", text)):
            continue
        parts = re.split(r"%\(\w+\)[sd]", text)
        if len(parts) == 1:
            whole.add(text)
        elif max(len(part) for part in parts) >= 4:
            filled.append(re.compile(".+".join(re.escape(part) for part in parts), re.DOTALL))
    return frozenset(whole), filled


def english_left(page: Page) -> list[str]:
    """English that a Chinese page still shows: texts that have a translation, and whole English sentences."""
    whole, filled = _english()
    found = []
    for text in page.evaluate(TEXTS):
        if not re.search(r"[A-Za-z]{2}", text):
            continue
        words = re.findall(r"(?<!\S)[A-Za-z]?[a-z']+[,.:;?!]?(?!\S)", text)
        sentence = len(words) >= 3 and not re.search(r"[\u4e00-\u9fff]", text)
        if text in whole or sentence or any(pattern.fullmatch(text) for pattern in filled):
            found.append(f"{page.url} is not Chinese: {text[:120]!r}")
    return sorted(set(found))
