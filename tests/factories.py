"""``make``: tiny data for tests. Each ``tests/factories_<capability>.py`` adds plain functions to it.

A factory takes ``make`` first and gives the row: ``def plan(make: Make, *, title: str = "…") -> Plan``; inside it,
``make.session`` is open and ``make.add(row)`` adds and flushes. ``make.plan(title="A")`` finds it by its name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from qunclub.kernel import Base
from tests.support.databases import Db

Row = TypeVar("Row", bound=Base)
_serial = count(1)


@cache
def factories() -> dict[str, Callable[..., Any]]:
    """Every public function of the ``factories_*`` modules, by name."""
    found: dict[str, Callable[..., Any]] = {}
    for path in sorted(Path(__file__).parent.glob("factories_*.py")):
        module = import_module(f"tests.{path.stem}")
        for name, value in vars(module).items():
            if (
                callable(value)
                and not name.startswith("_")
                and getattr(value, "__module__", "") == module.__name__
            ):
                if name in found:
                    raise RuntimeError(f"two factories are called {name}")
                found[name] = value
    return found


class Make:
    """Makes rows in a session, or in a database with a commit for each call."""

    def __init__(self, target: Session | Db, now: dt.datetime) -> None:
        self.now = now
        self._db = target if isinstance(target, Db) else None
        self._session = target if isinstance(target, Session) else None

    def next(self) -> int:
        """A number not given before: for slugs, keys and names."""
        return next(_serial)

    @property
    def session(self) -> Session:
        """The open session."""
        if self._session is None:
            raise RuntimeError("outside a factory this maker has no session: it commits each call by itself")
        return self._session

    def add(self, row: Row) -> Row:
        """Add *row* and flush it, so that it has its id."""
        self.session.add(row)
        self.session.flush()
        return row

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in factories():
            raise AttributeError(f"no factory called {name}; there are {', '.join(sorted(factories()))}")
        return partial(self._call, factories()[name])

    def _call(self, factory: Callable[..., Any], *args: Any, **values: Any) -> Any:
        if self._session is not None:
            return factory(self, *args, **values)
        assert self._db is not None  # one of the two is always there
        with self._db.uow() as session:
            self._session = session
            try:
                return factory(self, *args, **values)
            finally:
                self._session = None
