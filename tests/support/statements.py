"""Counting SQL statements: a page costs the same number of them with ten members as with ten thousand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

# The frame of a transaction, not what a page asks of the database.
FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


@dataclass
class Statements:
    """What was sent while the block ran."""

    sent: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many."""
        return len(self.sent)

    def __str__(self) -> str:
        return f"{self.count} statements:\n" + "\n".join(f"  {' '.join(text.split())}" for text in self.sent)


@contextmanager
def count_statements(engine: Engine) -> Iterator[Statements]:
    """Record every statement sent through *engine*; print the result to see which."""
    seen = Statements()

    def note(_conn: Any, _cursor: Any, statement: str, _params: Any, _context: Any, _many: bool) -> None:
        if not statement.lstrip().upper().startswith(FRAME):
            seen.sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
