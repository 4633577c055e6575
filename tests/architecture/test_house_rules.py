"""The other rules of the house: one clock, one place of commit, guarded routes, small files, clean templates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.architecture.rules import PACKAGE, ROOT, calls_of, naked_clocks, parts_of

FILES = [ROOT / "app.py", *sorted(PACKAGE.glob("**/*.py"))]
TEMPLATES = [*sorted(ROOT.glob("templates/**/*.html")), *sorted(PACKAGE.glob("sandbox/**/*.html"))]
LONGEST = 400
COMMITS = {"web", "jobs", "cli"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def outside(*rooms: str) -> list[tuple[str, str]]:
    """(name, source) of every file of ours that is not in these rooms."""
    return [
        (name(path), path.read_text(encoding="utf-8"))
        for path in FILES
        if path.parent == ROOT or parts_of(path)[0] not in rooms
    ]


def test_the_clock_and_chance_come_through_ports() -> None:
    found = [
        f"{file}:{line}: {what}" for file, source in outside("kernel") for line, what in naked_clocks(source)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import datetime as dt\nx = dt.datetime.now(dt.UTC)", "datetime.datetime.now"),
        ("from datetime import datetime\nx = datetime.utcnow()", "datetime.datetime.utcnow"),
        ("import datetime\nx = datetime.date.today()", "datetime.date.today"),
        ("import time\nx = time.time()", "time.time"),
        ("from time import time", "time.time"),
        ("import random", "random"),
        ("from random import choice", "random"),
    ],
)
def test_naked_clocks_are_seen(source: str, what: str) -> None:
    assert [found for _, found in naked_clocks(source)] == [what]


def test_a_clock_that_is_handed_in_is_fine() -> None:
    assert not list(
        naked_clocks("def f(now, clock):\n    x = clock.now()\n    return now.time(), now.date()")
    )


def test_only_the_edge_commits() -> None:
    found = [
        f"{file}:{line}"
        for file, source in outside(*COMMITS, "migrate")
        for line in calls_of(source, "commit")
    ]
    assert not found, "\n".join(found)


def test_migrations_commit_their_connection_once() -> None:
    # Alembic's own unit of work; it never runs inside a request.
    assert len(list(calls_of((PACKAGE / "migrate.py").read_text(encoding="utf-8"), "commit"))) == 1


def test_commits_are_seen() -> None:
    assert list(calls_of("def f(session):\n    session.commit()", "commit")) == [2]


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    from qunclub.web.guards import ATTRIBUTE

    ours = {
        endpoint: view for endpoint, view in app.view_functions.items() if endpoint.startswith("qunclub.")
    }
    assert len(ours) > 20
    naked = sorted(endpoint for endpoint, view in ours.items() if not hasattr(view, ATTRIBUTE))
    assert set(naked) <= {"qunclub.static"}, naked


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_room_is_too_big(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines: split it by subject"


INLINE = {
    "a script in the page": re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"""=\s*["']\s*javascript:""", re.IGNORECASE),
    "a file from another site": re.compile(
        r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["']https?:""", re.IGNORECASE
    ),
}


def inline(source: str) -> list[str]:
    """What the content security policy would refuse in a template."""
    shown = re.sub(r"\{#.*?#\}", "", source, flags=re.DOTALL)
    return [what for what, pattern in INLINE.items() if pattern.search(shown)]


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_fit_the_content_security_policy(path: Path) -> None:
    assert not inline(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "clean"),
    [
        ('<script src="/static/a.js" defer></script>', True),
        ('<p class="x" data-style="y" hx-on="">1 < 2 and on = off</p>', True),
        ("{# <style> #}", True),
        ("<script>alert(1)</script>", False),
        ('<p class="a"\n  style="color:red">', False),
        ('<button onclick="x()">', False),
        ("<style>p{}</style>", False),
        ('<a href="javascript:x()">', False),
        ('<script src="https://cdn.example.com/x.js"></script>', False),
    ],
)
def test_inline_code_is_seen(source: str, clean: bool) -> None:
    assert (inline(source) == []) is clean
