"""Ends its own process with SIGKILL at a chosen step: before a statement, about a commit, about a gateway call."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from tests.support.statements import FRAME

GATEWAY = (
    "create_checkout",
    "retrieve_checkout",
    "expire_checkout",
    "refund",
    "refunds_of",
    "retrieve_invoice",
    "retrieve_subscription",
    "cancel_subscription",
)


class Killer:
    """Counts steps once armed, and dies at one of them.

    Attributes:
        seen: the steps so far, such as ``statement INSERT``, ``before commit`` or ``after create_checkout``.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._dies: Callable[[int, str], bool] | None = None

    def arm(self, dies: Callable[[int, str], bool]) -> None:
        """From now on count; *dies* is asked with each step's number (from 0) and name."""
        self.seen, self._dies = [], dies

    def rest(self) -> None:
        """Count no more."""
        self._dies = None

    def step(self, name: str) -> None:
        """One step; perhaps the last."""
        if self._dies is None:
            return
        number = len(self.seen)
        self.seen.append(name)
        if self._dies(number, name):
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine: Engine) -> None:
        """Make the statements and commits of *engine* steps."""

        def statement(_conn: Any, _cursor: Any, text: str, *_rest: Any) -> None:
            words = text.lstrip().upper()
            if not words.startswith(FRAME):
                self.step(f"statement {words.split()[0]}")

        event.listen(engine, "before_cursor_execute", statement)
        dialect: Any = engine.dialect
        commit = dialect.do_commit

        def committed(connection: Any) -> None:
            self.step("before commit")
            commit(connection)
            self.step("after commit")

        dialect.do_commit = committed

    def beside(self, gateway: Any) -> Any:
        """*gateway* with its calls made steps."""
        return _Watched(gateway, self)


class _Watched:
    """A gateway whose calls are steps."""

    def __init__(self, gateway: Any, killer: Killer) -> None:
        self._gateway, self._killer = gateway, killer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._gateway, name)
        if name not in GATEWAY:
            return found

        def call(*args: Any, **more: Any) -> Any:
            self._killer.step(f"before {name}")
            answer = found(*args, **more)
            self._killer.step(f"after {name}")
            return answer

        return call
