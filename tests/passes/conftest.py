"""A pause between reading and writing, so that a race that can happen does."""

from __future__ import annotations

import time
from typing import Any

import pytest

from qunclub.kernel import locks


@pytest.fixture
def thinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has read a row through ``locks.lock`` thinks a moment before writing: harmless under the lock."""
    real = locks.lock

    def slow(*arguments: Any) -> Any:
        row = real(*arguments)
        time.sleep(0.02)
        return row

    monkeypatch.setattr(locks, "lock", slow)
