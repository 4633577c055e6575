"""A club with the pay sandbox behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.orders.shop import Shop
from tests.support.clock import FakeClock
from tests.support.databases import Db
from tests.support.sandbox import Letterbox, LiveSandbox, letterbox, live_sandbox


@pytest.fixture
def box() -> Iterator[Letterbox]:
    """Where the sandbox's webhooks go; the test brings them to the club itself, when and how often it likes."""
    with letterbox() as opened:
        yield opened


@pytest.fixture
def sandbox(box: Letterbox, tmp_path: Path, clock: FakeClock) -> Iterator[LiveSandbox]:
    """A running pay sandbox on the club's clock."""
    with live_sandbox(tmp_path, clock=clock, webhook_url=box.url) as live:
        yield live


@pytest.fixture
def shop(app: Flask, site_db: Db, sandbox: LiveSandbox, box: Letterbox, clock: FakeClock) -> Shop:
    """The club's web site and the sandbox together."""
    return Shop(app, site_db, sandbox, box, clock)
