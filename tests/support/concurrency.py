"""Many at once: each in a thread and a unit of work of its own, all let go at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from inspect import signature
from typing import Any

from sqlalchemy.orm import Session

from tests.support.databases import Db


def concurrently(db: Db, n: int, fn: Callable[..., Any], *, retry: bool = False) -> list[Any]:
    """Run ``fn(session)`` (or ``fn(session, index)``) in *n* threads; results or exceptions, by index.

    Args:
        retry: run each as the web's ``transact`` does, again when it loses a race.
    """
    outcomes: list[Any] = [None] * n
    gate = threading.Barrier(n)
    indexed = len(signature(fn).parameters) > 1

    def one(index: int) -> None:
        def command(session: Session) -> Any:
            return fn(session, index) if indexed else fn(session)

        gate.wait(timeout=60)
        try:
            if retry:
                outcomes[index] = db.transact(command)
            else:
                with db.uow() as session:
                    outcomes[index] = command(session)
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=one, args=(index,), name=f"at-once-{index}") for index in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        if thread.is_alive():
            raise TimeoutError(f"{thread.name} did not finish in two minutes: a deadlock?")
    return outcomes


def succeeded(outcomes: list[Any]) -> list[Any]:
    """The results that are no exceptions."""
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


def failed(outcomes: list[Any]) -> list[Exception]:
    """The exceptions."""
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]
