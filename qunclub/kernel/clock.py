"""The only place of the club that reads the machine's clock."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

Clock = Callable[[], dt.datetime]


def utcnow() -> dt.datetime:
    """The present moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def monotonic() -> float:
    """Seconds of a clock that never goes back: for measuring, never for dates."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait; a port so that tests can pass a clock that does not."""
    time.sleep(seconds)
