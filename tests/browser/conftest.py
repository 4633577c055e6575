"""One club for the whole worker, one of one's own for tests that need it untouched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.club import Club, open_club
from tests.support import run


@pytest.fixture(scope="session")
def shared_club() -> Iterator[Club]:
    """The demo club for every test that can live with what others did in it."""
    with open_club(run.folder() / f"browser-{os.getpid()}", QUNCLUB_RATE_LIMITS="no") as club:
        yield club


@pytest.fixture
def own_club(tmp_path: Path) -> Iterator[Club]:
    """A demo club of one's own, rate limits and all."""
    with open_club(tmp_path / "instance") as club:
        yield club
