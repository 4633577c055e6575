"""The whole club as a visitor meets it: web, worker and pay sandbox on a demo database, and its people."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page

from qunclub.demo.build import PASSWORD, SHOWN_ACCOUNTS
from qunclub.web.i18n import catalogue, is_ours
from tests.support import run
from tests.support.databases import migrated_instance
from tests.support.servers import ROOT, club_process

# "admin", "instructor", "host", "member" and their demo accounts.
ACCOUNTS = {label.split()[0]: email for label, email in SHOWN_ACCOUNTS}
BROWSER_LOCALES = {"zh": "zh-CN", "en": "en-US"}


@dataclass(frozen=True)
class Club:
    """A running club."""

    url: str
    instance: Path


def command_line(instance: Path, *words: str) -> tuple[int, str]:
    """``flask qunclub …`` on the club in *instance*: its exit code and what it said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUNCLUB_")}
    ran = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "qunclub", *words],
        cwd=ROOT,
        env=environment | {"QUNCLUB_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def demo_instance() -> Path:
    """An instance folder with the demo club in it, built once a run; copy it, do not serve it."""
    with run.one_at_a_time("browser-demo") as marker:
        folder = run.folder() / "browser-demo"
        if not marker.exists():
            code, said = command_line(migrated_instance(folder), "demo")
            assert code == 0, said
            marker.touch()
    return folder


@contextmanager
def open_club(instance: Path, **settings: str) -> Iterator[Club]:
    """The demo club, served from a copy in *instance*."""
    shutil.copytree(demo_instance(), instance)
    with club_process(instance, {"QUNCLUB_LOG_LEVEL": "WARNING", **settings}, upgrade=False) as url:
        yield Club(url, instance)


def speak(page: Page, language: str) -> None:
    """Choose *language* as the footer's links do."""
    page.goto(f"/language/{language}")


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the form."""
    page.goto("/account/sign-in")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(lambda url: "/account/sign-in" not in url)


class Words:
    """What the club says, by its msgid, in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, message: str, **params: object) -> str:
        assert is_ours(message), f"the club does not say {message!r}"
        text = message if self.language == "en" else str(catalogue("zh").gettext(message))
        return text % params if params else text


def press(page: Page, name: str) -> None:
    """Push the button or follow the link of that name in the page's own part."""
    main = page.locator("main")
    main.get_by_role("button", name=name, exact=True).or_(
        main.get_by_role("link", name=name, exact=True)
    ).first.click()


def newest_mail(page: Page, subject: str) -> str:
    """The address in the newest mail of that subject, once the worker has sent it."""
    for _attempt in range(60):
        page.goto("/outbox")
        mail = page.locator(".qc-card", has_text=subject).first
        if mail.count():
            return str(mail.locator("a[href^=http]").first.get_attribute("href"))
        page.wait_for_timeout(250)
    raise AssertionError(f"no mail with the subject {subject!r} came")


def picture(text: str = "一页一句话") -> FilePayload:
    """A picture to hand in."""
    image = Image.new("RGB", (640, 360), "#faf9f5")
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((40, 140, 600, 150), fill="#1b5e4b")
    for place in range(len(text)):
        drawing.rectangle((40 + 60 * place, 60, 80 + 60 * place, 110), fill="#1f2420")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return {"name": "page.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def pay_by_card(page: Page, number: str = "4242 4242 4242 4242") -> None:
    """Fill in the pay page and send it."""
    page.fill("#number", number)
    page.fill("#expiry", "12 / 44")
    page.fill("#cvc", "123")
    page.locator("button[value=card]").click()
