"""A clock that stands still."""

from __future__ import annotations

import datetime as dt


class FakeClock:
    """Fits the club's clock port: call it for the time, ``advance(days=3)`` to let time pass."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, **span: float) -> dt.datetime:
        """Move on by ``timedelta(**span)``; gives the new time."""
        self.now += dt.timedelta(**span)
        return self.now
