"""Every page each role can reach by links: it answers, fits, says nothing in the console, and axe finds nothing."""

from __future__ import annotations

import html
import os
import re
from collections import Counter, deque
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import ConsoleMessage, Page
from werkzeug.exceptions import HTTPException

from tests.browser import look
from tests.browser.club import ACCOUNTS, BROWSER_LOCALES, Club, demo_instance, sign_in, speak
from tests.support import run
from tests.support.browser import Pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOST_PAGES = 70
# Two of a kind are enough: two lessons, two orders, two pages of a list; the second time around one.
OF_A_KIND = {"zh": 2, "en": 1}
OUTBOX = "qunclub.outbox.index"
# Their links change the language, or are no pages.
ELSEWHERE = {"qunclub.frame.language", "qunclub.static", "qunclub.vendor.file"}
FILES = re.compile(r"\.\w+(\?|$)|/files/|/pictures/")


@pytest.fixture(scope="module")
def site() -> Flask:
    """Only asked which address is which page."""
    from app import create_app

    return create_app(
        {"TESTING": True, "QUNCLUB_INSTANCE": str(demo_instance()), "QUNCLUB_LOG_LEVEL": "ERROR"}
    )


class Crawl:
    """One visit of everything one role can see."""

    def __init__(self, site: Flask, page: Page, role: str, language: str) -> None:
        self.kinds = site.url_map.bind("")
        self.page = page
        self.role = role
        self.language = language
        self.problems: list[str] = []
        self.seen: Counter[str] = Counter()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{self.page.url} says in the console: {message.text[:300]}")

    def kind(self, path: str) -> str:
        """The endpoint of an address; an address of nobody is a problem, found when it is opened."""
        try:
            endpoint, _values = self.kinds.match(path)
        except HTTPException:
            return path
        return str(endpoint)

    def run(self) -> None:
        """Breadth first from the home page."""
        todo, known = deque(["/"]), {"/"}
        visited = 0
        while todo and visited < MOST_PAGES:
            address = todo.popleft()
            kind = self.kind(address.partition("?")[0])
            if kind in ELSEWHERE or self.seen[kind] >= OF_A_KIND[self.language]:
                continue
            self.seen[kind] += 1
            visited += not FILES.search(address)
            for link in self._visit(address, kind):
                if link not in known:
                    known.add(link)
                    todo.append(link)

    def _visit(self, address: str, kind: str) -> list[str]:
        """Open an address; gives where it leads to within the club."""
        first = self._first_of(kind)
        links: list[str] = []
        status = 0
        if FILES.search(address):
            status = self.page.request.get(address).status
        elif first or self.language == "zh":
            answer = self.page.goto(address)
            status = answer.status if answer else 0
            links = self.page.eval_on_selector_all("a[href]", "all => all.map((at) => at.href)")
            self._look(kind, first)
        else:
            # The English pages of a kind differ by role in nothing that the Chinese ones do not.
            fetched = self.page.request.get(address)
            status, links = fetched.status, re.findall(r'<a [^>]*href="([^"]+)"', fetched.text())
        if status != 200:
            self.problems.append(f"{address} answers {status}")
        if kind == OUTBOX:
            return []  # somebody else's mail leads to somebody else's pages
        here = urlsplit(urljoin(self.page.url, address))
        parts = [urlsplit(urljoin(here.geturl(), html.unescape(link))) for link in links]
        return [
            part.path + (f"?{part.query}" if part.query else "")
            for part in parts
            if part.netloc == here.netloc
        ]

    def _look(self, kind: str, first: bool) -> None:
        self.problems += look.too_wide(self.page)
        # Mails in the outbox speak the language of whoever they go to.
        if self.language == "zh" and kind != OUTBOX:
            self.problems += look.english_left(self.page)
        if first:
            # Chinese on a phone in the light, English on a desk in the dark.
            width = look.PHONE if self.language == "zh" else look.DESK
            self.page.set_viewport_size({"width": width, "height": 800})
            self.problems += look.barriers(self.page)

    def _first_of(self, kind: str) -> bool:
        """Whether no other role saw this page in this language; homes differ, and what is locked does."""
        role = self.role if kind.endswith(("home.index", "home.me")) else "signed-in"
        who = "visitor" if self.role == "visitor" else role
        try:
            marker = run.folder() / f"seen-{self.language}-{who}-{kind.replace('/', '_')}"
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", ["admin", "instructor", "member", "host", "visitor"])
def test_every_page_a_role_can_reach(
    shared_club: Club, page_factory: Pages, site: Flask, role: str, language: str
) -> None:
    page = page_factory(
        look.DESK,
        locale=BROWSER_LOCALES[language],
        base_url=shared_club.url,
        color_scheme="light" if language == "zh" else "dark",
        reduced_motion="reduce",
    )
    if role != "visitor":
        sign_in(page, ACCOUNTS[role])
    speak(page, language)
    crawl = Crawl(site, page, role, language)
    crawl.run()
    assert not crawl.problems, "\n".join(crawl.problems)
    expected = {"visitor": 15, "host": 20, "member": 20, "instructor": 20, "admin": 45}
    assert len(crawl.seen) >= expected[role], sorted(crawl.seen)
