"""A pause between reading and writing, so that a race that can happen does."""

from __future__ import annotations

import time
from typing import Any

import pytest

from qunclub.kernel import locks
from qunclub.passes import seen


@pytest.fixture
def thinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has read a row or a ticket under its lock thinks a moment before writing: harmless under the lock."""
    real, real_see = locks.lock, seen.see

    def slow(*arguments: Any) -> Any:
        row = real(*arguments)
        time.sleep(0.02)
        return row

    def slow_see(*arguments: Any, **named: Any) -> Any:
        found = real_see(*arguments, **named)
        time.sleep(0.02)
        return found

    monkeypatch.setattr(locks, "lock", slow)
    monkeypatch.setattr("qunclub.passes.tickets.see", slow_see)
