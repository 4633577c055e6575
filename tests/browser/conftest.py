"""One club to look at for the whole worker, one of one's own for tests that change it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.club import Club, open_club
from tests.support import run


@pytest.fixture(scope="session")
def shown_club() -> Iterator[Club]:
    """The demo club, only to be looked at."""
    with open_club(run.folder() / f"browser-{os.getpid()}", QUNCLUB_RATE_LIMITS="no") as club:
        yield club


@pytest.fixture
def own_club(tmp_path: Path) -> Iterator[Club]:
    """A demo club of one's own."""
    with open_club(tmp_path / "instance") as club:
        yield club
