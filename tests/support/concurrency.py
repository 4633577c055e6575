"""Many at once: each in a thread and a unit of work of its own, all let go at the same moment."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import signature
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from qunclub.kernel import locks
from tests.support.databases import Db

# The last: a statement that writes into several tables at once.
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|WITH \w+ AS\s*\((INSERT|UPDATE|DELETE))\b", re.IGNORECASE)


class Gathering:
    """Each of *n* threads stops before the first thing it writes until the others stand there too, or are done.

    Where nobody waits for a lock, all have then read before anybody has written: a negative control that would
    else be a matter of luck is certain to see its race.
    """

    def __init__(self, n: int, *, patience: float = 5) -> None:
        self._missing = n
        self._patience = patience
        self._changed = threading.Condition()
        self._here = threading.local()

    def arrive(self) -> None:
        """This thread writes next, or is done; only the first time counts."""
        if not getattr(self._here, "waited_for", False):
            return
        self._here.waited_for = False
        with self._changed:
            self._missing -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._missing <= 0, self._patience)

    @contextmanager
    def attended(self) -> Iterator[None]:
        """The block is what one of the threads does."""
        self._here.waited_for = True
        try:
            yield
        finally:
            if self._here.waited_for:
                self._here.waited_for = False
                with self._changed:
                    self._missing -= 1
                    self._changed.notify_all()

    def before_cursor_execute(self, *told: Any) -> None:
        """SQLAlchemy's event: connection, cursor, statement, …"""
        if WRITES.match(told[2]):
            self.arrive()


@contextmanager
def all_read_first(db: Db, n: int) -> Iterator[Gathering]:
    """A gathering of *n* on this database, as long as the block lasts."""
    gathering = Gathering(n)
    event.listen(db.engine, "before_cursor_execute", gathering.before_cursor_execute)
    try:
        yield gathering
    finally:
        event.remove(db.engine, "before_cursor_execute", gathering.before_cursor_execute)


def concurrently(db: Db, n: int, fn: Callable[..., Any], *, retry: bool = False) -> list[Any]:
    """Run ``fn(session)`` (or ``fn(session, index)``) in *n* threads; results or exceptions, by index.

    With the locks disabled (a negative control) all have read before anybody writes.

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
        with nullcontext() if gathering is None else gathering.attended():
            try:
                if retry:
                    outcomes[index] = db.transact(command)
                else:
                    with db.uow() as session:
                        outcomes[index] = command(session)
            except Exception as error:
                outcomes[index] = error

    threads = [threading.Thread(target=one, args=(index,), name=f"at-once-{index}") for index in range(n)]
    together: AbstractContextManager[Gathering | None] = (
        nullcontext() if locks.enabled() else all_read_first(db, n)
    )
    with together as gathering:
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
