"""A sandbox of one's own for each test; with ``box`` in the test, its webhooks arrive there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import FakeClock
from tests.support.sandbox import Letterbox, LiveSandbox, letterbox, live_sandbox


@pytest.fixture
def box() -> Iterator[Letterbox]:
    """Where the sandbox's webhooks go."""
    with letterbox() as opened:
        yield opened


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[LiveSandbox]:
    """A running pay sandbox on the fake clock."""
    hook = request.getfixturevalue("box").url if "box" in request.fixturenames else ""
    with live_sandbox(tmp_path, clock=clock, webhook_url=hook, by_itself=True) as live:
        yield live
