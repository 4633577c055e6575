"""Chromium for the browser tests, kept on this machine; pages complain for themselves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

SHOTS = Path(__file__).resolve().parents[1] / "browser" / "shots"
MISSING = "Chromium is missing. Install it (Debian: apt-get install chromium) or set CHROMIUM=/path/to/it."
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # Whatever a page asks for, it is found on this machine or not at all.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

# A loaded machine is slow, not broken.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE / 2)


def executable() -> str:
    """Where Chromium is.

    Raises:
        RuntimeError: with the way out, when there is none.
    """
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise RuntimeError(MISSING)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Pages:
    """Opens pages and remembers what went wrong on them: script errors and what the CSP refused."""

    def __init__(self, browser: Browser, base_url: str | None = None) -> None:
        self.browser = browser
        self.base_url = base_url
        self.problems: list[str] = []
        self._contexts: list[Any] = []

    def __call__(
        self, width: int = 1280, *, height: int = 800, locale: str = "en-US", **options: Any
    ) -> Page:
        """A page in a context of its own (its own cookies), *width* pixels wide; under 600 it is a phone."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            base_url=options.pop("base_url", self.base_url),
            has_touch=width < 600,
            **options,
        )
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", self._listen)
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def close(self) -> None:
        """Close every page."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()


def shot(page: Page, name: str) -> Path:
    """A picture of the whole page in ``tests/browser/shots`` (not committed)."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def keep_shot(page: Page, name: str) -> None:
    """The same, only when pictures are asked for: CLUBTEST_SHOTS=1."""
    if os.environ.get("CLUBTEST_SHOTS"):
        shot(page, name)


def scrolls_sideways(page: Page) -> bool:
    """Whether something on the page is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
