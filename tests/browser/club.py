"""The whole club as a visitor meets it: web, worker and pay sandbox on a demo database, and its people."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from qunclub.demo.build import PASSWORD, SHOWN_ACCOUNTS
from tests.support import run
from tests.support.servers import ROOT, club_process

# "admin", "instructor", "host", "member" and their demo accounts.
ACCOUNTS = {label.split()[0]: email for label, email in SHOWN_ACCOUNTS}
BROWSER_LOCALES = {"zh": "zh-CN", "en": "en-US"}


@dataclass(frozen=True)
class Club:
    """A running club."""

    url: str
    instance: Path

    @property
    def database_url(self) -> str:
        """Its database."""
        return f"sqlite:///{self.instance / 'club.db'}"


def demo_instance() -> Path:
    """An instance folder with the demo club in it, built once a run; copy it, do not serve it."""
    with run.one_at_a_time("browser-demo") as marker:
        folder = run.folder() / "browser-demo"
        if not marker.exists():
            environment = {k: v for k, v in os.environ.items() if not k.startswith("QUNCLUB_")}
            environment["QUNCLUB_INSTANCE"] = str(folder)
            for command in (["db", "upgrade"], ["demo"]):
                subprocess.run(
                    [sys.executable, "-m", "flask", "--app", "app", "qunclub", *command],
                    cwd=ROOT,
                    env=environment,
                    check=True,
                    capture_output=True,
                )
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
