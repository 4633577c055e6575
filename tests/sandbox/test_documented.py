"""Every switch, card and page of the sandbox is in docs/sandbox.md, and nothing that is not there."""

from __future__ import annotations

import re

from qunclub.adapters.stripe_objects import WEBHOOK_EVENTS
from qunclub.sandbox import books
from qunclub.sandbox.behaviour import DEFAULTS, WORDS
from tests.support.sandbox import LiveSandbox
from tests.support.servers import ROOT

TEXT = (ROOT / "docs" / "sandbox.md").read_text()


def test_every_behaviour_is_documented_with_its_default_and_its_words() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `?(\w+)`? \|", TEXT, re.MULTILINE))
    assert rows == {name: str(value) for name, value in DEFAULTS.items()}
    for name, words in WORDS.items():
        line = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))
        assert all(f"`{word}`" in line for word in words), name


def test_every_call_is_documented(sandbox: LiveSandbox) -> None:
    there = {
        f"{method} {rule.rule}"
        for rule in sandbox.running.app.url_map.iter_rules()
        if rule.rule.startswith("/sandbox/") and rule.rule != "/sandbox/behaviour"
        for method in (rule.methods or set()) & {"GET", "POST"}
    }
    assert set(re.findall(r"^\| `((?:GET|POST) /sandbox/\S+)`", TEXT, re.MULTILINE)) == there


def test_every_card_is_documented() -> None:
    cards = {
        found.replace(" ", "") for found in re.findall(r"^\| (\d{4}(?: \d{4}){3}) \|", TEXT, re.MULTILINE)
    }
    assert cards == {"4242424242424242"} | set(books.DECLINED) | set(books.REFUND_FATES) | books.PAYS_ONCE


def test_the_deployment_page_lists_every_event_to_subscribe_to() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    for kind in WEBHOOK_EVENTS:
        family, _, last = kind.rpartition(".")
        assert f"`{kind}`" in text or (f"`{family}." in text and f"`.{last}`" in text), kind
